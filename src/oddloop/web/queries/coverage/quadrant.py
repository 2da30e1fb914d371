"""Volume against performance: is a segment weak because it is rare, or in spite of many labels?"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from oddloop.report.segments import badness, surely_misses
from oddloop.web.queries.coverage.source import Source

MAX_POINTS = 300


@dataclass(frozen=True)
class Point:
    """A segment: labelled time in seconds, and the leading metric with its interval."""

    segment_id: str
    labelled_s: float
    labelled_logs: int
    value: float
    ci_low: float | None
    ci_high: float | None
    n_logs: int
    is_judged: bool
    misses: bool


@dataclass(frozen=True)
class Quadrant:
    """Segments of so many attributes with a value of the metric; of more than `MAX_POINTS` those that are worst.

    `middle_s` is the median of the labelled time.
    """

    ways: int
    metric: str
    better: str
    target: float | None
    middle_s: float
    total: int
    points: tuple[Point, ...]


def read_quadrant(source: Source, ways: int) -> Quadrant | None:
    """The segments of so many attributes; None where no metric leads, or none of them has a value."""
    lead = source.lead
    if lead is None:
        return None
    points = []
    for segment in source.of_ways(ways):
        measured = segment.measured
        if measured is None or measured.value is None:
            continue
        points.append(
            Point(
                segment.segment_id,
                segment.labelled.duration_s,
                segment.labelled.n_logs,
                measured.value,
                measured.ci_low,
                measured.ci_high,
                measured.n_logs,
                measured.valid,
                surely_misses(measured, lead, source.reference),
            )
        )
    if not points:
        return None
    points.sort(key=lambda point: (-point.is_judged, -badness(point.value, lead), point.segment_id))
    middle = statistics.median(point.labelled_s for point in points)
    return Quadrant(ways, lead.name, lead.better, lead.target, middle, len(points), tuple(points[:MAX_POINTS]))
