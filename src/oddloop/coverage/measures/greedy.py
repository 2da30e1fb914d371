"""The fewest scenes that close the most shortfall: greedy choice of scenes from the pool.

A scene adds its exposure to every segment that it is in; what a segment has beyond its target is worth nothing. The sum
of what is filled, weighted, is monotone and submodular, so greedy choice is at least 1 - 1/e of the best list of that
length, and any prefix of the list is the list for a smaller number. Gains only fall, so a scene's old gain bounds its
new one, and few are computed again (lazy greedy). Time grows with the memberships, and with the scenes chosen times
those looked at again; memory with the memberships.

References:
    Nemhauser, Wolsey and Fisher, An analysis of approximations for maximizing submodular set functions, 1978. Minoux,
    Accelerated greedy algorithms for maximizing submodular set functions, 1978.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.coverage.arrays import FloatArray, IntArray


class Chosen(NamedTuple):
    """Scenes in the order of choice.

    Attributes:
        scenes: (P,) row numbers of the scenes.
        gains: (P,) weighted shortfall that each one closes.
        remaining: (S,) shortfall that is left.
    """

    scenes: IntArray
    gains: FloatArray
    remaining: FloatArray


def choose_scenes(
    offsets: npt.ArrayLike,
    segments: npt.ArrayLike,
    exposure: npt.ArrayLike,
    shortfall: npt.ArrayLike,
    *,
    most: int | None = None,
    weights: npt.ArrayLike | None = None,
) -> Chosen:
    """Choose scenes that close the most shortfall, one after the other.

    Args:
        offsets: (N+1,) bounds of each scene's segments.
        segments: (M,) segment of each membership.
        exposure: (N,) what a scene adds to each of its segments, such as seconds or 1; not negative.
        shortfall: (S,) what each segment lacks; not negative.
        most: scenes at most; None: until nothing can be closed.
        weights: (S,) what a unit of each segment is worth; None: 1.

    Returns:
        The scenes; ties go to the lower row. It ends where no scene closes anything.

    Raises:
        ValueError: lengths do not fit.

    >>> chosen = choose_scenes([0, 1, 3, 4], [0, 0, 1, 1], [1.0, 1.0, 1.0], [1.0, 1.0])
    >>> chosen.scenes.tolist(), chosen.gains.tolist(), chosen.remaining.tolist()
    ([1], [2.0], [0.0, 0.0])
    """
    bounds, cells = np.asarray(offsets, np.int64), np.asarray(segments, np.int64)
    adds, left = np.asarray(exposure, np.float64), np.array(shortfall, np.float64)
    worth = np.ones(len(left)) if weights is None else np.asarray(weights, np.float64)
    if len(bounds) != len(adds) + 1 or bounds[-1] != len(cells) or len(worth) != len(left):
        raise ValueError(f"{len(bounds)} offsets, {len(adds)} scenes, {len(cells)} memberships do not fit together")

    def gain(scene: int) -> float:
        inside = cells[bounds[scene] : bounds[scene + 1]]
        return float((np.minimum(left[inside], adds[scene]) * worth[inside]).sum())

    first = np.minimum(left[cells], np.repeat(adds, np.diff(bounds))) * worth[cells]
    starts = np.concatenate([[0.0], np.cumsum(first)])
    heap = [(-total, scene) for scene, total in enumerate((starts[bounds[1:]] - starts[bounds[:-1]]).tolist())]
    heapq.heapify(heap)
    scenes: list[int] = []
    gains: list[float] = []
    while heap and (most is None or len(scenes) < most):
        _, scene = heapq.heappop(heap)
        now = gain(scene)
        if heap and (-now, scene) > heap[0]:
            heapq.heappush(heap, (-now, scene))
            continue
        if now <= 0:
            break
        scenes.append(scene)
        gains.append(now)
        inside = cells[bounds[scene] : bounds[scene + 1]]
        left[inside] = np.maximum(left[inside] - adds[scene], 0.0)
    return Chosen(np.array(scenes, np.int64), np.array(gains), left)
