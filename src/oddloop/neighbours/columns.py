"""Fewer columns for many rows: the directions of greatest variance, where looking at all of them would take too long.

Exact up to `search.MOST_EXACT` rows, since rare groups may lie in directions of little variance: on blobs of faint
contrast in 256 dimensions, 64 directions lose most of the groups of less than 100 rows. Beyond, `_KEPT` directions
stand for all. Time O(n d^2), memory a block of rows and O(d^2).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_KEPT = 64
_ROWS = 65_536
Floats32 = npt.NDArray[np.float32]


class Directions(NamedTuple):
    """(d,) mean and (d, k) directions of greatest variance of some rows."""

    mean: Floats32
    kept: Floats32

    def of(self, points: Floats32) -> Floats32:
        """(n, k) coordinates of (n, d) rows."""
        return np.concatenate(
            [(points[i : i + _ROWS] - self.mean) @ self.kept for i in range(0, max(len(points), 1), _ROWS)]
        )


def reduce_columns(points: Floats32, most_exact: int) -> Floats32:
    """Keep the 64 directions of greatest variance of more than `most_exact` rows with more columns than that.

    Returns:
        (n, min(d, 64)) float32, or the points as they are.
    """
    if len(points) <= most_exact or points.shape[1] <= _KEPT:
        return points
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads differ in the last digit
        return find_directions(points).of(points)


def reduce_both(points: Floats32, others: Floats32) -> tuple[Floats32, Floats32]:
    """Points and others in the 64 directions of greatest variance of the others; as they are with fewer columns."""
    if points.shape[1] <= _KEPT:
        return points, others
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        directions = find_directions(others)
        return directions.of(points), directions.of(others)


def find_directions(points: Floats32) -> Directions:
    """Find the 64 directions of greatest variance of rows with at least as many columns."""
    n, d = points.shape
    mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
    product = np.zeros((d, d))
    for start in range(0, n, _ROWS):
        part = points[start : start + _ROWS] - mean
        product += part.T @ part
    _, directions = np.linalg.eigh(product)
    return Directions(mean, np.ascontiguousarray(directions[:, : d - _KEPT - 1 : -1], dtype=np.float32))
