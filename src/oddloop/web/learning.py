"""A learning curve, laid out for `learning.html`: scenes are logarithmic, since each further step costs a multiple."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oddloop.report.formats import number
from oddloop.web.charts import HEIGHT, WIDTH, heights, nice_ticks, tick_text
from oddloop.web.queries.coverage.learning import At, Curve

LEFT, RIGHT, TOP, BOTTOM = 46, 26, 16, 46
Place = tuple[float, float]
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Drawn:
    """A laid-out curve in the drawing's own units.

    Attributes:
        band: corners around the intervals of what was measured; "" where there are none.
        dots: each training, with what it says in words.
        middles: each share of the labels, with what it says in words.
        fitted, beyond: the curve through what was measured, and behind it; "" for none.
        floor: (least, middle, greatest) height of the floor, at the right edge.
        target: height of the target; None where it is none, or outside.
        needed: (from, middle, to) of the scenes to the target; None where they are not in sight.
        x_ticks, y_ticks: (place, text).
    """

    band: str
    dots: tuple[tuple[float, float, str], ...]
    middles: tuple[tuple[float, float, str], ...]
    fitted: str
    beyond: str
    floor: tuple[float, float, float]
    target: float | None
    needed: tuple[float, float, float] | None
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def lay_out(curve: Curve, target: float | None) -> Drawn:
    """The chart of a curve; `target` is a value of the metric."""
    first, last = curve.line[0].n_scenes, curve.line[-1].n_scenes
    values = [*(one.value for one in curve.trainings), *(at.value for at in curve.line)]
    values += [end for one in curve.sizes for end in (one.ci_low, one.ci_high) if end is not None]
    values += [curve.floor, curve.floor_low, curve.floor_high, *([] if target is None else [target])]
    ticks = nice_ticks(min(values), max(values))
    y = heights(ticks, TOP, HEIGHT - BOTTOM)

    def x(n: float) -> float:
        share = math.log(max(n, first) / first) / math.log(last / first)
        return round(LEFT + 8 + share * (WIDTH - RIGHT - LEFT - 16), 1)

    return Drawn(
        _band(curve, x, y),
        tuple((x(one.n_scenes), y(one.value), f"{one.n_scenes:,}: {number(one.value)}") for one in curve.trainings),
        tuple((x(s.n_scenes), y(s.value), f"{s.n_scenes:,.0f}: {number(s.value)}") for s in curve.sizes),
        _through([at for at in curve.line if at.n_scenes <= curve.n_scenes], x, y),
        _through(_behind(curve), x, y),
        (y(curve.floor_low), y(curve.floor), y(curve.floor_high)),
        None if target is None else y(target),
        _needed(curve, x, last),
        tuple((x(n), f"{n:,}") for n in _steps(first, last)),
        tuple((y(tick), tick_text(tick, ticks)) for tick in ticks),
    )


def _band(curve: Curve, x: Scale, y: Scale) -> str:
    known = [
        (x(s.n_scenes), s.ci_low, s.ci_high) for s in curve.sizes if s.ci_low is not None and s.ci_high is not None
    ]
    if len(known) < 2:
        return ""
    corners = [(at, y(high)) for at, _, high in known] + [(at, y(low)) for at, low, _ in reversed(known)]
    return _points(corners)


def _behind(curve: Curve) -> list[At]:
    """From the last place within what was measured on."""
    within = sum(at.n_scenes <= curve.n_scenes for at in curve.line)
    return list(curve.line[max(within - 1, 0) :])


def _through(line: Sequence[At], x: Scale, y: Scale) -> str:
    return _points([(x(at.n_scenes), y(at.value)) for at in line]) if len(line) > 1 else ""


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)


def _needed(curve: Curve, x: Scale, last: float) -> tuple[float, float, float] | None:
    if curve.n_needed is None or curve.n_needed > last:
        return None
    low = curve.n_needed if curve.n_needed_low is None else curve.n_needed_low
    high = last if curve.n_needed_high is None else min(curve.n_needed_high, last)
    return x(low), x(curve.n_needed), x(high)


def _steps(first: float, last: float) -> list[int]:
    """From two to eight numbers of scenes between two, round where that is possible.

    >>> _steps(8, 3000), _steps(11, 13)
    ([10, 100, 1000], [11, 13])
    """
    for nices in ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 4, 5, 6, 8)):
        powers = range(math.floor(math.log10(last)) + 1)
        found = [nice * 10**power for power in powers for nice in nices if first <= nice * 10**power <= last]
        if len(found) > 2:
            return found[:: math.ceil(len(found) / 8)]
    return [math.ceil(first), math.floor(last)]
