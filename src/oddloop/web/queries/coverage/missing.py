"""Gaps of volume: what `[coverage.volume]` wants among the labelled scenes and is not there."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pyarrow.compute as pc

from oddloop.web.queries.coverage.source import Source
from oddloop.web.store import View


@dataclass(frozen=True)
class VolumeGap:
    """A segment that lacks labelled volume, counted as `exposure` says, such as `n_scenes`.

    Of what it lacks, `to_label` lies in the pool and `to_drive` does not exist yet. Where no scene has it, there is no
    page of it: `is_seen`.
    """

    segment_id: str
    exposure: str
    labelled: float
    target: float
    to_label: float
    to_drive: float
    is_seen: bool


@dataclass(frozen=True)
class Missing:
    """The largest gaps of volume, and how many there are."""

    largest: tuple[VolumeGap, ...]
    total: int


def read_missing(view: View, source: Source, n: int) -> Missing:
    """The `n` largest gaps of volume of a coverage, in its order."""
    gaps = view.table("coverage", "volume_gaps.parquet", digest=source.digest)
    if gaps is None:
        return Missing((), 0)
    lacking = gaps.filter(pc.greater(gaps["shortfall"], 0.0))
    # Only what was never seen has a bound of how rare it is.
    shown = lacking.append_column("is_seen", pc.is_null(lacking["rate_at_most"])).slice(0, n)
    rows = shown.select([f.name for f in fields(VolumeGap)]).to_pylist()
    return Missing(tuple(VolumeGap(**row) for row in rows), lacking.num_rows)
