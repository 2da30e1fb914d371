"""Small charts, laid out here and drawn as SVG by `plot.html`: there at once, without a script, and part of the page.

They take colours and sizes from the style sheet, since a page may hold no styles of its own. Larger charts, which are
walked about in, are Plotly's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from oddloop.report.formats import number

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 30
RIGHT_OF_NAMES = 70
MAX_LABELS = 7
_FEW = 4.0
"""An axis of counts that ends lower would have ticks between whole numbers."""


@dataclass(frozen=True)
class Mark:
    """A value at a place along the axis, with its interval or without."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Placed:
    """Where a mark is drawn, in the chart's own units; `title` says it in words."""

    x: float
    y: float
    y_low: float | None
    y_high: float | None
    title: str


@dataclass(frozen=True)
class Line:
    """A laid-out series: its name, where that is written, its points, and the line through them."""

    name: str
    name_y: float
    points: tuple[Placed, ...]
    line: str


@dataclass(frozen=True)
class Chart:
    """A laid-out chart: ticks as (place, text), its lines, and a level to hold them against."""

    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    level: tuple[float, str] | None
    right: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM


def draw(
    series: Mapping[str, Sequence[Mark]],
    *,
    level: tuple[float, str] | None = None,
    are_counts: bool = False,
    shown: Callable[[float], str] = number,
) -> Chart | None:
    """Lay out series of marks from left to right; None where there are none.

    Args:
        series: marks by the name of what they are of, alike in their labels; values are finite.
        level: a value with its name, drawn across.
        are_counts: whether values are counts: the axis begins at 0, and has whole numbers only.
        shown: how numbers are written.
    """
    marks = [mark for one in series.values() for mark in one]
    if not marks:
        return None
    ends = [v for m in marks for v in (m.value, m.low, m.high) if v is not None] + ([level[0]] if level else [])
    ticks = nice_ticks(min(*ends, 0.0), max(*ends, _FEW)) if are_counts else nice_ticks(min(ends), max(ends))
    right = WIDTH - (RIGHT if len(series) == 1 else RIGHT_OF_NAMES)
    y = heights(ticks, TOP, HEIGHT - BOTTOM)
    labels = [mark.label for mark in next(iter(series.values()))]
    step = (right - LEFT) / len(labels)
    xs = [round(LEFT + (place + 0.5) * step, 1) for place in range(len(labels))]
    lines = [_line(name, one, xs, y, shown) for name, one in series.items()]
    every = math.ceil(len(labels) / MAX_LABELS)
    return Chart(
        tuple(replace(line, name_y=place) for line, place in zip(lines, apart([x.name_y for x in lines]), strict=True)),
        tuple(list(zip(xs, labels, strict=True))[::-every][::-1]),
        tuple((y(tick), tick_text(tick, ticks)) for tick in ticks),
        (y(level[0]), level[1]) if level else None,
        right,
    )


def _line(
    name: str, marks: Sequence[Mark], xs: Sequence[float], y: Callable[[float], float], shown: Callable[[float], str]
) -> Line:
    points = tuple(_placed(mark, x, y, shown) for mark, x in zip(marks, xs, strict=True))
    return Line(name, points[-1].y, points, " ".join(f"{p.x},{p.y}" for p in points))


def apart(places: Sequence[float], gap: float = 12.0) -> list[float]:
    """Places of names, moved down until none covers another.

    >>> apart([10.0, 50.0, 12.0])
    [10.0, 50.0, 22.0]
    """
    found = list(places)
    order = sorted(range(len(found)), key=lambda i: found[i])
    for above, below in itertools.pairwise(order):
        found[below] = max(found[below], found[above] + gap)
    return found


def _placed(mark: Mark, x: float, y: Callable[[float], float], shown: Callable[[float], str]) -> Placed:
    if mark.low is None or mark.high is None:
        return Placed(x, y(mark.value), None, None, f"{mark.label}: {shown(mark.value)}")
    title = f"{mark.label}: {shown(mark.value)} ({shown(mark.low)} – {shown(mark.high)})"
    return Placed(x, y(mark.value), y(mark.low), y(mark.high), title)


def nice_ticks(low: float, high: float) -> list[float]:
    """From two to seven round numbers that hold a range.

    >>> nice_ticks(0.0, 24.0), nice_ticks(3.0, 3.0)
    ([0.0, 10.0, 20.0, 30.0], [2.0, 2.5, 3.0, 3.5, 4.0])
    """
    if high <= low:
        low, high = low - (abs(low) / 3 or 1.0), high + (abs(high) / 3 or 1.0)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, last + 1)]


def heights(ticks: Sequence[float], top: float, bottom: float) -> Callable[[float], float]:
    """Where values lie on an axis that goes from its first tick, at `bottom`, up to its last one, at `top`.

    >>> heights([0.0, 5.0, 10.0], 20, 120)(2.5)
    95.0
    """
    return lambda value: round(bottom - (value - ticks[0]) / (ticks[-1] - ticks[0]) * (bottom - top), 1)


def tick_text(tick: float, ticks: Sequence[float]) -> str:
    """A tick with as many decimals as tell it from its neighbours.

    >>> tick_text(2.0, [2.0, 2.5, 3.0])
    '2.0'
    """
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{tick:,.{min(decimals, 12)}f}".replace("-", "−")
