"""How unsure a probability distribution is, on plain arrays: entropy, least confidence, margin, ratio.

With p the probabilities of K classes and p(1) >= p(2) the two largest (p(2) = 0 where K = 1):

    entropy           -sum p ln p, in nats; 0·ln 0 = 0       [0, ln K]
    least confidence  1 - p(1)                               [0, 1 - 1/K]
    margin            1 - (p(1) - p(2))                      [0, 1]
    ratio             p(2) / p(1)                            [0, 1]

Larger is always more worth labelling. **A row that is not a distribution gives NaN**: one that is empty, holds NaN, an
infinity or a negative number, or whose sum is off 1 by more than `SUM_TOLERANCE`. Nothing is renormalised but rounding
within that tolerance, so that a float16 row obeys the bounds too. `is_distribution` tells beforehand which rows are
good. Only a wrong dtype or shape raises (`ValueError`), since then no row can be good.

These are the NumPy functions: the reference, and all there is where numba is not installed. `fast` has their compiled
twins, which the package exports. All is computed in float64, in blocks of classes x rows that stay in the cache. Time
grows with the number of probabilities; memory, besides the result, does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls
from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray
from oddloop.score.blocks import SUM_TOLERANCE as SUM_TOLERANCE
from oddloop.score.blocks import blocks, class_sums, minus_p_log_q
from oddloop.score.foreign import to_floats


def entropy(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """Shannon entropy of each distribution, in nats.

    Args:
        probs: (..., K) probabilities, float16, float32 or float64.
        axis: axis of the classes.

    Returns:
        (...) float64 in [0, ln K]; NaN where the row is not a distribution.

    Raises:
        ValueError: `probs` has no axis, or holds no floats.

    References:
        Shannon, A mathematical theory of communication, 1948; as an acquisition score: Settles, Active learning
        literature survey, 2009, section 3.1.

    >>> entropy([[0.5, 0.5], [1.0, 0.0], [0.7, 0.7]]).round(4)
    array([0.6931, 0.    ,    nan])
    """
    return _reference(probs, ("entropy",), axis)["entropy"]


def least_confidence(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """One minus the largest probability of each distribution.

    Args:
        probs: (..., K) probabilities, float16, float32 or float64.
        axis: axis of the classes.

    Returns:
        (...) float64 in [0, 1 - 1/K]; NaN where the row is not a distribution.

    Raises:
        ValueError: `probs` has no axis, or holds no floats.

    References:
        Lewis and Gale, A sequential algorithm for training text classifiers, 1994.

    >>> least_confidence([0.7, 0.2, 0.1]).round(4)
    np.float64(0.3)
    """
    return _reference(probs, ("least_confidence",), axis)["least_confidence"]


def margin(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """One minus the lead of the first over the second class, so that a tie gives 1.

    Args:
        probs: (..., K) probabilities, float16, float32 or float64.
        axis: axis of the classes.

    Returns:
        (...) float64 in [0, 1]; NaN where the row is not a distribution.

    Raises:
        ValueError: `probs` has no axis, or holds no floats.

    References:
        Scheffer, Decomain and Wrobel, Active hidden Markov models for information extraction, 2001; there the lead
        itself, smaller = more worth labelling.

    >>> margin([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]]).round(4)
    array([0.5, 1. ])
    """
    return _reference(probs, ("margin",), axis)["margin"]


def ratio(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """The second class's probability as a share of the first's, so that a tie gives 1 and one class alone 0.

    Args:
        probs: (..., K) probabilities, float16, float32 or float64.
        axis: axis of the classes.

    Returns:
        (...) float64 in [0, 1]; NaN where the row is not a distribution.

    Raises:
        ValueError: `probs` has no axis, or holds no floats.

    References:
        Monarch, Human-in-the-loop machine learning, 2021, section 3.2.3; there also p(2) / p(1).

    >>> ratio([[0.5, 0.25, 0.25], [0.4, 0.4, 0.2]])
    array([0.5, 1. ])
    """
    return _reference(probs, ("ratio",), axis)["ratio"]


def is_distribution(probs: npt.ArrayLike, axis: int = -1) -> BoolArray:
    """Whether each row is a distribution, so that its measures are not NaN.

    Args:
        probs: (..., K) numbers, float16, float32 or float64.
        axis: axis of the classes.

    Returns:
        (...) bool.

    Raises:
        ValueError: `probs` has no axis, or holds no floats.

    >>> is_distribution([[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]])
    array([ True, False, False])
    """
    rows, shape = _as_rows(probs, axis)
    valid = np.zeros(len(rows), np.bool_)
    for start, block in blocks(rows):
        n = min(block.shape[1], len(rows) - start)
        valid[start : start + n] = ~np.isnan(class_sums(block))[:n]
    return valid.reshape(shape)[()]


def mean_members(probs: npt.ArrayLike) -> AnyFloats:
    """Average the members of an ensemble (or MC-dropout passes); the average's entropy is the predictive entropy.

    Each member counts alike: what rounding left of its sum is divided out first.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.

    Returns:
        (..., K) float64; NaN where a member is not a distribution, or there is no member. One member is passed through.

    Raises:
        ValueError: fewer than two axes, or no floats.

    References:
        Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles, 2017.

    >>> mean_members([[[1.0, 0.0], [0.0, 1.0]]])
    array([[0.5, 0.5]])
    """
    members = to_floats(probs)
    if members.ndim < 2:
        raise ValueError(f"members x classes need at least 2 axes; got shape {members.shape}")
    *shape, n_members, n_classes = members.shape
    if n_members == 1:
        return members[..., 0, :]
    mean = np.full((math.prod(shape), n_classes), np.nan)
    if n_members and n_classes:
        for start, block in blocks(members.reshape(len(mean), n_members * n_classes)):
            cube = block.reshape(n_members, n_classes, -1)
            # The NaN of a bad member makes its whole row NaN.
            cube *= (1.0 / class_sums(cube))[:, None]
            average = (cube.sum(axis=0) / n_members).T
            mean[start : start + len(average)] = average[: len(mean) - start]
    return mean.reshape(*shape, n_classes)


def compute_measures(
    probs: npt.ArrayLike, names: Sequence[str] = ("entropy", "least_confidence", "margin"), axis: int = -1
) -> dict[str, FloatArray]:
    """Several measures by name in one pass over the probabilities, by the compiled loops where numba is installed.

    Each is as its own function gives it, but for the last bits.

    >>> sorted(compute_measures([0.5, 0.5]))
    ['entropy', 'least_confidence', 'margin']
    """
    rows, shape = _as_rows(probs, axis)
    found = fast_calls.measure_rows(rows.reshape(-1), np.arange(len(rows) + 1) * rows.shape[1], names)
    if found is None:
        return _reference(probs, names, axis)
    return {name: found[name].reshape(shape)[()] for name in names}


def _reference(probs: npt.ArrayLike, names: Sequence[str], axis: int = -1) -> dict[str, FloatArray]:
    """The same by NumPy alone."""
    rows, shape = _as_rows(probs, axis)
    results = {name: np.empty(len(rows)) for name in names}
    for start, block in blocks(rows):
        n = min(block.shape[1], len(rows) - start)
        # Dividing by the NaN of a bad row makes every measure of it NaN.
        block /= class_sums(block)
        for name in names:
            results[name][start : start + n] = _ALL_MEASURES[name](block)[:n]
    return {name: values.reshape(shape)[()] for name, values in results.items()}


def _as_rows(probs: npt.ArrayLike, axis: int) -> tuple[AnyFloats, tuple[int, ...]]:
    """(N,K) rows, and the shape of the results."""
    array = to_floats(probs)
    if array.ndim == 0:
        raise ValueError("probabilities need an axis of classes; got a single number; see `binary_entropy`")
    array = np.moveaxis(array, axis, -1)
    shape = array.shape[:-1]
    n_rows, n_classes = math.prod(shape), array.shape[-1]
    # No class at all: no distribution, which is what a single NaN is too.
    return array.reshape(n_rows, n_classes) if n_classes else np.full((n_rows, 1), np.nan), shape


def _entropy(block: FloatArray) -> FloatArray:
    # Rounding can leave -1e-17 behind where one class holds everything, and exceed ln K where all are alike.
    return np.clip(minus_p_log_q(block, block), 0.0, math.log(len(block)))


def _least_confidence(block: FloatArray) -> FloatArray:
    result: FloatArray = 1.0 - block.max(axis=0)
    return result


def _margin(block: FloatArray) -> FloatArray:
    first, second = _leaders(block)
    return 1.0 - (first - second)


def _ratio(block: FloatArray) -> FloatArray:
    first, second = _leaders(block)
    return second / first


def _leaders(block: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The largest and second largest of the classes, by a tournament: the loser may still be the second of all."""
    first, second = block, np.zeros_like(block)
    while len(first) > 1:
        half = len(first) // 2
        rest = slice(2 * half, None)  # the odd one out waits for the next round
        a, b = first[:half], first[half : 2 * half]
        seconds = np.maximum(np.minimum(a, b), np.maximum(second[:half], second[half : 2 * half]))
        first = np.concatenate([np.maximum(a, b), first[rest]])
        second = np.concatenate([seconds, second[rest]])
    return first[0], second[0]


MEASURES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "entropy": _entropy,
    "least_confidence": _least_confidence,
    "margin": _margin,
}
"""Measures by name, each of a (K,B) block of distributions; those that every task has."""
_ALL_MEASURES = {**MEASURES, "ratio": _ratio}
