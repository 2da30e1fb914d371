"""How far apart weighted alternatives are: the expected distance of two of them, and what lies off the best one.

With alternatives a_1..a_P of weights w that sum to 1:

    expected distance   sum_ij w_i w_j d(a_i, a_j)                [0, largest distance · (1 - 1/P)], in metres
    off-mode mass       1 - max_c sum_i w_i [|a_i - a_c| <= r]    [0, 1 - 1/P]

The first draws twice, with replacement: so a single alternative gives 0, and repeating every alternative changes
nothing. It is Gini's mean difference in the plane. The second commits to one alternative, the one with the most weight
within `r`, and is the probability of having been wrong by more than `r`. A row with NaN gives NaN.

Time grows with rows x P² (x steps); memory, besides the result, does not grow: rows are taken in blocks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64

_BLOCK = 65_536


def expected_distance(points: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> FloatArray:
    """Expected distance between two alternatives drawn independently.

    Args:
        points: (N,P,2) positions in metres; or (N,P,H,2) paths, whose distance is the mean over their H steps.
        weights: (N,P) weights that sum to 1; all alike where None.

    Returns:
        (N,) float64 in metres; NaN where P or H is 0, or a number is not finite.

    Raises:
        ValueError: the shapes do not fit.

    References:
        Gini, Variabilità e mutabilità, 1912 (mean difference, here of planar distances).

    >>> expected_distance([[[0.0, 0.0], [3.0, 4.0]]], [[0.5, 0.5]])
    array([2.5])
    """
    paths, w = _checked(points, weights)
    result = np.full(len(paths), np.nan)
    if paths.shape[1] and paths.shape[2]:
        for start, xy, share in _blocks(paths, w):
            total = np.zeros(xy.shape[-1])
            for gap in range(1, xy.shape[0]):
                apart = xy[gap:] - xy[:-gap]
                distance = _lengths(apart).sum(axis=1) / xy.shape[1]
                total += 2.0 * (share[gap:] * share[:-gap] * distance).sum(axis=0)
            # One alternative alone has no pair: let what is wrong with it show all the same.
            total += 0.0 * (xy.sum(axis=(0, 1, 2)) + share.sum(axis=0))
            result[start : start + len(total)] = total[: len(result) - start]
    return np.where(np.isfinite(result), result, np.nan)


def off_mode_mass(points: npt.ArrayLike, weights: npt.ArrayLike, radius_m: float) -> FloatArray:
    """Probability beyond `radius_m` of the alternative that has the most probability within it.

    Args:
        points: (N,P,2) positions in metres.
        weights: (N,P) weights that sum to 1.
        radius_m: distance that still counts as the same; 0 or more.

    Returns:
        (N,) float64 in [0, 1]; NaN where P is 0 or a number is not finite.

    Raises:
        ValueError: the shapes do not fit, or the radius is negative.

    >>> off_mode_mass([[[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]]], [[0.5, 0.3, 0.2]], 2.0).round(3)
    array([0.2])
    """
    if not radius_m >= 0:
        raise ValueError(f"radius_m must be 0 or more; got {radius_m}")
    paths, w = _checked(points, weights)
    result = np.full(len(paths), np.nan)
    if paths.shape[1] and paths.shape[2]:
        for start, xy, share in _blocks(paths[:, :, -1:], w):
            within = np.zeros(xy.shape[-1])
            for centre in xy[:, 0]:
                square = (xy[:, 0, 0] - centre[0]) ** 2 + (xy[:, 0, 1] - centre[1]) ** 2
                np.maximum(within, (share * (square <= radius_m**2)).sum(axis=0), out=within)
            mass = np.clip(1.0 - within, 0.0, 1.0) + 0.0 * (xy.sum(axis=(0, 1, 2)) + share.sum(axis=0))
            result[start : start + len(mass)] = mass[: len(result) - start]
    return result


def _lengths(steps: FloatArray) -> FloatArray:
    """(P,H,B) lengths of (P,H,2,B) vectors; `numpy.hypot` would take four times as long, to guard against overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        square = steps * steps
        lengths: FloatArray = np.sqrt(square[:, :, 0] + square[:, :, 1])
    return lengths


def _checked(points: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[FloatArray, FloatArray]:
    """(N,P,H,2) paths and (N,P) weights."""
    array = to_float64(points)
    if array.ndim not in (3, 4) or array.shape[-1] != 2:
        raise ValueError(f"points must be (N,P,2) or (N,P,H,2); got shape {array.shape}")
    paths = array[:, :, None] if array.ndim == 3 else array
    n, size = paths.shape[:2]
    w = np.full((n, size), 1.0 / max(size, 1)) if weights is None else to_float64(weights)
    if w.shape != (n, size):
        raise ValueError(f"weights must have shape {(n, size)}, one per alternative; got {w.shape}")
    return paths, w


def _blocks(paths: FloatArray, weights: FloatArray) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """(first row, (P,H,2,B) paths, (P,B) weights): rows innermost, so that every step runs along them.

    B is never 1, a lone row is doubled: NumPy would add in another order than for its neighbours, and the last bit of a
    row must not depend on how the rows are cut into batches.
    """
    size = max(_BLOCK // math.prod(paths.shape[1:]), 2)
    for start in range(0, len(paths), size):
        xy, w = paths[start : start + size], weights[start : start + size]
        if len(xy) == 1:
            xy, w = np.repeat(xy, 2, axis=0), np.repeat(w, 2, axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            yield start, np.ascontiguousarray(np.moveaxis(xy, 0, -1)), np.ascontiguousarray(w.T)
