"""Volume against performance, laid out for `quadrant.html`: time is logarithmic, with a place of its own for 0."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from oddloop.report.formats import duration, number
from oddloop.web.charts import heights, nice_ticks
from oddloop.web.queries.coverage.quadrant import Point, Quadrant

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 20, 34
_TIMES_S = (1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800, 36_000, 108_000, *(360_000 * 10**k for k in range(4)))
_NAMES, _LETTER, _LINE, _DOT = 10, 5.0, 10, 7
"""So many dots are named where there is room; a letter's width, a line's height and a dot's radius with its margin."""
_LEAST_S = 0.5
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Dot:
    """A segment in the chart's own units; `look` is `misses`, `few` or `meets`."""

    x: float
    y: float
    look: str
    title: str
    segment_id: str


@dataclass(frozen=True)
class Name:
    """The name of a dot, beside it: `anchor` is the end of the text that lies at `x`."""

    x: float
    y: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Scatter:
    """A laid-out chart: dots, names of some, ticks as (place, text), the target's height, the middle volume's place."""

    dots: tuple[Dot, ...]
    names: tuple[Name, ...]
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


@functools.lru_cache(8)
def lay_out(quadrant: Quadrant) -> Scatter:
    """The chart of a quadrant."""
    times = [point.labelled_s for point in quadrant.points]
    least = min((t for t in times if t > 0), default=_LEAST_S)
    low, high = math.log10(least / 3 if min(times) <= 0 else least / 1.3), math.log10(max(*times, least * 2) * 1.3)
    values = [point.value for point in quadrant.points] + ([] if quadrant.target is None else [quadrant.target])
    ticks = nice_ticks(min(values), max(values))
    y = heights(ticks, TOP, HEIGHT - BOTTOM)

    def x(seconds: float) -> float:
        at = low if seconds <= 0 else math.log10(seconds)
        return round(LEFT + 10 + (at - low) / (high - low) * (WIDTH - LEFT - RIGHT - 20), 1)

    seen = [(x(t), duration(t)) for t in _TIMES_S if low < math.log10(t) < high]
    dots = tuple(
        Dot(x(p.labelled_s), y(p.value), _look(p), _title(p, quadrant.metric), p.segment_id) for p in quadrant.points
    )
    return Scatter(
        dots,
        name_dots(dots),
        tuple([(x(0), "0")] * (min(times) <= 0) + seen),
        tuple((y(tick), number(tick) if tick else "0") for tick in ticks),
        None if quadrant.target is None else y(quadrant.target),
        x(quadrant.middle_s),
        quadrant.better == "lower",
    )


def name_dots(dots: Sequence[Dot]) -> tuple[Name, ...]:
    """Names of the first dots, right or left of them, where they cover no dot and no other name.

    >>> [name.text for name in name_dots([Dot(100, 50, "few", "", "rain"), Dot(110, 50, "few", "", "fog")])]
    ['rain', 'fog']
    """
    taken = [(dot.x - _DOT, dot.y - _DOT, dot.x + _DOT, dot.y + _DOT) for dot in dots]
    names: list[Name] = []
    for dot in dots:
        width = _LETTER * len(dot.segment_id)
        for anchor, left in (("start", dot.x + _DOT), ("end", dot.x - _DOT - width)):
            box = (left, dot.y - _LINE / 2, left + width, dot.y + _LINE / 2)
            if left >= LEFT and box[2] <= WIDTH - RIGHT and not any(_meet(box, other) for other in taken):
                taken.append(box)
                names.append(Name(dot.x + _DOT * (1 if anchor == "start" else -1), dot.y + 3, anchor, dot.segment_id))
                break
        if len(names) == _NAMES:
            break
    return tuple(names)


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _look(point: Point) -> str:
    return "misses" if point.misses else "meets" if point.is_judged else "few"


def _title(point: Point, metric: str) -> str:
    return f"{point.segment_id}: {metric} {number(point.value)}, {duration(point.labelled_s)}, {point.labelled_logs}"
