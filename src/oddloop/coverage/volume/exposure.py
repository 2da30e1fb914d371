"""The exposure of segments side by side: one array per status instead of one row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.status import STATUSES

NAMES = ("segment_id", "n_way", "attributes", "values")


@dataclass(frozen=True, eq=False)
class SegmentExposure:
    """Exposure of S segments of one to `max_way` attributes.

    Attributes:
        table: segment_id, n_way, attributes, values; one row per segment.
        by_status: (S,) exposure by `labelled`, `unlabelled`, `eval`.
        n_logs: (S,) distinct logs behind the labelled exposure.
        n_logs_in_all: logs of all statuses together; a log with several counts for each.
    """

    table: pa.Table
    by_status: dict[str, FloatArray]
    n_logs: IntArray
    n_logs_in_all: int

    @property
    def attributes(self) -> list[list[str]]:
        """Attribute names of each segment."""
        names: list[list[str]] = self.table["attributes"].to_pylist()
        return names

    @property
    def values(self) -> list[list[str]]:
        """Values of each segment."""
        found: list[list[str]] = self.table["values"].to_pylist()
        return found


def exposure_of(segments: pa.Table, exposure: str, max_way: int) -> SegmentExposure:
    """Set the statuses of `derived_tables.SEGMENTS` side by side.

    Args:
        segments: the table; each segment has one row per status, in the same order.
        exposure: column to take, such as `n_scenes`.
        max_way: attributes in a segment, at most.
    """
    ways = segments["n_way"]
    several = segments.filter(pc.and_(pc.greater(ways, 0), pc.less_equal(ways, max_way)))
    parts = {status: several.filter(pc.equal(several["status"], status)) for status in STATUSES}
    amounts = {s: part[exposure].cast(pa.float64()).to_numpy() for s, part in parts.items()}
    everything = pc.sum(segments.filter(pc.equal(ways, 0))["n_logs"]).as_py() or 0
    labelled = parts["labelled"]
    logs = labelled["n_logs"].to_numpy().astype(np.int64)
    return SegmentExposure(labelled.select(list(NAMES)).combine_chunks(), amounts, logs, everything)
