"""Small charts, laid out here and drawn as SVG by `plot.html`: there at once, without a script, and part of the page.

They take colours and sizes from the style sheet, since a page may hold no styles of its own. Larger charts, which are
walked about in, are Plotly's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oddloop.report.formats import number

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 14, 30
MAX_LABELS = 7


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
class Chart:
    """A laid-out chart: ticks as (place, text), points, the line through them, and a level to hold them against."""

    points: tuple[Placed, ...]
    line: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    level: tuple[float, str] | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    bottom: int = HEIGHT - BOTTOM


def draw(
    marks: Sequence[Mark],
    *,
    level: tuple[float, str] | None = None,
    from_zero: bool = False,
    shown: Callable[[float], str] = number,
) -> Chart | None:
    """Lay out marks from left to right; None where there are none.

    Args:
        marks: what is drawn; values are finite.
        level: a value with its name, drawn across.
        from_zero: whether the axis begins at 0.
        shown: how numbers are written.
    """
    if not marks:
        return None
    ends = [v for m in marks for v in (m.value, m.low, m.high) if v is not None] + ([level[0]] if level else [])
    ticks = nice_ticks(min([*ends, 0.0] if from_zero else ends), max(ends))
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP), 1)

    step = (WIDTH - LEFT - RIGHT) / len(marks)
    xs = [round(LEFT + (place + 0.5) * step, 1) for place in range(len(marks))]
    points = tuple(_placed(mark, x, y, shown) for mark, x in zip(marks, xs, strict=True))
    every = math.ceil(len(marks) / MAX_LABELS)
    return Chart(
        points,
        " ".join(f"{p.x},{p.y}" for p in points),
        tuple((x, mark.label) for x, mark in list(zip(xs, marks, strict=True))[::-every][::-1]),
        tuple((y(tick), _tick(tick, ticks)) for tick in ticks),
        (y(level[0]), level[1]) if level else None,
    )


def _placed(mark: Mark, x: float, y: Callable[[float], float], shown: Callable[[float], str]) -> Placed:
    if mark.low is None or mark.high is None:
        return Placed(x, y(mark.value), None, None, f"{mark.label}: {shown(mark.value)}")
    title = f"{mark.label}: {shown(mark.value)} ({shown(mark.low)} – {shown(mark.high)})"
    return Placed(x, y(mark.value), y(mark.low), y(mark.high), title)


def nice_ticks(low: float, high: float) -> list[float]:
    """From two to seven round numbers that hold a range.

    >>> nice_ticks(0.0, 24.0), nice_ticks(3.0, 3.0)
    ([0.0, 5.0, 10.0, 15.0, 20.0, 25.0], [2.0, 3.0, 4.0])
    """
    if high <= low:
        low, high = low - (abs(low) / 3 or 1.0), high + (abs(high) / 3 or 1.0)
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, last + 1)]


def _tick(tick: float, ticks: Sequence[float]) -> str:
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{tick:,.{min(decimals, 12)}f}".replace("-", "−")
