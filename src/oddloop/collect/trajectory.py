"""Predicted modes of each member into `predictions/trajectory`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from oddloop.collect.batches import Batch, Given, Pick, check_given, nested, stack, tensor, write_rows
from oddloop.collect.members import Members
from oddloop.errors import TableError
from oddloop.tables import TRAJECTORY


def write_trajectory(
    path: str | os.PathLike[str],
    batches: Iterable[Batch],
    members: Members,
    *,
    given: Given = "logits",
    pick: Pick = None,
) -> int:
    """Run every member on every batch and write a table of predicted trajectories.

    Args:
        path: as in `write_classification`; the folder is `lake/predictions/trajectory/<model_id>`.
        batches: (inputs, frame_ids, scene_ids, agent_ids) with B ids each, the rows of a frame together.
        members: from `mc_dropout`, `checkpoints` or `one_pass`.
        given: whether the model gives `logits` or `probs` of the modes.
        pick: from the model's output to a pair: (B,K,H,2) positions in metres, and (B,K) logits or probabilities;
            None where the output is that pair.

    Returns:
        rows written.

    Raises:
        TableError: ids and outputs do not fit; names the batch.
        ValueError: `given` is neither.
    """
    check_given(given)
    schema = TRAJECTORY.schema()

    def collect(inputs: Any, number: int, n_rows: int) -> dict[str, pa.Array]:
        what = f"batch {number}: the model's output"
        pairs = [_pair(out, pick, what) for out in members.outputs(inputs, number)]
        modes = stack([tensor(pair[0], None, n_rows, f"{what}, its positions,") for pair in pairs], what)
        weights = [tensor(pair[1], None, n_rows, f"{what}, its {given},") for pair in pairs]
        probs = stack([w.softmax(-1) for w in weights] if given == "logits" else weights, what)
        if modes.ndim != 5 or modes.shape[-1] != 2 or modes.shape[:3] != probs.shape:
            shapes = f"{modes.shape[0:1] + modes.shape[2:]} and {probs.shape[0:1] + probs.shape[2:]}"
            raise TableError(f"{what} must be (B,K,H,2) positions and (B,K) {given}; they have shapes {shapes}")
        columns = {"mode_probs": probs, "modes": modes}
        return {name: nested(values, schema.field(name).type) for name, values in columns.items()}

    return write_rows(path, batches, TRAJECTORY, ("frame_id", "scene_id", "agent_id"), ("mode_probs", "modes"), collect)


def _pair(output: Any, pick: Pick, what: str) -> tuple[Any, Any]:
    found = pick(output) if pick is not None else output
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        kind = f"{type(found).__name__} of {len(found)}" if isinstance(found, (tuple, list)) else type(found).__name__
        raise TableError(f"{what} is a {kind}, not a pair of positions and probabilities; say in `pick` where they are")
    return found[0], found[1]
