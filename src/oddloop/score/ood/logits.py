"""Out-of-distribution scores from logits alone. **Larger is more anomalous**, as everywhere in this package.

With l the C logits of a row and p their softmax:

    msp        1 - max p                                     [0, 1 - 1/C]
    max logit  -max l                                        any number
    energy     -T logsumexp(l / T)                           any number
    gen        sum over the M largest p of p^g (1 - p)^g     [0, M 4^-g]

OpenOOD gives confidences, which are the negatives (of `msp` less 1). `msp` and `gen` do not change when a number is
added to all logits, so that they may be taken of log-probabilities; max logit and energy do change.

A row that holds NaN or an infinity, or no class at all, gives NaN. All is float64; 1 - p of a certain class is summed
from the other classes, since a subtraction would lose it. Time grows with the number of logits (GEN with more than M
classes adds a selection); memory, besides the result, does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.ood.arrays import as_matrix, score_rows


def msp(logits: npt.ArrayLike) -> FloatArray:
    """One minus the maximum softmax probability.

    Args:
        logits: (N,C) float16, float32 or float64.

    Returns:
        (N,) float64 in [0, 1 - 1/C]; NaN where a logit is not finite.

    Raises:
        ValueError: `logits` holds no floats or is not two-dimensional.

    References:
        Hendrycks and Gimpel, A baseline for detecting misclassified and out-of-distribution examples, 2017.

    >>> msp([[0.0, 0.0], [100.0, 0.0]])
    array([5.00000000e-01, 3.72007598e-44])
    """
    return _score(logits, _msp)


def max_logit(logits: npt.ArrayLike) -> FloatArray:
    """The negative of the largest logit; arguments and errors as `msp`.

    References:
        Hendrycks et al., Scaling out-of-distribution detection for real-world settings, 2022.

    >>> max_logit([[1.0, 3.0]])
    array([-3.])
    """
    return _score(logits, lambda block: -block.max(axis=1))


def energy(logits: npt.ArrayLike, temperature: float = 1.0) -> FloatArray:
    """The free energy -T logsumexp(l / T).

    Args:
        logits: (N,C) float16, float32 or float64.
        temperature: T, above 0.

    Returns:
        (N,) float64; NaN where a logit is not finite.

    Raises:
        ValueError: `logits` holds no floats or is not two-dimensional, or T is not above 0.

    References:
        Liu et al., Energy-based out-of-distribution detection, 2020.

    >>> energy([[0.0, 0.0], [1000.0, 0.0]]).round(4)
    array([-6.931e-01, -1.000e+03])
    """
    if not (temperature > 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature must be above 0 and finite; got {temperature}")
    return _score(logits, lambda block: energy_rows(block, temperature))


def gen(logits: npt.ArrayLike, gamma: float = 0.1, top: int = 100) -> FloatArray:
    """Generalised entropy of the largest probabilities, summed.

    Args:
        logits: (N,C) float16, float32 or float64.
        gamma: g in (0, 1); a small one counts unlikely classes more.
        top: M, how many classes to sum over; all where there are fewer.

    Returns:
        (N,) float64 in [0, M 4^-g]; NaN where a logit is not finite.

    Raises:
        ValueError: `logits` holds no floats or is not two-dimensional, or a parameter is out of its range.

    References:
        Liu, Lochman and Zach, GEN: pushing the limits of softmax-based out-of-distribution detection, 2023.
        pytorch-ood takes the mean over M classes; this is the sum, as in the paper: the same order at one M.

    >>> gen([[0.0, 0.0]]).round(4)  # 2 · (1/4)^.1
    array([1.7411])
    """
    if not 0 < gamma < 1:
        raise ValueError(f"gamma must be between 0 and 1; got {gamma}")
    if top < 1:
        raise ValueError(f"top must be 1 or more; got {top}")
    return _score(logits, lambda block: _gen(block, gamma, top))


def energy_rows(block: FloatArray, temperature: float = 1.0) -> FloatArray:
    """(B,) energies of finite rows."""
    largest = block.max(axis=1)
    sums = np.exp((block - largest[:, None]) / temperature).sum(axis=1)
    result: FloatArray = -(largest + temperature * np.log(sums))
    return result


def _score(logits: npt.ArrayLike, score: Callable[[FloatArray], FloatArray]) -> FloatArray:
    matrix: AnyFloats = as_matrix(logits, "logits")
    return score_rows(matrix, score) if matrix.shape[1] else np.full(len(matrix), np.nan)


def _msp(block: FloatArray) -> FloatArray:
    weights = np.exp(block - block.max(axis=1, keepdims=True))
    np.put_along_axis(weights, block.argmax(axis=1)[:, None], 0.0, axis=1)
    others = weights.sum(axis=1)
    result: FloatArray = others / (1.0 + others)
    return result


def _gen(block: FloatArray, gamma: float, top: int) -> FloatArray:
    """In logarithms, since (1e-30)^.1 is .001: what is lost of 1 - p would be seen."""
    n_rest = min(top, block.shape[1]) - 1
    rest = block - block.max(axis=1, keepdims=True)
    np.put_along_axis(rest, block.argmax(axis=1)[:, None], -np.inf, axis=1)
    log_others = logsumexp(rest, axis=1)
    total = np.log1p(np.exp(log_others))
    # The others are at most 1/2, where p (1 - p) rises with p: the largest p have the largest terms.
    rest = np.partition(rest, -n_rest, axis=1)[:, -n_rest:] if n_rest else rest[:, :0]
    logs = rest - total[:, None]
    terms = np.exp(gamma * (logs + np.log1p(-np.exp(logs))))
    result: FloatArray = np.exp(gamma * (log_others - 2.0 * total)) + terms.sum(axis=1)
    return result


LOGIT_METHODS: dict[str, Callable[[npt.ArrayLike], FloatArray]] = {
    "msp": msp,
    "max_logit": max_logit,
    "energy": energy,
    "gen": gen,
}
"""By the name in the column `ood_<method>`."""
