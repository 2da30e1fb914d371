"""How many segments chance alone would put at or below a p-value: what the false discovery rate is measured with.

Counts are whole, so a segment's p-value takes few values: with F(t) the largest of them at or below t, chance puts it
there with probability F(t), not t; for a segment of 20 scenes F(t) is often 0. The number expected is the sum of F(t)
over all segments, well below segments x t. F(t) is taken as t where values lie close: of more than `_MANY` expected
errors, or of a design effect above `_LARGE_EFFECT`.

The sum is a step function, and its steps are made once for all t: a segment adds p_j - p_(j+1) where t reaches p_j.
Time and memory grow with the segments x the values that they can take between the smallest t that matters and the
largest, some tens.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from oddloop.coverage.arrays import FloatArray
from oddloop.coverage.slices.tails import inflate, log_first_term, next_ratio

_MANY, _LARGE_EFFECT = 200.0, 4.0
_AT_ONCE = 4096
_FAR = 1e-3
"""p-values are followed down to this share of the smallest threshold."""
_LOG_NOTHING = 7.0
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class ExpectedByChance:
    """Number of segments with a p-value of at most t, where nothing but chance is at work.

    Attributes:
        places: (J,) logarithms of t at which the number grows, rising.
        heights: (J+1,) number before the first of them, and from each of them on.
        n_even: segments whose p-values are taken to be uniform.
    """

    places: FloatArray
    heights: FloatArray
    n_even: int

    def __call__(self, log_t: FloatArray) -> FloatArray:
        """(...) numbers expected at or below each t, given by its logarithm."""
        # A p-value that is one of the places may come out different in its last bits.
        steps = np.searchsorted(self.places, log_t + _ROUNDING, side="right")
        number: FloatArray = self.heights[steps] + self.n_even * np.exp(log_t)
        return number


def expect_by_chance(
    n: FloatArray, errors: float, trials: float, design_effect: FloatArray, largest: float
) -> ExpectedByChance:
    """Follow the p-values of all segments from `largest` to far below largest / segments.

    Args:
        n: (S,) trials of each segment.
        errors: errors in all.
        trials: trials in all, above 0.
        design_effect: (S,) 1 or more.
        largest: in (0, 1); p-values above it do not count.

    >>> number = expect_by_chance(np.array([4.0, 4.0]), 2, 8, np.ones(2), 0.5)
    >>> number(np.log([0.1, 0.3])).round(3).tolist()
    [0.0, 0.429]
    """
    mean = n * errors / trials
    few = np.flatnonzero((mean <= _MANY) & (design_effect <= _LARGE_EFFECT))
    few = few[np.argsort(mean[few], kind="stable")]
    smallest, highest = np.log(largest * _FAR / max(len(n), 1)), np.log(largest)
    places, sizes = [np.empty(0)], [np.empty(0)]
    for start in range(0, len(few), _AT_ONCE):
        rows = few[start : start + _AT_ONCE]
        tails = inflate(_tails(n[rows], errors, trials, design_effect[rows], smallest), design_effect[rows, None])
        is_told = (tails[:, :-1] > smallest) & (tails[:, :-1] <= highest)
        places.append(tails[:, :-1][is_told])
        sizes.append((np.exp(tails[:, :-1]) - np.exp(tails[:, 1:]))[is_told])
    flat = np.concatenate(places)
    order = np.argsort(flat, kind="stable")
    base = len(few) * float(np.exp(smallest))
    grown = np.cumsum(np.concatenate([[base], np.concatenate(sizes)[order]]))
    return ExpectedByChance(flat[order], grown, len(n) - len(few))


def _tails(n: FloatArray, errors: float, trials: float, design_effect: FloatArray, smallest: float) -> FloatArray:
    """(S,J) log tails of the numbers of errors from the first above the mean on, to one that is too rare to matter."""
    k: FloatArray = np.minimum(np.floor(n * errors / trials) + 1, np.minimum(n, errors))
    term = np.exp(log_first_term(k, n, errors, trials))
    enough = np.exp(log_ndtr(ndtri_exp(np.full(len(n), smallest)) * np.sqrt(design_effect)) - _LOG_NOTHING)
    terms = [term]
    while (term > enough).any():
        term = term * np.maximum(next_ratio(k, n, errors, trials), 0)
        k = k + 1
        terms.append(term)
    reversed_sum = np.cumsum(np.stack(terms[::-1], axis=1), axis=1)[:, ::-1]
    with np.errstate(divide="ignore"):
        tails: FloatArray = np.log(np.column_stack([reversed_sum, np.zeros(len(n))]))
    return tails
