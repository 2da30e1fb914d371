"""The fewest drives to plan: conditions to go out and drive in, for what no scene of the pool can close.

A drive fixes values of attributes, and adds one unit to each segment that its values match. It is composed of whole
segments, the one with the most worth per value that it newly fixes first, as long as they agree with what was fixed; so
one drive closes many segments at once. Pairs of values that cannot occur together are never planned. Time grows with
drives x open segments², memory with the segments.

References:
    Cohen, Dalal, Fredman and Patton, The AETG system: an approach to testing based on combinatorial design, 1997.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oddloop.coverage.arrays import FloatArray

Pair = tuple[str, str]
"""An attribute and one of its values."""


@dataclass(frozen=True)
class Drive:
    """A drive to plan.

    Attributes:
        values: value by attribute; an attribute that no open segment names is left out.
        gain: weighted shortfall that it closes.
        closes: places of the segments that it adds to.
    """

    values: Mapping[str, str]
    gain: float
    closes: tuple[int, ...]


def plan_drives(
    segments: Sequence[Mapping[str, str]],
    shortfall: Sequence[float],
    *,
    most: int,
    weights: Sequence[float] | None = None,
    impossible: Collection[frozenset[Pair]] = (),
) -> tuple[Drive, ...]:
    """Plan drives that close the most shortfall, best first.

    Args:
        segments: S segments as value by attribute.
        shortfall: S amounts that are lacking, in drives; a part of one counts as that part.
        most: drives at most.
        weights: S values of a unit; None: 1.
        impossible: pairs of attribute values that cannot occur together.

    Returns:
        The drives; it ends where nothing is left to close.

    Raises:
        ValueError: lengths differ.

    >>> wanted = [{"sky": "rain", "time": "night"}, {"road": "bridge"}, {"sky": "snow"}]
    >>> [dict(drive.values) for drive in plan_drives(wanted, [1, 1, 1], most=5)]
    [{'road': 'bridge', 'sky': 'snow'}, {'sky': 'rain', 'time': 'night'}]
    """
    worth = [1.0] * len(segments) if weights is None else list(weights)
    if not len(segments) == len(shortfall) == len(worth):
        raise ValueError(f"{len(segments)} segments, {len(shortfall)} shortfalls, {len(worth)} weights: must be alike")
    left, value = np.array(shortfall, np.float64), np.array(worth, np.float64)
    drives: list[Drive] = []
    while len(drives) < most:
        worths = np.minimum(left, 1.0) * value
        chosen = _compose(segments, worths, frozenset(impossible))
        closes = tuple(i for i, s in enumerate(segments) if worths[i] > 0 and s.items() <= chosen.items())
        if not closes:
            break
        drives.append(Drive(chosen, float(worths[list(closes)].sum()), closes))
        left[list(closes)] = np.maximum(left[list(closes)] - 1.0, 0.0)
    return tuple(drives)


def _compose(
    segments: Sequence[Mapping[str, str]], worths: FloatArray, impossible: frozenset[frozenset[Pair]]
) -> dict[str, str]:
    """Values of one drive: whole segments in falling order of worth, wherever they agree with what was chosen."""
    chosen: dict[str, str] = {}
    open_ones = [i for i in np.argsort(-worths, kind="stable").tolist() if worths[i] > 0]
    while True:
        best = max(open_ones, key=lambda i: _promise(i, chosen, segments, worths, impossible), default=None)
        if best is None or _promise(best, chosen, segments, worths, impossible) <= 0:
            return chosen
        chosen |= segments[best]
        open_ones.remove(best)


def _promise(
    i: int,
    chosen: Mapping[str, str],
    segments: Sequence[Mapping[str, str]],
    worths: FloatArray,
    impossible: frozenset[frozenset[Pair]],
) -> float:
    """Worth of a segment per value that it still fixes; 0 where it disagrees or cannot occur."""
    segment = segments[i]
    if any(chosen.get(name, value) != value for name, value in segment.items()):
        return 0.0
    together = {**chosen, **segment}
    if any(pair <= set(together.items()) for pair in impossible):
        return 0.0
    return float(worths[i]) / (1 + len(together) - len(chosen))
