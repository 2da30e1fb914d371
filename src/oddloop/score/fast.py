"""The compiled twins of `measures` and `binary`, and the same for rows of unequal length.

Same formulas, ranges, missing values and errors; results may differ in the last bits (relative 1e-12). Where numba is
not installed, each is its NumPy twin. The first call of a process imports numba, the first on a machine compiles.

Time grows with the number of probabilities, on one thread; the interpreter's lock is released, so that threads add up.
Memory, besides the result, does not grow; half precision is widened to float32 first.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from oddloop.score import binary, fast_calls, measures
from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.foreign import to_floats, to_numpy
from oddloop.score.shapes import by_shape


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
    return measures.compute_measures(probs, ("entropy",), axis)["entropy"]


def least_confidence(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """One minus the largest probability of each distribution, in [0, 1 - 1/K]; otherwise as `entropy`.

    References:
        Lewis and Gale, A sequential algorithm for training text classifiers, 1994.

    >>> least_confidence([0.7, 0.2, 0.1]).round(4)
    np.float64(0.3)
    """
    return measures.compute_measures(probs, ("least_confidence",), axis)["least_confidence"]


def margin(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """One minus the lead of the first over the second class, so that a tie gives 1; in [0, 1], otherwise as `entropy`.

    References:
        Scheffer, Decomain and Wrobel, Active hidden Markov models for information extraction, 2001; there the lead
        itself, smaller = more worth labelling.

    >>> margin([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]]).round(4)
    array([0.5, 1. ])
    """
    return measures.compute_measures(probs, ("margin",), axis)["margin"]


def ratio(probs: npt.ArrayLike, axis: int = -1) -> FloatArray:
    """The second class's probability as a share of the first's; a tie gives 1; in [0, 1], otherwise as `entropy`.

    References:
        Monarch, Human-in-the-loop machine learning, 2021, section 3.2.3.

    >>> ratio([[0.5, 0.25, 0.25], [0.4, 0.4, 0.2]])
    array([0.5, 1. ])
    """
    return measures.compute_measures(probs, ("ratio",), axis)["ratio"]


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
    return binary.BINARY_MEASURES["entropy"](p)


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
    if members.ndim < 2 or members.shape[-2] < 2:
        return measures.mean_members(members)
    *shape, n_members, n_classes = members.shape
    found = fast_calls.mean_rows(members.reshape(math.prod(shape), n_members, n_classes))
    return measures.mean_members(members) if found is None else found.reshape(*shape, n_classes)


def ragged_measures(values: npt.ArrayLike, offsets: npt.ArrayLike) -> dict[str, FloatArray]:
    """Entropy, least confidence, margin and ratio of rows of unequal length, without padding.

    Args:
        values: (N,) probabilities of all rows, float16, float32 or float64.
        offsets: (R+1,) integers that do not fall, within [0, N]: row i is `values[offsets[i]:offsets[i + 1]]`.

    Returns:
        (R,) float64 by name, ranges as `measures`; NaN where a row is not a distribution, as an empty one.

    Raises:
        ValueError: no floats, `values` or `offsets` with other than one axis, or offsets that fall or reach too far.

    >>> ragged_measures([0.5, 0.5, 1.0], [0, 2, 2, 3])["margin"]
    array([ 1., nan,  0.])
    """
    flat, bounds = to_floats(values), to_numpy(offsets)
    if flat.ndim != 1 or bounds.ndim != 1 or not len(bounds) or not np.issubdtype(bounds.dtype, np.integer):
        raise ValueError(f"values and offsets need one axis, offsets integers; got {flat.shape} and {bounds.dtype}")
    bounds = np.ascontiguousarray(bounds, np.int64)
    if bounds[0] < 0 or bounds[-1] > len(flat) or np.any(bounds[1:] < bounds[:-1]):
        raise ValueError(f"offsets must rise from 0 or more to at most {len(flat)}, the number of values")
    found = fast_calls.measure_rows(flat, bounds, fast_calls.ROW_MEASURES)
    if found is not None:
        return found
    results = {name: np.full(len(bounds) - 1, np.nan) for name in fast_calls.ROW_MEASURES}
    for rows, dense in by_shape(flat, bounds[:-1], np.diff(bounds)[:, None]):
        for name, result in measures.compute_measures(dense, fast_calls.ROW_MEASURES).items():
            results[name][rows] = result
    return results
