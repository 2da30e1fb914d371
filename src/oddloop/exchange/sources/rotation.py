"""Headings and places from quaternions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.exchange.attributes.angles import wrapped

FloatArray = npt.NDArray[np.float64]
QUATERNION = ("qw", "qx", "qy", "qz")


def heading_of(table: pa.Table) -> FloatArray:
    """(N,) heading in rad, anticlockwise from x, of the columns qw, qx, qy, qz; NaN where all four are 0.

    >>> half = 0.5**0.5
    >>> heading_of(pa.table({"qw": [half], "qx": [0.0], "qy": [0.0], "qz": [half]})).round(4).tolist()
    [1.5708]
    """
    return heading_of_quaternions(np.column_stack([table[name].to_numpy() for name in QUATERNION]))


def heading_of_quaternions(quaternions: FloatArray) -> FloatArray:
    """(N,) heading in rad of (N, 4) quaternions w, x, y, z; NaN where all four are 0.

    >>> heading_of_quaternions(np.array([[1.0, 0, 0, 0], [0, 0, 0, 0]])).tolist()
    [0.0, nan]
    """
    w, x, y, z = quaternions.T
    heading: FloatArray = np.arctan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)
    return np.where(w * w + x * x + y * y + z * z > 0, heading, np.nan)


def turned_back(vectors: FloatArray, quaternions: FloatArray) -> FloatArray:
    """(N, 3) vectors in the frame of reference that the (N, 4) quaternions w, x, y, z turn from.

    >>> half = 0.5**0.5
    >>> (turned_back(np.array([[0.0, 2.0, 1.0]]), np.array([[half, 0.0, 0.0, half]])).round(6) + 0.0).tolist()
    [[2.0, 0.0, 1.0]]
    """
    unit = quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)
    w, axis = unit[:, :1], -unit[:, 1:]
    twice = 2.0 * np.cross(axis, vectors)
    turned: FloatArray = vectors + w * twice + np.cross(axis, twice)
    return turned


def seen_from(
    ego: FloatArray, ego_quaternions: FloatArray, place: FloatArray, heading_rad: FloatArray
) -> dict[str, FloatArray]:
    """Where boxes are, as seen from the vehicle.

    Args:
        ego: (N, 3) the vehicle's place for each box, in metres.
        ego_quaternions: (N, 4) w, x, y, z: how it stands.
        place: (N, 3) the centre of the box, in the same frame of reference.
        heading_rad: (N,) its heading there.

    Returns:
        `x_m` ahead, `y_m` to the left, `z_m` up, and `heading_rad`, (N,) each.

    >>> seen = seen_from(np.zeros((1, 3)), np.array([[1.0, 0, 0, 0]]), np.array([[3.0, 0, 0]]), np.zeros(1))
    >>> {name: values.tolist() for name, values in seen.items()}
    {'x_m': [3.0], 'y_m': [0.0], 'z_m': [0.0], 'heading_rad': [0.0]}
    """
    x_m, y_m, z_m = turned_back(place - ego, ego_quaternions).T
    heading = wrapped(heading_rad - heading_of_quaternions(ego_quaternions))
    return {"x_m": x_m, "y_m": y_m, "z_m": z_m, "heading_rad": heading}
