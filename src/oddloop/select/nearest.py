"""Distance of each vector to the nearest of others, such as the labelled scenes.

Tiles of a float32 matrix product find the nearest (among others that are equally near to 7 digits, any), a float64
difference then measures the distance to it. Time O(n m d), memory O(m d) plus a fixed tile, never n x m. `nearest`
looks in cells where there are more than a billion pairs (see `oddloop.neighbours.among`), `nearest_squared` never.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.neighbours import MOST_PAIRS, nearest_among
from oddloop.select.frame import Floats32, Frame, blocks, check_vectors, squared_differences, squared_norms
from oddloop.select.pool import Floats, Ints, Vectors

_POINTS, _OTHERS = 1024, 2048
"""Shape of a tile: large enough that the threads of BLAS seldom wait for each other, small enough for the cache."""


def nearest(points: npt.ArrayLike, others: npt.ArrayLike) -> tuple[Floats, Ints]:
    """Find the nearest of `others` for each point.

    Args:
        points: (n, d) float of any width, finite.
        others: (m, d), m at least 1.

    Returns:
        (n,) float64 Euclidean distances and (n,) rows of `others`. Beyond `MOST_PAIRS` pairs a row far from all others
        may be given one that is not quite the nearest; the distance is always that of the row that is given.

    Raises:
        TableError: vectors are not finite, or not two-dimensional.

    >>> distance, row = nearest([[0.0, 0.0], [9.0, 0.0]], [[3.0, 4.0], [9.0, 1.0]])
    >>> distance.tolist(), row.tolist()
    ([5.0, 1.0], [0, 1])
    """
    these, those = check_vectors(points, "points"), check_vectors(others, "others")
    frame = Frame.of(these, those)
    if len(these) * len(those) > MOST_PAIRS:
        squared, rows = _nearest_in_cells(these, those, frame)
    else:
        squared, rows = nearest_squared(these, those, frame)
    return np.sqrt(squared) * frame.scale, rows


def nearest_squared(points: Vectors, others: Vectors, frame: Frame) -> tuple[Floats, Ints]:
    """As `nearest`, with squared distances in the units of the frame."""
    scan = frame.scan(others)
    # [x, 1] . [-2 c, |c|^2] = |c|^2 - 2 x.c in one product; |x|^2 is the same for every c and left out.
    terms = np.concatenate([-2.0 * scan, squared_norms(scan)[:, None]], axis=1, dtype=np.float32)
    squared, rows = np.empty(len(points)), np.empty(len(points), dtype=np.int64)
    for start in range(0, len(points), _POINTS):
        part = slice(start, start + _POINTS)
        these = frame.scan(points[part])
        rows[part] = _nearest_row(np.concatenate([these, np.ones_like(these[:, :1])], axis=1), terms)
        squared[part] = squared_differences(frame.exact(points[part]), frame.exact(others[rows[part]]))
    return squared, rows


def _nearest_in_cells(points: Vectors, others: Vectors, frame: Frame) -> tuple[Floats, Ints]:
    rows = nearest_among(frame.scan(points), frame.scan(others), 1, seed=0)[:, 0]
    squared = np.empty(len(points))
    for part in blocks(*points.shape):
        squared[part] = squared_differences(frame.exact(points[part]), frame.exact(others[rows[part]]))
    return squared, rows


def _nearest_row(points: Floats32, terms: Floats32) -> Ints:
    best, rows = np.full(len(points), np.inf, dtype=np.float32), np.zeros(len(points), dtype=np.int64)
    for start in range(0, len(terms), _OTHERS):
        tile = points @ terms[start : start + _OTHERS].T
        column = tile.argmin(axis=1)
        value = tile[np.arange(len(points)), column]
        closer = value < best
        best[closer], rows[closer] = value[closer], start + column[closer]
    return rows
