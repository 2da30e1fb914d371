"""Kernels at module level, as they must be to travel to another process."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def double(batch: pa.Table) -> pa.Table:
    return pa.table({"k": batch["k"], "twice": pc.multiply(batch["v"], 2)})


def sum_by_key(batch: pa.Table) -> pa.Table:
    """Right only where the rows of a key come in one batch."""
    return batch.group_by("k", use_threads=False).aggregate([("v", "sum")])


def fail_above_10(batch: pa.Table) -> pa.Table:
    if pc.max(batch["v"]).as_py() > 10:
        raise ValueError("above 10")
    return batch
