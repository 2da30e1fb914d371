"""Checks of dense tensors that stand in the table: their kind, and whether their bytes are of their shape and dtype."""

from __future__ import annotations

import math

import numpy as np
import pyarrow.compute as pc

from oddloop.lake.checks.batch import Batch
from oddloop.lake.checks.columns import tally_unknown
from oddloop.lake.checks.notes import Notes

KINDS = ("probs", "logits")
SIZES = {"float16": 2, "float32": 4, "float64": 8, "uint8": 1}
"""Bytes of a number, by dtype."""


def check_kind(name: str, batch: Batch, notes: Notes) -> None:
    """Note kinds that are neither `probs` nor `logits`; null stands for `probs`."""
    tally_unknown("tensor-kind", name, KINDS, batch, notes)


def check_size(name: str, shape: str, dtype: str, batch: Batch, notes: Notes) -> None:
    """Note tensors whose bytes are not those of their shape and dtype."""
    lengths = pc.binary_length(batch[name]).to_pylist()
    axes, kinds = batch[shape].to_pylist(), batch[dtype].to_pylist()
    rows = zip(lengths, axes, kinds, strict=True)  # as many as may be held at a time, which are few
    wanted = [None if length is None else _bytes_of(a, k) for length, a, k in rows]
    bad = np.flatnonzero([w is not None and w != n for w, n in zip(wanted, lengths, strict=True)])

    def what() -> str:
        row = bad[0]
        found = f"`{name}` has {lengths[row]:,} bytes, but `{shape}` {axes[row]} of `{dtype}` {kinds[row]}"
        return f"{found} needs {wanted[row]:,}" if wanted[row] != -1 else f"{found} is no tensor"

    notes.add("tensor-shape", name, bad, what)


def _bytes_of(axes: list[int | None] | None, dtype: str | None) -> int:
    """Bytes of a tensor; -1 where it can be none."""
    if axes is None or len(axes) not in (3, 4) or dtype not in SIZES or any(n is None or n < 1 for n in axes):
        return -1
    return math.prod(n for n in axes if n) * SIZES[dtype]
