"""Volume against performance, laid out for `quadrant.html`: time is logarithmic, with a place of its own for 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

from oddloop.report.formats import duration, number
from oddloop.web.charts import nice_ticks
from oddloop.web.queries.coverage.quadrant import Point, Quadrant

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 20, 34
_TIMES_S = (1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000, 36_000_000)
_LEAST_S = 0.5


@dataclass(frozen=True)
class Dot:
    """A segment in the chart's own units; `look` is `misses`, `few` or `meets`."""

    x: float
    y: float
    look: str
    title: str
    segment_id: str


@dataclass(frozen=True)
class Scatter:
    """A laid-out chart: dots, ticks as (place, text), the target's height and the middle volume's place."""

    dots: tuple[Dot, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    target: float | None
    middle: float
    is_worse_up: bool
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def lay_out(quadrant: Quadrant) -> Scatter:
    """The chart of a quadrant."""
    times = [point.labelled_s for point in quadrant.points]
    least = min((t for t in times if t > 0), default=_LEAST_S)
    low, high = math.log10(least / 3 if min(times) <= 0 else least / 1.3), math.log10(max(*times, least * 2) * 1.3)
    values = [point.value for point in quadrant.points] + ([] if quadrant.target is None else [quadrant.target])
    ticks = nice_ticks(min(values), max(values))

    def x(seconds: float) -> float:
        at = low if seconds <= 0 else math.log10(seconds)
        return round(LEFT + 10 + (at - low) / (high - low) * (WIDTH - LEFT - RIGHT - 20), 1)

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (HEIGHT - BOTTOM - TOP), 1)

    seen = [(x(t), duration(t)) for t in _TIMES_S if low < math.log10(t) < high]
    return Scatter(
        tuple(
            Dot(x(p.labelled_s), y(p.value), _look(p), _title(p, quadrant.metric), p.segment_id)
            for p in quadrant.points
        ),
        tuple([(x(0), "0")] * (min(times) <= 0) + seen),
        tuple((y(tick), number(tick) if tick else "0") for tick in ticks),
        None if quadrant.target is None else y(quadrant.target),
        x(quadrant.middle_s),
        quadrant.better == "lower",
    )


def _look(point: Point) -> str:
    return "misses" if point.misses else "meets" if point.is_judged else "few"


def _title(point: Point, metric: str) -> str:
    return f"{point.segment_id}: {metric} {number(point.value)}, {duration(point.labelled_s)}, {point.labelled_logs}"
