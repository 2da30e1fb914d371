"""Ranks and cumulated sums of rows in falling order of a value, for many resamples of the rows at once.

A resample gives each row a weight: how often it was drawn, 0 or more. The order of the rows is the same in every
resample, so it is found once; ranks and sums then are cumulated sums of weights in that order. Rows of equal value form
a block: they share the mean of their ranks, and they are taken together.

Time grows with rows x resamples (and n log n once per value), memory with the same product.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oddloop.score.arrays import FloatArray, IntArray

_STRIDE = 16


@dataclass(frozen=True)
class Falling:
    """The falling order of a value.

    Attributes:
        order: (N,) rows, the largest value first.
        starts: (U,) places in `order` at which a block of equal values begins; N = 0 has none.
    """

    order: IntArray
    starts: IntArray

    @staticmethod
    def of(values: FloatArray) -> Falling:
        """Order of (N,) values without NaN.

        >>> Falling.of(np.array([1.0, 5.0, 1.0])).starts.tolist()
        [0, 1]
        """
        order = np.argsort(-values, kind="stable")
        ranked = values[order]
        is_new = np.ones(len(values), np.bool_)
        is_new[1:] = ranked[1:] != ranked[:-1]
        return Falling(order, np.flatnonzero(is_new))

    def sums(self, rows: FloatArray) -> FloatArray:
        """(U,B) sums over each block of (N,B) numbers, N above 0."""
        ordered = rows[self.order]
        if len(self.starts) == len(ordered):
            return ordered
        return np.add.reduceat(ordered, self.starts, axis=0)

    def ranks(self, weights: FloatArray) -> FloatArray:
        """(N,B) centred rank of each row, as `centred_ranks` of its block."""
        per_block = centred_ranks(self.sums(weights))
        result = np.empty(weights.shape)
        result[self.order] = np.repeat(per_block, np.diff(self.starts, append=len(self.order)), axis=0)
        return result


def running_sums(rows: FloatArray) -> FloatArray:
    """(U,B) cumulated sums down the columns, as `numpy.cumsum(axis=0)`, but adding whole rows, which is much faster.

    >>> running_sums(np.ones((3, 2)))[:, 0].tolist()
    [1.0, 2.0, 3.0]
    """
    n, width = rows.shape
    if n <= _STRIDE:
        return np.cumsum(rows, axis=0)
    padded = np.zeros((-(-n // _STRIDE) * _STRIDE, width))
    padded[:n] = rows
    parts = padded.reshape(-1, _STRIDE, width)
    for place in range(1, _STRIDE):
        parts[:, place] += parts[:, place - 1]
    parts[1:] += running_sums(parts[:-1, -1])[:, None]
    return padded[:n]


def centred_ranks(weights: FloatArray) -> FloatArray:
    """Mean rank of each block's members, less the mean rank of all, (n + 1) / 2.

    Args:
        weights: (U,B) members of each block, in order, per resample.

    Returns:
        (U,B) ranks, lowest first; their weighted sum is 0.

    >>> centred_ranks(np.array([[1.0], [2.0], [1.0]])).ravel().tolist()  # ranks 1, 2.5, 2.5, 4
    [-1.5, 0.0, 1.5]
    """
    before_and_own = running_sums(weights)
    ranks: FloatArray = before_and_own - (weights - 1.0) / 2.0
    ranks -= (before_and_own[-1] + 1.0) / 2.0
    return ranks


def found_within(costs: FloatArray, errors: FloatArray, shares: Sequence[float]) -> FloatArray:
    """Share of all errors that lies in the first blocks, as far as a share of the total cost reaches.

    The block at which the money runs out counts with the part that is paid for. So a value that is the same everywhere
    finds, at any share, just that share.

    Args:
        costs: (U,B) cost of each block, in order, 0 or more.
        errors: (U,B) errors in each block, 0 or more.
        shares: (K,) shares of the total cost to spend, in (0, 1).

    Returns:
        (K,B) shares in [0, 1]; NaN where there is no cost, or no error, at all.

    >>> found_within(np.array([[1.0], [3.0]]), np.array([[6.0], [2.0]]), [0.5])  # all of the first, 1/3 of the next
    array([[0.83333333]])
    """
    paid, found = running_sums(costs), running_sums(errors)
    result = np.empty((len(shares), costs.shape[1]))
    column = np.arange(costs.shape[1])
    for at, share in enumerate(shares):
        budget = share * paid[-1]
        last = np.minimum(np.count_nonzero(paid < budget, axis=0), len(paid) - 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            unpaid = (paid[last, column] - budget) / costs[last, column]
            result[at] = (found[last, column] - errors[last, column] * unpaid) / found[-1]
    return result
