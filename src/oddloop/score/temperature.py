"""Temperature scaling: one number that makes a model's confidence mean what it says.

    T = argmin_T  -mean_i ln softmax(z_i / T)[y_i]

over held-out logits z and true classes y. The order of the classes, and so every decision, stays; entropies of models
with different T become comparable, so that they may share one threshold. T > 1 means that the model was overconfident.
Time grows with the number of logits times some 40 steps of the search; memory with one float64 copy of them.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_floats, to_numpy

LOWEST, HIGHEST = 0.01, 100.0
"""The temperatures searched: a model that is never wrong has no best one, and is given the lowest."""


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Temperature with the least negative log-likelihood, for `softmax(logits, temperature)`.

    Args:
        logits: (N,K) unnormalised log-probabilities on held-out data, float16, float32 or float64; the logarithms of
            probabilities are logits too. Rows that are not finite are left out.
        labels: (N,) integers, the true class of each row.

    Returns:
        In [`LOWEST`, `HIGHEST`]; at an end where the optimum lies beyond it.

    Raises:
        ValueError: shapes or dtypes do not fit, a label is no class, or no row is finite.

    References:
        Guo et al., On calibration of modern neural networks, 2017.

    >>> # 3 of 4 right at a stated confidence of 1 / (1 + e^-4) = 0.98; e^(4 / T) must be 3: T = 4 / ln 3
    >>> round(fit_temperature([[4.0, 0.0]] * 4, [0, 0, 0, 1]), 4)
    3.641
    """
    values = to_floats(logits)
    if values.ndim != 2:
        raise ValueError(f"logits need two axes, rows x classes; got shape {values.shape}")
    classes = check_labels(labels, *values.shape)
    is_finite = np.isfinite(values).all(axis=1)
    if not is_finite.any():
        raise ValueError("no row of the logits is finite, so that there is no temperature to fit")
    z = values[is_finite].astype(np.float64)
    # Relative to the true class, so that the loss of a row is the logarithm of a sum.
    z -= np.take_along_axis(z, classes[is_finite, None], axis=1)
    found = minimize_scalar(
        _loss, bounds=(math.log(LOWEST), math.log(HIGHEST)), args=(z,), method="bounded", options={"xatol": 1e-8}
    )
    return math.exp(float(found.x))


def _loss(log_temperature: float, z: FloatArray) -> float:
    """Mean negative log-likelihood; it has one minimum in T, since it is convex in 1/T."""
    return float(np.mean(logsumexp(z * math.exp(-log_temperature), axis=1)))


def check_labels(labels: npt.ArrayLike, n_rows: int, n_classes: int) -> IntArray:
    """(N,) labels as int64.

    Raises:
        ValueError: another number of labels than rows, no integers, or a label that is no class.
    """
    classes = to_numpy(labels)
    if classes.shape != (n_rows,):
        raise ValueError(f"labels must be ({n_rows},), one per row; got shape {classes.shape}")
    if n_rows and not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(f"labels must be integers, the number of the true class; got {classes.dtype}")
    if n_rows and not (classes.min() >= 0 and classes.max() < n_classes):
        raise ValueError(f"labels must be in [0, {n_classes - 1}]; got {classes.min()} to {classes.max()}")
    return classes.astype(np.int64)
