"""Medoids: the members of a cluster with the least summed distance to the others (Kaufman & Rousseeuw 1987).

Up to `_REFERENCE` members the sums are exact. In larger clusters they run over `_REFERENCE` members evenly spaced in
the order given, which estimates the same ranking. Time O(m x min(m, 2000) x d); memory O(2 M) distances at a time.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from oddloop.discover.arrays import Floats, Ints

_REFERENCE = 2000
_ROWS = 1024
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
    blocks = [points[i : i + _ROWS] for i in range(0, len(points), _ROWS)]
    sums = np.concatenate([cdist(block, reference).sum(axis=1) for block in blocks] or [np.zeros(0)])
    largest = sums.max(initial=0.0)
    return np.argsort(np.round(sums / largest, _DIGITS) if largest else sums, kind="stable")[:n]
