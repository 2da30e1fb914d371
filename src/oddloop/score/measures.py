"""How unsure a probability distribution is, on plain arrays: entropy, least confidence, margin.

With p the probabilities of K classes and p(1) >= p(2) the two largest (p(2) = 0 where K = 1):

    entropy           -sum p ln p, in nats; 0·ln 0 = 0       [0, ln K]
    least confidence  1 - p(1)                               [0, 1 - 1/K]
    margin            1 - (p(1) - p(2))                      [0, 1]

Larger is always more worth labelling. **A row that is not a distribution gives NaN**: one that is empty, holds NaN, an
infinity or a negative number, or whose sum is off 1 by more than `SUM_TOLERANCE`. Nothing is renormalised but rounding
within that tolerance, so that a float16 row obeys the bounds too. `is_distribution` tells beforehand which rows are
good. Only a wrong dtype or shape raises (`ValueError`), since then no row can be good.

All is computed in float64, in blocks of classes x rows that stay in the cache. Time grows with the number of
probabilities; memory, besides the result, does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray, as_floats

SUM_TOLERANCE = 1e-3
"""How far a row's sum may be off 1: float16 rounding stays within half of it."""
_BLOCK = 40_960
_TINY = float(np.finfo(np.float64).tiny)


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
    return compute_measures(probs, ("entropy",), axis)["entropy"]


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
    return compute_measures(probs, ("least_confidence",), axis)["least_confidence"]


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
    return compute_measures(probs, ("margin",), axis)["margin"]


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
    for start, block in _blocks(rows):
        n = min(block.shape[1], len(rows) - start)
        valid[start : start + n] = ~np.isnan(_sums(block))[:n]
    return valid.reshape(shape)[()]


def mean_members(probs: npt.ArrayLike) -> AnyFloats:
    """Average the members of an ensemble (or MC-dropout passes); the average's entropy is the predictive entropy.

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
    members = as_floats(probs)
    if members.ndim < 2:
        raise ValueError(f"members x classes need at least 2 axes; got shape {members.shape}")
    *shape, n_members, n_classes = members.shape
    if n_members == 1:
        return members[..., 0, :]
    mean = np.full((math.prod(shape), n_classes), np.nan)
    if n_members and n_classes:
        for start, block in _blocks(members.reshape(len(mean), n_members * n_classes)):
            cube = block.reshape(n_members, n_classes, -1)
            is_good = ~np.isnan(_sums(cube)).any(axis=0)
            with np.errstate(invalid="ignore", over="ignore"):
                average = np.where(is_good, cube.sum(axis=0) / n_members, np.nan).T
            mean[start : start + len(average)] = average[: len(mean) - start]
    return mean.reshape(*shape, n_classes)


def compute_measures(
    probs: npt.ArrayLike, names: Sequence[str] = ("entropy", "least_confidence", "margin"), axis: int = -1
) -> dict[str, FloatArray]:
    """Several measures by name in one pass over the probabilities; each as its own function gives it.

    >>> sorted(compute_measures([0.5, 0.5]))
    ['entropy', 'least_confidence', 'margin']
    """
    rows, shape = _as_rows(probs, axis)
    results = {name: np.empty(len(rows)) for name in names}
    for start, block in _blocks(rows):
        n = min(block.shape[1], len(rows) - start)
        # Dividing by the NaN of a bad row makes every measure of it NaN.
        block /= _sums(block)
        for name in names:
            results[name][start : start + n] = MEASURES[name](block)[:n]
    return {name: values.reshape(shape)[()] for name, values in results.items()}


def _as_rows(probs: npt.ArrayLike, axis: int) -> tuple[AnyFloats, tuple[int, ...]]:
    """(N,K) rows, and the shape of the results."""
    array = as_floats(probs)
    if array.ndim == 0:
        raise ValueError("probabilities need an axis of classes; got a single number; see `binary_entropy`")
    array = np.moveaxis(array, axis, -1)
    shape = array.shape[:-1]
    n_rows, n_classes = math.prod(shape), array.shape[-1]
    # No class at all: no distribution, which is what a single NaN is too.
    return array.reshape(n_rows, n_classes) if n_classes else np.full((n_rows, 1), np.nan), shape


def _blocks(rows: AnyFloats) -> Iterator[tuple[int, FloatArray]]:
    """(first row, (K,B) float64 copy) of each block: with the classes outside, every reduction runs along the rows.

    No block has B = 1, a lone row is doubled: NumPy would add its classes in another order than its neighbours', and
    the last bit of a row must not depend on how the rows are cut into batches.
    """
    n_rows, n_classes = rows.shape
    size = max(_BLOCK // n_classes, 2)
    for start in range(0, n_rows, size):
        block = rows[start : start + size]
        if len(block) == 1:
            block = np.repeat(block, 2, axis=0)
        yield start, block.T.astype(np.float64, order="C")


def _sums(block: FloatArray) -> FloatArray:
    """(...,B) sums of the classes of a (...,K,B) block, near 1; NaN where a row is not a distribution."""
    with np.errstate(invalid="ignore", over="ignore"):
        sums: FloatArray = block.sum(axis=-2)
        valid = (np.abs(sums - 1.0) <= SUM_TOLERANCE) & (block.min(axis=-2) >= 0)
    return np.where(valid, sums, np.nan)


def _entropy(block: FloatArray) -> FloatArray:
    logs = np.maximum(block, _TINY)
    np.log(logs, out=logs)
    logs *= block
    # Rounding can leave -1e-17 behind where one class holds everything.
    result: FloatArray = np.maximum(0.0 - logs.sum(axis=0), 0.0)
    return result


def _least_confidence(block: FloatArray) -> FloatArray:
    result: FloatArray = 1.0 - block.max(axis=0)
    return result


def _margin(block: FloatArray) -> FloatArray:
    """A tournament of classes: each half meets the other, and the loser may still be the second of all."""
    first, second = block, np.zeros_like(block)
    while len(first) > 1:
        half = len(first) // 2
        rest = slice(2 * half, None)  # the odd one out waits for the next round
        a, b = first[:half], first[half : 2 * half]
        seconds = np.maximum(np.minimum(a, b), np.maximum(second[:half], second[half : 2 * half]))
        first = np.concatenate([np.maximum(a, b), first[rest]])
        second = np.concatenate([seconds, second[rest]])
    result: FloatArray = 1.0 - (first[0] - second[0])
    return result


MEASURES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "entropy": _entropy,
    "least_confidence": _least_confidence,
    "margin": _margin,
}
"""Measures by name, each of a (K,B) block of distributions."""
