"""How unsure a single probability is: the measures of the distribution (p, 1 - p), as for a detector's score.

    binary entropy           -p ln p - (1 - p) ln(1 - p), in nats   [0, ln 2]
    binary least confidence  min(p, 1 - p)                          [0, 1/2]
    binary margin            1 - |2p - 1| = 2 min(p, 1 - p)         [0, 1]
    binary ratio             min(p, 1 - p) / max(p, 1 - p)          [0, 1]

Each equals the function of the same name in `measures` on (p, 1 - p). A value outside [0, 1], NaN included, gives NaN.
Time grows with the number of values; memory, besides the result, does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls
from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_floats

_BLOCK = 16_384
_TINY = float(np.finfo(np.float64).tiny)
_BELOW_ONE = float(np.nextafter(1.0, 0.0))


def binary_entropy(p: npt.ArrayLike) -> FloatArray:
    """Entropy of each (p, 1 - p), in nats.

    Args:
        p: (...) probabilities, float16, float32 or float64.

    Returns:
        (...) float64 in [0, ln 2]; NaN where p is not in [0, 1].

    Raises:
        ValueError: `p` holds no floats.

    >>> binary_entropy([0.5, 1.0, 1.5]).round(4)
    array([0.6931, 0.    ,    nan])
    """
    return _in_blocks(_entropy, p)


def binary_least_confidence(p: npt.ArrayLike) -> FloatArray:
    """The smaller of p and 1 - p; arguments and errors as `binary_entropy`.

    >>> binary_least_confidence([0.5, 0.9, -1.0]).round(4)
    array([0.5, 0.1, nan])
    """
    return _in_blocks(lambda x: np.minimum(x, 1.0 - x), p)


def binary_margin(p: npt.ArrayLike) -> FloatArray:
    """One minus the distance between p and 1 - p; arguments and errors as `binary_entropy`.

    >>> binary_margin([0.5, 0.9]).round(4)
    array([1. , 0.2])
    """
    return _in_blocks(lambda x: 2.0 * np.minimum(x, 1.0 - x), p)


def binary_ratio(p: npt.ArrayLike) -> FloatArray:
    """The smaller of p and 1 - p as a share of the larger; arguments and errors as `binary_entropy`.

    >>> binary_ratio([0.5, 0.75])
    array([1.        , 0.33333333])
    """
    return _in_blocks(lambda x: np.minimum(x, 1.0 - x) / np.maximum(x, 1.0 - x), p)


def _entropy(x: FloatArray) -> FloatArray:
    # log1p keeps the digits of a tiny x, which 1 - x would round away.
    sums = x * np.log(np.maximum(x, _TINY)) + (1.0 - x) * np.log1p(-np.minimum(x, _BELOW_ONE))
    return np.minimum(0.0 - sums, math.log(2))


def _in_blocks(measure: Callable[[FloatArray], FloatArray], p: npt.ArrayLike) -> FloatArray:
    """The measure of each probability, in blocks that stay in the cache; NaN for what is none."""
    values = to_floats(p)
    flat = values.reshape(-1)
    result = np.empty(flat.shape)
    for start in range(0, len(flat), _BLOCK):
        x = flat[start : start + _BLOCK].astype(np.float64)
        result[start : start + _BLOCK] = measure(np.where((x >= 0) & (x <= 1), x, np.nan))
    return result.reshape(values.shape)[()]


def _compiled_entropy(p: npt.ArrayLike) -> FloatArray:
    """`binary_entropy` by the compiled loop where numba is installed."""
    values = to_floats(p)
    found = fast_calls.binary_entropies(values.reshape(-1))
    return binary_entropy(values) if found is None else found.reshape(values.shape)[()]


BINARY_MEASURES: dict[str, Callable[[npt.ArrayLike], FloatArray]] = {
    "entropy": _compiled_entropy,
    "least_confidence": binary_least_confidence,
    "margin": binary_margin,
    "ratio": binary_ratio,
}
"""The binary form of each of `measures.MEASURES`, and of the ratio; the entropy compiled where numba is installed."""
