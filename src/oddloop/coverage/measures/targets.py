"""Exposure against a target: how much of each segment is missing, and how far the distributions are apart.

    shortfall   max(0, target - actual)                                          in the unit of the exposure
    KL          sum p ln(p / q)          p the actual shares, q the target's     nats, [0, inf)
    JS          (KL(p, m) + KL(q, m)) / 2  with m = (p + q) / 2                  nats, [0, ln 2]

A segment that the data has and the target does not makes KL infinite; both are therefore smoothed by a count that is
stated. Time and memory grow with the segments.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.coverage.arrays import FloatArray


class Divergence(NamedTuple):
    """How far two distributions are apart, in nats."""

    kl: float
    js: float


def shortfall(actual: npt.ArrayLike, target: npt.ArrayLike, *, total: float | None = None) -> FloatArray:
    """What each segment lacks.

    Args:
        actual: (S,) exposure, not negative.
        target: (S,) exposure that is wanted; with `total`, shares of it, which are scaled to sum to 1.
        total: the exposure that the shares are shares of; None: `target` is exposure itself.

    Returns:
        (S,) float64, 0 where there is enough.

    Raises:
        ValueError: the lengths differ, a number is negative or not finite, or all shares are 0.

    >>> shortfall([8.0, 2.0], [0.5, 0.5], total=10.0)
    array([0., 3.])
    """
    have, want = _amounts(actual, "actual"), _amounts(target, "target")
    if have.shape != want.shape:
        raise ValueError(f"{len(have)} segments of exposure and {len(want)} of target; give one target per segment")
    if total is not None:
        if not want.sum() > 0:
            raise ValueError("all target shares are 0; give at least one segment a share")
        want = want / want.sum() * total
    return np.maximum(want - have, 0.0)


def uniform_target(n_segments: int) -> FloatArray:
    """(S,) equal shares.

    >>> uniform_target(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    return np.full(n_segments, 1.0 / max(n_segments, 1))


def divergence(actual: npt.ArrayLike, target: npt.ArrayLike, *, smoothing: float = 0.5) -> Divergence:
    """Kullback-Leibler and Jensen-Shannon divergence of the actual distribution from a target.

    Args:
        actual: (S,) counts or exposure, not negative.
        target: (S,) counts, exposure or shares; scaled to the total of `actual` before smoothing.
        smoothing: is added to every segment of both; 0 leaves them as they are.

    Returns:
        KL(actual, target), infinite where the target gives a segment nothing and the data something; and JS. Both NaN
        where either side is all 0.

    Raises:
        ValueError: the lengths differ, or a number is negative or not finite.

    References:
        Kullback and Leibler, On information and sufficiency, 1951. Lin, Divergence measures based on the Shannon
        entropy, 1991.

    >>> divergence([10.0, 10.0], [1.0, 1.0])
    Divergence(kl=0.0, js=0.0)
    """
    p, q = _amounts(actual, "actual"), _amounts(target, "target")
    if p.shape != q.shape:
        raise ValueError(f"{len(p)} segments of exposure and {len(q)} of target; give one target per segment")
    if not (p.sum() > 0 and q.sum() > 0):
        return Divergence(float("nan"), float("nan"))
    p, q = p + smoothing, q / q.sum() * p.sum() + smoothing
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    return Divergence(_kl(p, q), (_kl(p, middle) + _kl(q, middle)) / 2)


def _kl(p: FloatArray, q: FloatArray) -> float:
    used = p > 0
    with np.errstate(divide="ignore"):
        return max(float((p[used] * (np.log(p[used]) - np.log(q[used]))).sum()), 0.0)


def _amounts(values: npt.ArrayLike, what: str) -> FloatArray:
    numbers = np.asarray(values, np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError(f"`{what}` must be one-dimensional, finite and not negative")
    return numbers
