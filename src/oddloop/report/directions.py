"""Small geometry of drawings: which way traffic runs, and round lengths for a scale."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def main_direction(xy_m: Floats, agent: Ints, ahead_rad: Floats | None = None) -> float:
    """Direction in radians in which the points spread most; of its two ways the one that most of the driving goes.

    Args:
        xy_m: (n,2) points by agent, then time, all finite.
        agent: (n,) whose point it is.
        ahead_rad: (m,) directions that say which way is ahead, in place of the driving: all else seems to drive
            backwards when it is seen from a car that overtakes it. None or empty: the driving says.

    >>> round(main_direction(np.array([[0.0, 0.0], [0.0, 5.0]]), np.array([0, 0])), 3)  # north
    1.571
    """
    centred = xy_m - xy_m.mean(axis=0)
    (xx, xy), (_, yy) = centred.T @ centred
    if xx + yy == 0:
        return 0.0
    angle_rad = math.atan2(2 * xy, xx - yy) / 2
    ahead = np.diff(xy_m, axis=0)[agent[1:] == agent[:-1]].sum(axis=0)
    if ahead_rad is not None and len(ahead_rad):
        ahead = np.array([np.cos(ahead_rad).sum(), np.sin(ahead_rad).sum()])
    backwards = ahead @ [math.cos(angle_rad), math.sin(angle_rad)] < 0
    return angle_rad + math.pi * bool(backwards)


def round_length(most_m: float) -> float:
    """The largest of 1, 2, 5, 10, 20, 50 ... that is at most `most_m`, which is above 0.

    >>> round_length(73.0), round_length(0.3)
    (50.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(most_m))
    return next(float(f"{step * power:g}") for step in (5, 2, 1) if step * power <= most_m)
