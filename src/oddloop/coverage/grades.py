"""Grades: which share of the segments that have a target reach it, for volume and for each metric.

The grade of openodd's buckets, with targets of one's own: segments that reach theirs / segments that have one. Time
grows with the segments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import MetricConfig


@dataclass(frozen=True)
class Grade:
    """How many segments reach their target.

    Attributes:
        what: `volume`, or the metric.
        n_reached: segments that reach it.
        n_wanted: segments that have it, and enough support to be judged.
    """

    what: str
    n_reached: int
    n_wanted: int

    @property
    def share(self) -> float:
        """Share that reaches it; 1 where none has a target."""
        return self.n_reached / self.n_wanted if self.n_wanted else 1.0

    def __str__(self) -> str:
        """Words for people.

        >>> print(Grade("volume", 3, 4))
        volume: 3 of 4 segments reach their target (75 %)
        """
        # Rounded down, so that 100 % means all of them.
        return (
            f"{self.what}: {self.n_reached} of {self.n_wanted} segments reach their target ({int(100 * self.share)} %)"
        )


def grade_segments(
    volume_gaps: pa.Table, segment_metrics: pa.Table, metrics: Mapping[str, MetricConfig]
) -> tuple[Grade, ...]:
    """Grade volume, where it has targets, and every metric that has one.

    Args:
        volume_gaps: `derived_tables.VOLUME_GAPS`.
        segment_metrics: `derived_tables.SEGMENT_METRICS`; segments without enough support are not judged.
        metrics: what is wanted of each metric.

    >>> from oddloop.derived_tables import SEGMENT_METRICS, VOLUME_GAPS
    >>> grade_segments(VOLUME_GAPS.empty(), SEGMENT_METRICS.empty(), {})
    ()
    """
    grades = []
    if volume_gaps.num_rows:
        reached = pc.sum(pc.less_equal(volume_gaps["shortfall"], 0.0)).as_py()
        grades.append(Grade("volume", int(reached), volume_gaps.num_rows))
    judged = segment_metrics.filter(segment_metrics["valid"])
    for name, wanted in metrics.items():
        values = judged.filter(pc.equal(judged["metric"], name))["value"].to_numpy()
        if wanted.target is not None and len(values):
            good = values <= wanted.target if wanted.better == "lower" else values >= wanted.target
            grades.append(Grade(name, int(np.count_nonzero(good)), len(values)))
    return tuple(grades)
