"""From logits to probabilities: softmax with a temperature.

    p_k = exp(z_k / T) / sum_j exp(z_j / T)

T > 1 softens, T < 1 sharpens, neither changes the order of the classes. `calibration.fit_temperature` finds T.
A logit of -inf is a class that cannot be: probability 0. **A row that holds NaN or +inf, or nothing but -inf, gives NaN
throughout**, as every measure of it then does. Time grows with the number of logits; memory, besides the result, with
one block.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.blocks import blocks
from oddloop.score.foreign import to_floats
from oddloop.score.measures import is_distribution


def softmax(logits: npt.ArrayLike, temperature: float = 1.0) -> AnyFloats:
    """Probabilities of logits, computed in float64.

    Args:
        logits: (..., K) unnormalised log-probabilities, float16, float32 or float64, classes last. The logarithms of
            probabilities are logits too, so that probabilities alone can also be given another temperature.
        temperature: above 0.

    Returns:
        (..., K) float64 where the logits are, else float32; NaN throughout a row that has no softmax.

    Raises:
        ValueError: no axis of classes, no floats, or a temperature that is not positive and finite.

    References:
        Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990.

    >>> softmax([0.0, 0.0, -np.inf])
    array([0.5, 0.5, 0. ])
    >>> softmax(np.log([0.8, 0.2]), temperature=2.0).round(4)
    array([0.6667, 0.3333])
    """
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"a temperature must be positive and finite; got {temperature}")
    values = to_floats(logits)
    if values.ndim == 0:
        raise ValueError("logits need an axis of classes; got a single number")
    result = np.empty(values.shape, np.result_type(values.dtype, np.float32))
    if values.size:
        n_classes = values.shape[-1]
        flat = result.reshape(-1, n_classes)
        for start, block in blocks(values.reshape(-1, n_classes)):
            part = flat[start : start + block.shape[1]]
            part[...] = _softmax(block, temperature).T[: len(part)]
    return result


def rescale_probs(probs: npt.ArrayLike, temperature: float) -> AnyFloats:
    """Give probabilities another temperature: p^(1/T), divided by the sum.

    Args:
        probs: (..., K) probabilities, float16, float32 or float64.
        temperature: above 0; 1 changes nothing.

    Returns:
        (..., K) as `softmax` of their logarithms; NaN throughout a row that is not a distribution.

    Raises:
        ValueError: as for `softmax`.

    >>> rescale_probs([[0.8, 0.2], [0.8, 0.8]], temperature=2.0).round(4)
    array([[0.6667, 0.3333],
           [   nan,    nan]])
    """
    values = to_floats(probs)
    # 0 becomes -inf and stays impossible; what is below 0 becomes NaN, as does all of its row.
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(values, dtype=np.result_type(values.dtype, np.float32))
    result = softmax(logs, temperature)
    result[~is_distribution(values)] = np.nan
    return result


def _softmax(block: FloatArray, temperature: float) -> FloatArray:
    """(K,B) in place."""
    # inf - inf, which is what -inf alone and +inf come to, is NaN and stays it.
    with np.errstate(invalid="ignore", over="ignore"):
        block -= block.max(axis=0)
        block /= temperature
    np.exp(block, out=block)
    block /= block.sum(axis=0)
    return block
