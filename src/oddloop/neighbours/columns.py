"""Fewer columns for many rows: the directions of greatest variance, where looking at all of them would take too long.

Exact up to `search.MOST_EXACT` rows, since rare groups may lie in directions of little variance: on blobs of faint
contrast in 256 dimensions, 64 directions lose most of the groups of less than 100 rows. Beyond, `_KEPT` directions
stand for all. Time O(n d^2), memory a block of rows and O(d^2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_KEPT = 64
_ROWS = 65_536


def reduce_columns(points: npt.NDArray[np.float32], most_exact: int) -> npt.NDArray[np.float32]:
    """Keep the 64 directions of greatest variance of more than `most_exact` rows with more columns than that.

    Returns:
        (n, min(d, 64)) float32, or the points as they are.
    """
    n, d = points.shape
    if n <= most_exact or d <= _KEPT:
        return points
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads differ in the last digit
        mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        product = np.zeros((d, d))
        for start in range(0, n, _ROWS):
            part = points[start : start + _ROWS] - mean
            product += part.T @ part
        _, directions = np.linalg.eigh(product)
        kept = np.ascontiguousarray(directions[:, : d - _KEPT - 1 : -1], dtype=np.float32)
        return np.concatenate([(points[i : i + _ROWS] - mean) @ kept for i in range(0, n, _ROWS)])
