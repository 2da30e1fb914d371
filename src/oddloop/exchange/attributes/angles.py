"""Angles, and ways as seen from a heading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def wrapped(angle_rad: FloatArray) -> FloatArray:
    """Angles in [-pi, pi).

    Args:
        angle_rad: of any shape, which the result has too.

    >>> wrapped(np.array([1.5 * np.pi])).round(4).tolist()
    [-1.5708]
    """
    turned: FloatArray = (angle_rad + np.pi) % (2 * np.pi) - np.pi
    return turned


def ahead_and_left(
    dx_m: FloatArray, dy_m: FloatArray, heading_rad: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """How far ways lead ahead and to the left, as seen from a heading.

    Args:
        dx_m, dy_m: (N,) ways in a level frame of reference.
        heading_rad: (N,) or one for all: anticlockwise from its x axis.

    Returns:
        (N,) ahead and (N,) to the left, in metres.

    >>> ahead, left = ahead_and_left(np.array([-1.0]), np.array([2.0]), np.pi / 2)
    >>> ahead.round(6).tolist(), left.round(6).tolist()
    ([2.0], [1.0])
    """
    cos, sin = np.cos(heading_rad), np.sin(heading_rad)
    return dx_m * cos + dy_m * sin, dy_m * cos - dx_m * sin
