"""Which frames of a scene to label, where not all are: the highest scores, some time apart.

Time O(n log n + scenes x k x frames of a scene), memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.select.pool import Bools, Floats, Ints


def key_frames(
    scores: npt.ArrayLike, times_s: npt.ArrayLike, scenes: npt.ArrayLike, k: int, gap_s: float = 0.0
) -> Bools:
    """Choose up to k frames of each scene.

    The frame of the highest score first, then the highest among those that are at least `gap_s` from all chosen; where
    none is left, the one farthest in time from them, so that every scene with k frames or more gives k.

    Args:
        scores: (n,) score of each frame; NaN counts as the lowest.
        times_s: (n,) time of each frame in s, finite.
        scenes: (n,) the scene of each, numbers or text, in any order.
        k: frames of a scene, 1 or more.
        gap_s: s between chosen frames, as far as the scene allows.

    Returns:
        (n,) bool. Ties go to the earliest. No frames, none chosen.

    Raises:
        TableError: shapes differ, or a time is not finite.
        ConfigError: `k` is below 1, or `gap_s` negative.

    >>> key_frames([0.9, 0.8, 0.1, 0.7], [0.0, 0.1, 0.2, 0.3], ["a"] * 4, k=2, gap_s=0.25).tolist()
    [True, False, False, True]
    """
    values, times, names = np.asarray(scores, np.float64), np.asarray(times_s, np.float64), np.asarray(scenes)
    if not values.shape == times.shape == names.shape or values.ndim != 1:
        raise TableError(f"scores, times and scenes differ in shape: {values.shape}, {times.shape}, {names.shape}")
    if not np.isfinite(times).all():
        raise TableError("times of frames must be finite")
    if k < 1 or not gap_s >= 0:
        raise ConfigError(f"k must be 1 or more and gap_s 0 or more; got {k} and {gap_s}")
    chosen = np.zeros(len(values), dtype=bool)
    _, of_scene = np.unique(names, return_inverse=True)
    order = np.lexsort((times, of_scene))
    starts = np.flatnonzero(np.diff(of_scene[order], prepend=-1))
    for rows in np.split(order, starts[1:]) if len(order) else ():
        chosen[rows[_of_one(np.nan_to_num(values[rows], nan=-np.inf), times[rows], k, gap_s)]] = True
    return chosen


def _of_one(scores: Floats, times: Floats, k: int, gap_s: float) -> Ints:
    """Chosen rows of one scene in time order."""
    if len(scores) <= k:
        return np.arange(len(scores))
    rows = [int(np.argmax(scores))]
    away = np.abs(times - times[rows[0]])
    taken = np.zeros(len(scores), dtype=bool)
    taken[rows] = True
    while len(rows) < k:
        far = ~taken & (away >= gap_s)
        row = int(np.argmax(np.where(far, scores, -np.inf))) if far.any() else int(np.argmax(np.where(taken, -1, away)))
        if taken[row] or (far.any() and not far[row]):  # no score among those that are far enough
            row = int(np.argmax(far))
        rows.append(row)
        taken[row] = True
        away = np.minimum(away, np.abs(times - times[row]))
    return np.array(rows, dtype=np.int64)
