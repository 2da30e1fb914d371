"""What the resampled curves say, weighed by what floors are like.

Resamples alone cannot tell no floor from a small one, since by luck the last points may lie high. So they are weighed
by what floors are like before any look at them: as likely between 10 and 20 % of the error now as between 40 and 80 %,
in other words log-uniform, and evenly likely below 5 %. Points that say nothing must not be answered by that guess:
see `fall_chance` in `curves`, which is not weighed.
"""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import BoolArray, FloatArray

_SMALL = 0.05


def weigh_floors(floor: FloatArray, error: FloatArray) -> FloatArray:
    """(S,B) weight of each resample by its floor and its error now; 0 where there is no curve.

    >>> weigh_floors(np.array([[0.0, 0.01, 0.05, 0.1, np.nan]]), np.full((1, 5), 0.1)).round(6).tolist()
    [[20.0, 10.0, 2.0, 1.0, 0.0]]
    """
    share = np.divide(floor, error, out=np.zeros_like(floor), where=error > 0)
    weight: FloatArray = np.where(np.isfinite(floor), 1 / np.fmax(share, _SMALL), 0.0)
    return weight


def weighted_share(what: BoolArray, weight: FloatArray) -> FloatArray:
    """(S,) share of each row's weight, (S,B), where `what` holds; 0.5 where there is no weight.

    >>> weighted_share(np.array([[True, False]]), np.array([[3.0, 1.0]])).tolist()
    [0.75]
    """
    total = weight.sum(axis=1)
    share: FloatArray = np.divide((what * weight).sum(axis=1), total, out=np.full(len(total), 0.5), where=total > 0)
    return share


def weighted_quantiles(values: FloatArray, weight: FloatArray, tails: tuple[float, ...]) -> FloatArray:
    """(T,S) least value of each row, (S,B), with that share of the row's weight up to it; values may be infinite.

    >>> weighted_quantiles(np.array([[3.0, 1.0, np.inf]]), np.array([[1.0, 2.0, 1.0]]), (0.5, 0.75, 0.9)).tolist()
    [[1.0], [3.0], [inf]]
    """
    order = np.argsort(values, axis=1)
    rank = np.cumsum(np.take_along_axis(weight, order, axis=1), axis=1)
    wanted = np.asarray(tails)[:, None] * rank[:, -1] * (1 - 1e-12)  # an exact share may lie an ulp below its sum
    at = (rank < wanted[:, :, None]).sum(axis=2)
    found: FloatArray = np.take_along_axis(np.take_along_axis(values, order, axis=1), at.T, axis=1).T
    return found
