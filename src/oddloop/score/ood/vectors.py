"""Vectors of an Arrow column as one matrix, with NaN for whatever cannot be scored."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.score.arrays import AnyFloats
from oddloop.score.nested import floats, unnest


def dense_rows(vectors: pa.Array, width: int | None = None) -> AnyFloats:
    """Read a list column as a matrix.

    Args:
        vectors: (N,) lists of floats of any width; of any kind of list, null allowed.
        width: d; None takes the most frequent length.

    Returns:
        (N,d) floats of the column's type. A row that is null or of another length is NaN, and a null number is NaN.

    Raises:
        TableError: the column does not hold lists of floats.

    >>> dense_rows(pa.array([[1.0, 2.0], None, [3.0]]), width=2)
    array([[ 1.,  2.],
           [nan, nan],
           [nan, nan]])
    """
    lists = unnest(vectors, "`vector`")
    lengths = np.diff(lists.offsets)
    values = floats(lists.items, "`vector`")
    if width is None:
        width = int(np.bincount(lengths[lists.given]).argmax()) if lists.given.any() else 0
    good = lists.given & (lengths == width)
    if good.all():
        return values.reshape(len(vectors), width)
    matrix = np.full((len(vectors), width), np.nan, values.dtype)
    matrix[good] = values[np.repeat(good, lengths)].reshape(-1, width)
    return matrix
