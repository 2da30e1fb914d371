"""Headings from quaternions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FloatArray = npt.NDArray[np.float64]
QUATERNION = ("qw", "qx", "qy", "qz")


def heading_of(table: pa.Table) -> FloatArray:
    """(N,) heading in rad, anticlockwise from x, of the columns qw, qx, qy, qz; NaN where all four are 0.

    >>> half = 0.5**0.5
    >>> heading_of(pa.table({"qw": [half], "qx": [0.0], "qy": [0.0], "qz": [half]})).round(4).tolist()
    [1.5708]
    """
    w, x, y, z = (table[name].to_numpy() for name in QUATERNION)
    heading: FloatArray = np.arctan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)
    return np.where(w * w + x * x + y * y + z * z > 0, heading, np.nan)


def turned_back(vectors: FloatArray, quaternions: FloatArray) -> FloatArray:
    """(N, 3) vectors in the frame of reference that the (N, 4) quaternions w, x, y, z turn from.

    >>> half = 0.5**0.5
    >>> turned_back(np.array([[0.0, 2.0, 1.0]]), np.array([[half, 0.0, 0.0, half]])).round(6).tolist()
    [[2.0, 0.0, 1.0]]
    """
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    w, axis = unit[:, :1], -unit[:, 1:]
    twice = 2.0 * np.cross(axis, vectors)
    turned: FloatArray = vectors + w * twice + np.cross(axis, twice)
    return turned
