"""Which p-values stand out among so many: the false discovery rate, by a step-up over what chance would give.

The j smallest p-values are kept for the largest j for which chance alone would put no more than q (1 - q) j segments
at or below the j-th of them (`expected`); none above q is. That is the step-up of Benjamini and Hochberg with the
discrete p-values' own distributions in place of the uniform one. With E(t) the number expected, the adjusted p-value is
the smallest E(t) / (number at or below t) / (1 - q) over all t at or above it. Under independence the rate is at most
q. Segments overlap, so their p-values depend on each other; where no segment is worse at all, how often any is kept is
measured (`bench/bench_slices.py`).

Time grows with the sort.

References:
    Benjamini and Hochberg, Controlling the false discovery rate, 1995; Döhler, Durand and Roquain, New FDR bounds for
    discrete and heterogeneous tests, 2018.
"""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import FloatArray
from oddloop.coverage.slices.expected import ExpectedByChance


def adjust(log_p: FloatArray, expected: ExpectedByChance, q: float) -> FloatArray:
    """Adjusted p-values, for the false discovery rate.

    Args:
        log_p: (S,) logarithms of p-values.
        expected: what chance alone would give.
        q: the false discovery rate that is aimed at, in (0, 1).

    Returns:
        (S,) in [0, 1]; those at or below q stand out. 1 for p-values above q.

    >>> adjust(np.log([0.01, 0.4]), ExpectedByChance(np.empty(0), np.zeros(1), 2), 0.05).round(4).tolist()
    [0.0211, 1.0]
    """
    adjusted = np.ones(len(log_p))
    small = np.flatnonzero(log_p <= np.log(q))
    if not len(small):
        return adjusted
    order = small[np.argsort(log_p[small], kind="stable")]
    ranked = log_p[order]
    n_kept = np.searchsorted(ranked, ranked, side="right")
    share = expected(ranked) / n_kept / (1 - q)
    adjusted[order] = np.minimum(np.minimum.accumulate(share[::-1])[::-1], 1.0)
    return adjusted
