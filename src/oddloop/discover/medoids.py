"""Medoids: the members of a cluster with the least summed distance to the others (Kaufman & Rousseeuw 1987).

Up to `_REFERENCE` members the sums are exact. In larger clusters they run over `_REFERENCE` members evenly spaced in
the order given, which estimates the same ranking. Time O(m x min(m, 2000) x d); memory O(2 M) distances at a time.
Distances among many members come from a matrix product, which is several times faster and right to 8 digits; a sum
of hundreds of them is right to more than the digits that are compared.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from oddloop.discover.arrays import Floats, Ints

_REFERENCE = 2000
_FEW = 256
"""Up to this many members distances are plain differences."""
_ROWS = 128
_DIGITS = 9
"""Sums that agree to this many digits are a tie; the order in which distances were added must not break it."""


def most_typical(points: Floats, n: int) -> Ints:
    """Rows of the `n` points nearest to all others.

    Args:
        points: (m, d) float64, finite, the members of one cluster.
        n: how many are wanted; all of them where there are fewer.

    Returns:
        row numbers, most typical first; ties go to the smaller row.

    >>> most_typical(np.array([[0.0], [1.0], [2.0], [10.0]]), 2).tolist()
    [1, 2]
    """
    k = min(_REFERENCE, len(points))
    reference = points[np.arange(k) * len(points) // max(k, 1)]
    sums = cdist(points, reference).sum(axis=1) if len(points) <= _FEW else _sums(points, reference)
    largest = sums.max(initial=0.0)
    return np.argsort(np.round(sums / largest, _DIGITS) if largest else sums, kind="stable")[:n]


def _sums(points: Floats, reference: Floats) -> Floats:
    """(m,) summed distance to the (k, d) reference, by |x|^2 + |c|^2 - 2 x.c about the mean."""
    from threadpoolctl import threadpool_limits

    mean = reference.mean(axis=0)
    those = reference - mean
    squares, sums = np.square(those).sum(axis=1), np.empty(len(points))
    with threadpool_limits(1):  # blocks are small, so that they stay in the cache; threads would wait for each other
        for start in range(0, len(points), _ROWS):
            these = points[start : start + _ROWS] - mean
            distance = these @ (-2.0 * those.T)
            distance += squares
            distance += np.square(these).sum(axis=1)[:, None]
            np.sqrt(np.maximum(distance, 0.0, out=distance), out=distance)
            sums[start : start + _ROWS] = distance.sum(axis=1)
    return sums
