"""What one score tells of the errors of its rows, in the sample and in each resample of whole logs.

    rank correlation  Spearman's rho of the score and the error level: Pearson's r of their mean ranks       [-1, 1]
    beyond the count  the same of what is left of both ranks after a straight line in the rank of the object count:
                      (r_se - r_sc r_ec) / sqrt((1 - r_sc²) (1 - r_ec²))                                       [-1, 1]
    found at b        share of all errors in the rows that a share b of the total cost pays for, taken by falling score

Each is NaN where it is not defined: a score that is the same everywhere has no rank correlation, and the object count
has none beyond itself. Resamples are weights per row (`ranking.py`).

References:
    Spearman 1904; Conover, Practical nonparametric statistics, 1999, section 5.4 (partial rank correlation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oddloop.score.arrays import FloatArray
from oddloop.score.audit.ranking import Falling, centred_ranks, found_within

SHARES = (0.05, 0.10, 0.20)
"""Shares of the total cost at which errors are counted."""
N_STATISTICS = 2 + len(SHARES)
"""Rank correlation, the same beyond the count, then one per share."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Ranked:
    """Ranks of a value in every resample.

    Attributes:
        weighted: (N,B) weight x centred rank.
        norm: (B,) square root of the weighted sum of the squares.
    """

    weighted: FloatArray
    norm: FloatArray

    @staticmethod
    def of(values: FloatArray, weights: FloatArray) -> Ranked:
        """Ranks of (N,) values under (N,B) weights."""
        ranks = Falling.of(values).ranks(weights)
        weighted = weights * ranks
        return Ranked(weighted, np.sqrt(np.einsum("nb,nb->b", weighted, ranks)))


class Sample:
    """Rows with their error levels, object counts, errors and costs, under B resamples; one at least."""

    def __init__(
        self, levels: FloatArray, counts: FloatArray, errors: FloatArray, costs: FloatArray, weights: FloatArray
    ) -> None:
        """Rank what every score will be held against; (N,) each, and (N,B) weights."""
        self._weights = weights
        self._levels, self._counts = Ranked.of(levels, weights), Ranked.of(counts, weights)
        self._errors, self._costs = errors[:, None], costs[:, None]
        ranks = Falling.of(counts).ranks(weights)
        self._levels_counts = _correlate(ranks, self._levels.weighted, self._counts.norm * self._levels.norm)

    def judge(self, scores: FloatArray) -> FloatArray:
        """(N_STATISTICS,B) what (N,) scores without NaN tell of the errors."""
        falling = Falling.of(scores)
        weights = falling.sums(self._weights)
        ranks = centred_ranks(weights)
        norm = np.sqrt(np.einsum("ub,ub,ub->b", weights, ranks, ranks))
        level = _correlate(ranks, falling.sums(self._levels.weighted), norm * self._levels.norm)
        count = _correlate(ranks, falling.sums(self._counts.weighted), norm * self._counts.norm)
        costs, errors = (falling.sums(self._weights * column) for column in (self._costs, self._errors))
        found = found_within(costs, errors, SHARES)
        return np.stack([level, beyond(level, count, self._levels_counts), *found])

    def found(self, scores: FloatArray, shares: Sequence[float]) -> FloatArray:
        """(K,B) errors found at (K,) shares of the cost by (N,) scores without NaN."""
        falling = Falling.of(scores)
        costs, errors = (falling.sums(self._weights * column) for column in (self._costs, self._errors))
        return found_within(costs, errors, shares)


def beyond(score_error: FloatArray, score_count: FloatArray, error_count: FloatArray) -> FloatArray:
    """Partial correlation of score and error given the count, from the three correlations; NaN where none is left.

    >>> beyond(np.array([0.5, 0.9]), np.array([0.0, 1.0]), np.array([0.6, 0.9])).round(3)  # 0.5 / sqrt(1 x 0.64)
    array([0.625,   nan])
    """
    left = (1.0 - score_count**2) * (1.0 - error_count**2)
    result = np.full(len(left), np.nan)
    with np.errstate(invalid="ignore"):
        np.divide(score_error - score_count * error_count, np.sqrt(left), out=result, where=left > _ROUNDING)
    return result


def _correlate(ranks: FloatArray, other: FloatArray, scale: FloatArray) -> FloatArray:
    """(B,) correlation of ranks with another's weighted ranks; NaN where either is the same everywhere."""
    result = np.full(len(scale), np.nan)
    np.divide(np.einsum("ub,ub->b", ranks, other), scale, out=result, where=scale > _ROUNDING)
    return result
