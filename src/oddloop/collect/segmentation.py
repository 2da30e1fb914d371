"""Classes of every pixel, as each member sees them, into `predictions/segmentation`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.collect.batches import Batch, Given, Pick, check_given, stack, tensor, write_rows
from oddloop.collect.members import Members
from oddloop.errors import TableError
from oddloop.tables import SEGMENTATION

_COLUMNS = ("tensor", "shape", "dtype", "kind")


def write_segmentation(
    path: str | os.PathLike[str],
    batches: Iterable[Batch],
    members: Members,
    *,
    given: Given = "logits",
    pick: Pick = None,
    dtype: Literal["float16", "float32"] = "float16",
) -> int:
    """Run every member on every batch and write a table of dense tensors: of logits, or of probabilities.

    Args:
        path: as in `write_classification`; the folder is `lake/predictions/segmentation/<model_id>`.
        batches: (inputs, frame_ids, scene_ids) with B ids each. A batch is held with the outputs of all its members.
        members: from `mc_dropout`, `checkpoints` or `one_pass`.
        given: whether the model gives (B,K,H,W) `logits` or `probs`, of any float type.
        pick: where in the model's output they are, such as `lambda out: out["out"]`; None where they are the output.
        dtype: how the numbers are stored; float16 takes half the room, and logits beyond 65,504 are cut to that.

    Returns:
        rows written, one per frame.

    Raises:
        TableError: ids and outputs do not fit; names the batch.
        ValueError: `given` or `dtype` is none of its values.
    """
    check_given(given)
    if dtype not in ("float16", "float32"):
        raise ValueError(f'dtype must be "float16" or "float32"; got {dtype!r}')

    def collect(inputs: Any, number: int, n_rows: int) -> dict[str, pa.Array]:
        what = f"batch {number}: the model's output"
        found = stack([tensor(out, pick, n_rows, what) for out in members.outputs(inputs, number)], what)
        if found.ndim != 5:
            shape = found.shape[:1] + found.shape[2:]
            raise TableError(f"{what} must have four axes, rows x classes x height x width; it has shape {shape}")
        return _columns(found, dtype, given)

    return write_rows(path, batches, SEGMENTATION, ("frame_id", "scene_id"), _COLUMNS, collect)


def _columns(found: npt.NDArray[np.float32], dtype: str, given: str) -> dict[str, pa.Array]:
    """(B,M,K,H,W) numbers as one tensor of bytes per row."""
    n = len(found)
    numbers = found
    if dtype == "float16":
        most = np.finfo(np.float16).max
        numbers = np.clip(found, -most, most).astype(np.float16)
    stored = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
    columns = {
        "tensor": [row.tobytes() for row in stored],
        "shape": [list(found.shape[1:])] * n,
        "dtype": [dtype] * n,
        "kind": [given] * n,
    }
    schema = SEGMENTATION.schema()
    return {name: pa.array(values, schema.field(name).type) for name, values in columns.items()}
