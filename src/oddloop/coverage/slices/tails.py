"""How likely chance alone gives a segment as many errors as it has: the upper tail of the hypergeometric distribution.

Of `trials` things, `errors` are wrong. A segment holds n of them, drawn as by chance, and k of these are wrong:

    P(X >= k) = sum over j >= k of  C(errors, j) C(trials - errors, n - j) / C(trials, n)

That is Fisher's exact test of the segment against the rest, one-sided. The first term is taken by logarithms of
factorials, the others from it by their ratio, which falls with j; the sum ends where a term changes it no more.

Errors of one log, or of one scene, are alike, so they tell less than as many that are independent. A design effect d
says by how much: the variance of the count is d times that of chance. The tail is then moved to the normal scale,
divided by sqrt(d) there, and moved back; with d = 1 it stays exact, and for large counts it is the usual test.

Time grows with segments x terms (some tens where k is well above what chance gives), memory with the segments.

References:
    Fisher, On the interpretation of χ² from contingency tables, and the calculation of P, 1922; Kish, Survey sampling,
    1965 (design effect).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, log_ndtr, ndtri_exp

from oddloop.coverage.arrays import FloatArray

_Total = FloatArray | float
_NOTHING = 1e-17
"""A term below this share of the sum changes it no more."""


def log_upper_tail(k: npt.ArrayLike, n: npt.ArrayLike, errors: npt.ArrayLike, trials: npt.ArrayLike) -> FloatArray:
    """Logarithm of the probability of k or more errors in each segment.

    Args:
        k: (...) errors of the segments, whole numbers.
        n: (...) their trials, in [0, trials].
        errors: (...) errors in all, in [0, trials].
        trials: (...) trials in all.

    Returns:
        (...) logarithms, in nats; 0 for k <= 0, -inf for more errors than there can be. The four broadcast.

    >>> np.exp(log_upper_tail([0, 2, 3], 4, 2, 8)).round(4).tolist()
    [1.0, 0.2143, 0.0]
    """
    shape = np.broadcast_shapes(*(np.shape(x) for x in (k, n, errors, trials)))
    each = [np.broadcast_to(np.asarray(x, np.float64), shape).ravel() for x in (k, n, errors, trials)]
    least_wrong, size, wrong, total = each
    tail = np.where(least_wrong <= np.maximum(size + wrong - total, 0), 0.0, -np.inf)
    rows = np.flatnonzero((tail < 0) & (least_wrong <= np.minimum(size, wrong)))
    tail[rows] = _log_sum(*(x[rows] for x in each))
    return np.minimum(tail, 0.0).reshape(shape)


def inflate(log_tail: FloatArray, design_effect: npt.ArrayLike) -> FloatArray:
    """Logarithms of tails, for counts whose variance is `design_effect` times that of chance.

    Args:
        log_tail: (...) logarithms, in nats.
        design_effect: (...) 1 or more.

    >>> inflate(np.log([0.01]), 1.0).round(4).tolist(), np.exp(inflate(np.log([0.01]), 4.0)).round(4).tolist()
    ([-4.6052], [0.1224])
    """
    moved: FloatArray = np.minimum(log_ndtr(ndtri_exp(log_tail) / np.sqrt(design_effect)), 0.0)
    return np.where(np.asarray(design_effect) == 1, log_tail, moved)


def log_first_term(k: FloatArray, n: FloatArray, errors: _Total, trials: _Total) -> FloatArray:
    """Logarithm of the probability of exactly k errors; k within what there can be."""
    return _log_choose(errors, k) + _log_choose(trials - errors, n - k) - _log_choose(trials, n)


def next_ratio(k: FloatArray, n: FloatArray, errors: _Total, trials: _Total) -> FloatArray:
    """Probability of k + 1 errors over that of k."""
    return (errors - k) * (n - k) / ((k + 1) * (trials - errors - n + k + 1))


def _log_sum(k: FloatArray, n: FloatArray, errors: FloatArray, trials: FloatArray) -> FloatArray:
    """Logarithm of the sum of all terms from k on, as the first one's plus that of the sum over it."""
    first = log_first_term(k, n, errors, trials)
    term, total, rows = np.ones(len(k)), np.ones(len(k)), np.arange(len(k))
    while len(rows):
        term = term * next_ratio(k, n, errors, trials)
        total[rows] += term
        goes_on = np.flatnonzero(term > _NOTHING * total[rows])
        k, n, errors, trials = (x[goes_on] for x in (k + 1, n, errors, trials))
        term, rows = term[goes_on], rows[goes_on]
    return first + np.log(total)


def _log_choose(n: _Total, k: FloatArray) -> FloatArray:
    chosen: FloatArray = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen
