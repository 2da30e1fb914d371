"""How far forecasts are from what happened, per forecast and per scene.

For one forecast with positions p_1..p_H and truth q_1..q_H, in metres:

    min_fde_m = |p_H - q_H|             final displacement error
    min_ade_m = mean_h |p_h - q_h|      average displacement error
    miss_rate = 1 if min_fde_m > 2.0 else 0

"min" is over the modes of a forecast, as in Argoverse 2 (Wilson et al. 2021); the demo forecasts one mode, the mean of
the ensemble. A scene's value is the mean over its forecasts whose whole future is known; scenes without any have none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.trajectory_metrics import MISS_ABOVE_M as MISS_ABOVE_M
from oddloop.score.trajectory_metrics import forecast_errors

METRICS = ("min_fde_m", "min_ade_m", "miss_rate")

Floats = npt.NDArray[np.float64]


def displacement_errors(forecast_m: npt.ArrayLike, truth_m: npt.ArrayLike) -> dict[str, Floats]:
    """Compute each metric of R forecasts.

    (R,H,2) positions in metres and as many true ones give (R,) values per metric, all 0 or more; R = 0 gives empty
    arrays.

    >>> straight, turned = np.array([[[1.0, 0.0], [2.0, 0.0]]]), np.array([[[1.0, 0.0], [2.0, 3.0]]])
    >>> {name: values.tolist() for name, values in displacement_errors(straight, turned).items()}
    {'min_fde_m': [3.0], 'min_ade_m': [1.5], 'miss_rate': [1.0]}
    """
    forecast = np.asarray(forecast_m, dtype=np.float64)[:, None]
    errors = forecast_errors(forecast, np.ones(forecast.shape[:2]), truth_m)._asdict()
    return {name: errors[name] for name in METRICS}


def scene_means(values: Floats, scene: npt.NDArray[np.int64], n_scenes: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Average (R,) values over their scenes, (R,) indices below `n_scenes`: return (S,) means and (S,) supports.

    A scene with support 0 has the mean NaN.

    >>> [part.tolist() for part in scene_means(np.array([1.0, 3.0]), np.array([1, 1]), 2)]
    [[nan, 2.0], [0, 2]]
    """
    support = np.bincount(scene, minlength=n_scenes)
    total = np.bincount(scene, weights=values, minlength=n_scenes)
    return np.where(support > 0, total / np.maximum(support, 1), np.nan), support
