"""How far predicted trajectories are from what happened: min_ade_m, min_fde_m, miss_rate, brier_min_fde_m.

For one forecast with modes p_k,1..p_k,H of probability w_k and truth q_1..q_H, in metres:

    fde_k  |p_k,H - q_H|               min_fde_m        fde of the best mode, the one that ends nearest       [0, inf)
    ade_k  mean over h |p_k,h - q_h|   min_ade_m        ade of the best mode                                  [0, inf)
                                       miss_rate        1 if min_fde_m > 2.0 m, else 0; exactly 2.0 m is hit  [0, 1]
                                       brier_min_fde_m  min_fde_m + (1 - w_best)²                             [0, inf)

Only the `k` most probable modes compete where `k` is given. The best mode is chosen once, by its end, as Argoverse 2
does; other benchmarks take each error's own minimum: `best="each"` does that for `min_ade_m`. Of modes that tie, in
probability or in distance, the first counts. Smaller is better: these are metrics, not scores.

A forecast is not valid, NaN, where a number of it or of the truth is missing or not finite, or its probabilities are no
distribution. `trajectory_truth` does the same for prediction tables and scenes.

Time grows with the number of positions; memory, besides the result, does not grow: rows are taken in blocks.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.foreign import to_numpy
from oddloop.score.measures import is_distribution

MISS_ABOVE_M = 2.0
METRIC_NAMES = ("min_ade_m", "min_fde_m", "miss_rate", "brier_min_fde_m")
Best = Literal["endpoint", "each"]
_BLOCK = 65_536


class ForecastErrors(NamedTuple):
    """Errors per forecast, each (N,) float64 and NaN where not valid; the fields are `METRIC_NAMES`."""

    min_ade_m: FloatArray
    min_fde_m: FloatArray
    miss_rate: FloatArray
    brier_min_fde_m: FloatArray


def forecast_errors(
    modes: npt.ArrayLike, probs: npt.ArrayLike, truth: npt.ArrayLike, k: int | None = None, best: Best = "endpoint"
) -> ForecastErrors:
    """Compare forecasts with what happened.

    Args:
        modes: (N,K,H,2) predicted positions in metres.
        probs: (N,K) probabilities of the modes, which sum to 1.
        truth: (N,H,2) true positions, NaN where not known.
        k: how many of the most probable modes compete; all where None.
        best: whether `min_ade_m` is of the mode that ends nearest, or the least of all modes.

    Raises:
        ValueError: the shapes do not fit, or k is below 1.

    References:
        Wilson et al., Argoverse 2, 2021; av2-api `motion_forecasting/eval/metrics.py`, which refuses instead of
        marking as not valid.

    >>> modes = [[[[1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [2.0, 3.0]]]]
    >>> found = forecast_errors(modes, [[0.75, 0.25]], [[[1.0, 0.0], [2.0, 4.0]]])
    >>> [float(values[0]) for values in found]
    [0.5, 1.0, 0.0, 1.5625]
    """
    paths, p, q = to_numpy(modes), to_numpy(probs), to_numpy(truth)
    _check(paths, p, q, k)
    result = np.full((4, len(paths)), np.nan)
    if paths.shape[1] and paths.shape[2]:
        size = max(_BLOCK // paths[0].size if len(paths) else 1, 1)
        for start in range(0, len(paths), size):
            rows = slice(start, start + size)
            result[:, rows] = _errors(paths[rows], p[rows], q[rows], k, best)
    return ForecastErrors(*result)


def _check(modes: AnyFloats, probs: AnyFloats, truth: AnyFloats, k: int | None) -> None:
    if modes.ndim != 4 or modes.shape[-1] != 2:
        raise ValueError(f"modes must be (N,K,H,2); got shape {modes.shape}")
    n, n_modes, n_steps, _ = modes.shape
    if probs.shape != (n, n_modes):
        raise ValueError(f"probs must have shape {(n, n_modes)}, one per mode; got {probs.shape}")
    if truth.shape != (n, n_steps, 2):
        raise ValueError(f"truth must have shape {(n, n_steps, 2)}, one position per step; got {truth.shape}")
    if k is not None and k < 1:
        raise ValueError(f"k must be 1 or more; got {k}")


def _errors(modes: AnyFloats, probs: AnyFloats, truth: AnyFloats, k: int | None, best: Best) -> FloatArray:
    """(4,N) errors of a block."""
    p = probs.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = modes.astype(np.float64) - truth.astype(np.float64)[:, None]
        apart *= apart
        distance = np.sqrt(apart[..., 0] + apart[..., 1])
        fde, ade = distance[:, :, -1], distance.sum(axis=2) / distance.shape[2]
    is_good = is_distribution(p) & np.isfinite(ade).all(axis=1)
    competes = _most_probable(p, k)
    rows, nearest = np.arange(len(p)), np.argmin(np.where(competes, fde, np.inf), axis=1)
    min_fde = fde[rows, nearest]
    min_ade = ade[rows, nearest] if best == "endpoint" else np.where(competes, ade, np.inf).min(axis=1)
    misses = (min_fde > MISS_ABOVE_M).astype(np.float64)
    found = np.stack([min_ade, min_fde, misses, min_fde + (1.0 - p[rows, nearest]) ** 2])
    return np.where(is_good, found, np.nan)


def _most_probable(p: FloatArray, k: int | None) -> npt.NDArray[np.bool_]:
    """(N,K) whether a mode is one of the k most probable."""
    if k is None or k >= p.shape[1]:
        return np.ones(p.shape, np.bool_)
    competes = np.zeros(p.shape, np.bool_)
    np.put_along_axis(competes, np.argsort(-p, axis=1, kind="stable")[:, :k], True, axis=1)
    return competes
