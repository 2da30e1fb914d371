"""Differences with their intervals, laid out beside each other around no difference, for `comparison.html`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oddloop.web.queries.comparison import Change

WIDTH, MIDDLE, REACH = 200, 100, 94


@dataclass(frozen=True)
class Whisker:
    """Places of a difference and the ends of its interval in the drawing's own units; the ends null where none."""

    at: float
    low: float | None
    high: float | None


def lay_out(changes: Sequence[Change]) -> Mapping[str, Whisker]:
    """Where to draw each segment's difference, all on one scale; without those that have no difference.

    The scale is that of the intervals, so that a difference that rests on little cannot squeeze all others.

    >>> change = Change("a=1", 1.0, 2.0, -1.0, -2.0, 0.5, 10, 5, "unclear")
    >>> lay_out([change])["a=1"]
    Whisker(at=53.0, low=6.0, high=123.5)
    """
    known = [change for change in changes if change.difference is not None]
    ends = [abs(end) for change in known for end in (change.ci_low, change.ci_high) if end is not None]
    most = max(ends or [abs(change.difference or 0.0) for change in known], default=0.0) or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else round(MIDDLE + REACH * max(-1.0, min(1.0, value / most)), 1)

    return {
        change.segment_id: Whisker(place(change.difference) or MIDDLE, place(change.ci_low), place(change.ci_high))
        for change in known
    }
