"""Rows in an order of their own, so that the order in which they are given changes nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError

_KEYS = 16
"""Columns that are compared; rows that agree in all of them keep the order in which they came."""


def check_points(points: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Points as (n, d) float32, scaled where float32 could not hold their squares.

    Raises:
        TableError: not a matrix of numbers, or a value is NaN or infinite.
    """
    values = np.asarray(points)
    if (
        values.ndim != 2
        or not np.issubdtype(values.dtype, np.number)
        or np.issubdtype(values.dtype, np.complexfloating)
    ):
        raise TableError(f"points must be a matrix of numbers, one row per scene; got {values.dtype}, {values.shape}")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise TableError(f"points must be finite; row {int(np.argmin(finite))} holds NaN or infinity")
    largest = float(np.abs(values).max(initial=0))
    if largest > 1e15 or 0 < largest < 1e-15:
        values = values.astype(np.float64) / largest
    return np.ascontiguousarray(values, dtype=np.float32)


def canonical_order(points: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Order of the rows by their values, column by column.

    >>> canonical_order(np.array([[2.0, 0.0], [1.0, 5.0], [1.0, 3.0]], dtype=np.float32)).tolist()
    [2, 1, 0]
    """
    keys = points[:, :_KEYS].T[::-1]
    return np.lexsort(keys).astype(np.int64) if len(keys) else np.arange(len(points))
