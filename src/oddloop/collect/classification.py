"""Classes, as each member sees them, into `predictions/classification`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from oddloop.collect.batches import Batch, Given, Pick, check_given, nested, stack, tensor, write_rows
from oddloop.collect.members import Members
from oddloop.errors import TableError
from oddloop.tables import CLASSIFICATION


def write_classification(
    path: str | os.PathLike[str],
    batches: Iterable[Batch],
    members: Members,
    *,
    given: Given = "logits",
    pick: Pick = None,
) -> int:
    """Run every member on every batch and write a table of classifications: of logits, or of probabilities.

    Args:
        path: a Parquet file, or the folder of a table (`lake/predictions/classification/<model_id>`), which gets the
            file `part-00000.parquet`; a local path or URL. It appears whole or not at all, over an older one.
        batches: (inputs, frame_ids, scene_ids) with B ids each; a list, a generator or a `DataLoader`.
        members: from `mc_dropout`, `checkpoints` or `one_pass`.
        given: whether the model gives (B,K) `logits` or `probs`, of any float type.
        pick: where in the model's output they are, such as `lambda out: out.logits`; None where they are the output.

    Returns:
        rows written.

    Raises:
        TableError: ids and outputs do not fit; names the batch.
        ValueError: `given` is neither.
    """
    check_given(given)
    kind = CLASSIFICATION.schema().field(given).type

    def collect(inputs: Any, number: int, n_rows: int) -> dict[str, pa.Array]:
        what = f"batch {number}: the model's output"
        found = stack([tensor(out, pick, n_rows, what) for out in members.outputs(inputs, number)], what)
        if found.ndim != 3:
            shape = found.shape[:1] + found.shape[2:]
            raise TableError(f"{what} must have two axes, rows x classes; it has shape {shape}")
        return {given: nested(found, kind)}

    return write_rows(path, batches, CLASSIFICATION, ("frame_id", "scene_id"), (given,), collect)
