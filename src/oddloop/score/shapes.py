"""Rows of unlike shapes, gathered by shape, so that each shape is one dense array.

Outputs of one model nearly always share one shape, and then nothing is copied. Time grows with the number of values,
plus the number of shapes; memory with the values of one shape where there are several.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oddloop.score.arrays import AnyFloats, IntArray


def by_shape(values: AnyFloats, starts: IntArray, shapes: IntArray) -> Iterator[tuple[IntArray, AnyFloats]]:
    """Dense arrays of the rows that share a shape.

    Args:
        values: (N,) all rows' values, each row contiguous.
        starts: (R,) where each row begins.
        shapes: (R,D) shape of each row.

    Yields:
        (r,) row numbers, and their (r, \\*shape) values.

    >>> rows, dense = next(by_shape(np.arange(4.0), np.array([0, 2]), np.array([[1, 2], [1, 2]])))
    >>> rows.tolist(), dense.tolist()
    ([0, 1], [[[0.0, 1.0]], [[2.0, 3.0]]])
    """
    if not len(starts):
        return
    if (shapes == shapes[0]).all():
        yield np.arange(len(starts)), _dense(values, starts, shapes[0])
        return
    order = np.lexsort(shapes.T)
    changes = np.flatnonzero((np.diff(shapes[order], axis=0) != 0).any(axis=1)) + 1
    for rows in np.split(order, changes):
        yield rows, _dense(values, starts[rows], shapes[rows[0]])


def _dense(values: AnyFloats, starts: IntArray, shape: IntArray) -> AnyFloats:
    size, n_rows = int(np.prod(shape)), len(starts)
    first, last = int(starts[0]), int(starts[-1]) + size
    if last - first == n_rows * size and np.array_equal(starts, np.arange(first, last, size) if size else starts):
        adjacent: AnyFloats = values[first:last].reshape(n_rows, *shape)
        return adjacent
    gathered: AnyFloats = values[starts[:, None] + np.arange(size)].reshape(n_rows, *shape)
    return gathered


def common_lengths(offsets: IntArray, lengths: IntArray) -> IntArray:
    """(R,) the length that all items of a row share; -1 where they differ or there are none.

    Args:
        offsets: (R+1,) bounds of each row's items.
        lengths: (N,) length of each item.

    >>> common_lengths(np.array([0, 2, 2, 4]), np.array([3, 3, 5, 6])).tolist()
    [3, -1, -1]
    """
    shared = np.full(len(offsets) - 1, -1)
    filled = offsets[1:] > offsets[:-1]
    if len(lengths) and (lengths == lengths[0]).all():
        shared[filled] = lengths[0]
    elif filled.any():
        heads = offsets[:-1][filled]
        low, high = np.minimum.reduceat(lengths, heads), np.maximum.reduceat(lengths, heads)
        shared[filled] = np.where(low == high, low, -1)
    return shared
