"""How unsure an ensemble is, and how much of that its members disagree about.

Members (of a deep ensemble, or MC-dropout passes) are on the second last axis, classes on the last. With p_m the
distribution of member m of M over K classes, q their mean, and H the entropy in nats:

    predictive entropy   H(q): all that is uncertain                        [0, ln K]
    expected entropy     mean_m H(p_m): what no data will cure              [0, H(q)]
    BALD                 H(q) - mean_m H(p_m), the mutual information of    [0, H(q)], and at most ln M
                         answer and member: what more data may cure
    predictive variance  sum_k mean_m (p_mk - q_k)², the trace of the       [0, 1 - 1/K]
                         members' covariance

Predictive entropy is the sum of the other two, and `0 <= BALD <= predictive entropy <= ln K` holds after rounding too.
One member has BALD 0 and variance 0, and that is valid. Larger is more worth labelling.
**NaN where any member is not a distribution** (see `measures`), or there is no member. Of logits, take `softmax` first.

Time grows with the number of probabilities; memory, besides the result, with one float64 mean per row and one entropy
per member.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls
from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.blocks import blocks, class_sums
from oddloop.score.fast import mean_members
from oddloop.score.foreign import to_floats
from oddloop.score.measures import compute_measures
from oddloop.score.votes import DISAGREEMENTS


def predictive_entropy(probs: npt.ArrayLike) -> FloatArray:
    """Entropy of the members' mean, in nats.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.

    Returns:
        (...) float64 in [0, ln K]; NaN where a member is not a distribution, or there is none.

    Raises:
        ValueError: fewer than two axes, or no floats.

    References:
        Gal, Islam and Ghahramani, Deep Bayesian active learning with image data, 2017.

    >>> predictive_entropy([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]).round(4)
    array([0.6931, 0.6931])
    """
    return compute_ensemble_measures(probs, ("entropy",))["entropy"]


def expected_entropy(probs: npt.ArrayLike) -> FloatArray:
    """Mean of the members' entropies, in nats, at most the predictive entropy; otherwise as `predictive_entropy`.

    References:
        Gal, Islam and Ghahramani, 2017; called aleatoric by Depeweg et al., 2018.

    >>> expected_entropy([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]).round(4)
    array([0.    , 0.6931])
    """
    return compute_ensemble_measures(probs, ("expected_entropy",))["expected_entropy"]


def bald(probs: npt.ArrayLike) -> FloatArray:
    """Mutual information of the answer and the member, in nats: predictive less expected entropy.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.

    Returns:
        (...) float64 in [0, predictive entropy]; 0 for one member; NaN as `predictive_entropy`.

    Raises:
        ValueError: fewer than two axes, or no floats.

    References:
        Houlsby et al., Bayesian active learning for classification and preference learning, 2011.

    >>> bald([[[1.0, 0.0], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]).round(4)
    array([0.6931, 0.    ])
    """
    return compute_ensemble_measures(probs, ("bald",))["bald"]


def predictive_variance(probs: npt.ArrayLike) -> FloatArray:
    """Variance of the members' probabilities (divided by M), summed over the classes.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.

    Returns:
        (...) float64 in [0, 1 - 1/K]; 0 for one member; NaN as `predictive_entropy`.

    Raises:
        ValueError: fewer than two axes, or no floats.

    References:
        Kampffmeyer, Salberg and Jenssen, Semantic segmentation of small objects, 2016; there the standard deviation,
        averaged over the classes.

    >>> predictive_variance([[1.0, 0.0], [0.0, 1.0]])
    np.float64(0.5)
    """
    return compute_ensemble_measures(probs, ("variance",))["variance"]


def compute_ensemble_measures(probs: npt.ArrayLike, names: Sequence[str]) -> dict[str, FloatArray]:
    """Several of `ENSEMBLE_MEASURES` by name, sharing what they have in common; each as its own function gives it.

    `entropy`, `least_confidence`, `margin` and `ratio` are those of the members' mean.

    Args:
        probs: (..., M, K) probabilities, float16, float32 or float64.
        names: which.

    Raises:
        ValueError: fewer than two axes, no floats, or a name that there is not.

    >>> found = compute_ensemble_measures([[1.0, 0.0], [0.0, 1.0]], ("margin", "vote_entropy"))
    >>> {name: round(float(value), 4) for name, value in found.items()}
    {'margin': 1.0, 'vote_entropy': 0.6931}
    """
    if unknown := sorted(set(names) - set(ENSEMBLE_MEASURES)):
        raise ValueError(f"no such measure: {', '.join(unknown)}; there are: {', '.join(ENSEMBLE_MEASURES)}")
    members = to_floats(probs)
    found: dict[str, FloatArray] = {}
    if of_mean := {_NEEDS.get(name, name) for name in names} - set(_OF_MEMBERS):
        with_own = not set(_NEEDS).isdisjoint(names)
        found |= _measure_mean(members, sorted(of_mean | {"expected_entropy"} if with_own else of_mean))
    if "bald" in names:
        found["bald"] = found["entropy"] - found["expected_entropy"]
    if of_members := [name for name in names if name in _OF_MEMBERS]:
        found |= _measure_members(members, of_members)
    return {name: found[name] for name in names}


def _measure_mean(members: AnyFloats, names: Sequence[str]) -> dict[str, FloatArray]:
    """Measures of the members' mean, and their expected entropy, compiled where numba is installed."""
    if members.ndim > 1 and members.shape[-2] > 1 and members.shape[-1] > 0:
        *shape, n_members, n_classes = members.shape
        found = fast_calls.measure_members(members.reshape(math.prod(shape), n_members, n_classes), names)
        if found is not None:
            return {name: values.reshape(shape)[()] for name, values in found.items()}
    results = compute_measures(mean_members(members), [name for name in names if name != "expected_entropy"])
    if "expected_entropy" in names:
        one_member = members.shape[-2] == 1
        own = results["entropy"] if one_member else np.minimum(_mean_entropy(members), results["entropy"])
        results["expected_entropy"] = own
    return results


def _mean_entropy(members: AnyFloats) -> FloatArray:
    entropies = compute_measures(members, ("entropy",))["entropy"]
    with np.errstate(invalid="ignore"):
        mean: FloatArray = entropies.sum(axis=-1) / members.shape[-2]
    return mean


def _measure_members(members: AnyFloats, names: Sequence[str]) -> dict[str, FloatArray]:
    """Measures that need all members of a row side by side."""
    if members.ndim < 2:
        raise ValueError(f"members x classes need at least 2 axes; got shape {members.shape}")
    *shape, n_members, n_classes = members.shape
    results = {name: np.full(math.prod(shape), np.nan) for name in names}
    if n_members and n_classes:
        cube = members.reshape(math.prod(shape), n_members, n_classes)
        if "consensus" in names and (compiled := fast_calls.measure_consensus(cube)) is not None:
            results["consensus"] = compiled
            names = [name for name in names if name != "consensus"]
        _measure_blocks(cube, {name: results[name] for name in names})
    return {name: values.reshape(shape)[()] for name, values in results.items()}


def _measure_blocks(members: AnyFloats, results: dict[str, FloatArray]) -> None:
    """The same by NumPy, of an (N,M,K) array, into (N,) results."""
    n_rows, n_members, n_classes = members.shape
    for start, block in blocks(members.reshape(n_rows, n_members * n_classes)) if results else ():
        cube = block.reshape(n_members, n_classes, -1)
        # Dividing by the NaN of a bad member makes every measure of its row NaN.
        cube /= class_sums(cube)[:, None]
        cube += 0.0 * cube.sum(axis=(0, 1))
        n = min(cube.shape[2], n_rows - start)
        for name, values in results.items():
            values[start : start + n] = _OF_MEMBERS[name](cube)[:n]


def _variance(cube: FloatArray) -> FloatArray:
    squares = np.square(cube - cube.mean(axis=0))
    result: FloatArray = squares.mean(axis=0).sum(axis=0)
    return result


_OF_MEMBERS: dict[str, Callable[[FloatArray], FloatArray]] = {"variance": _variance, **DISAGREEMENTS}
_NEEDS = {"expected_entropy": "entropy", "bald": "entropy"}
ENSEMBLE_MEASURES = ("entropy", "least_confidence", "margin", "ratio", *_NEEDS, *_OF_MEMBERS)
"""All measures of an ensemble; the names that `score.measures` may have."""
