"""What the road is like, from a map's lanelets. Time grows with the points of their centre lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BEND_RADIUS_M, BEND_SHARE = 200.0, 0.1
MAX_LANES = 4
PER_LANE_KM = (0.5, 7.0, 16.0)
LANES_RULE = "largest number of lanelets side by side in one direction; 4+ from four on"
CURVATURE_RULE = (
    f"curve where more than {BEND_SHARE:.0%} of the centre lines bend with a radius below {BEND_RADIUS_M:g} m"
)
DENSITY_RULE = (
    "mean vehicles per km of lane: none below 0.5, low to 7 (level of service A of a motorway, HCM 2010), medium to 16 "
    "(level C), else high"
)


def lane_count(left_of: Mapping[int, int]) -> str | None:
    """Lanes side by side in one direction: `1`, `2`, `3` or `4+`; None for a map without lanelets.

    Args:
        left_of: for each lanelet its left neighbour of the same direction, or -1.

    >>> lane_count({1: 2, 2: 3, 3: -1, 9: -1})
    '3'
    """
    if not left_of:
        return None
    widest = 1
    for lanelet in left_of:
        seen = {lanelet}
        while (lanelet := left_of.get(lanelet, -1)) in left_of and lanelet not in seen:
            seen.add(lanelet)
        widest = max(widest, len(seen))
    return str(widest) if widest < MAX_LANES else f"{MAX_LANES}+"


def curvature(centre_lines: Sequence[FloatArray]) -> str | None:
    """`straight` or `curve`, from centre lines of (N, 2) points in m; None where they have no length.

    A bend is where the direction turns, over the two segments at a point, more than a circle of 200 m does.

    >>> curvature([np.array([[0.0, 0.0], [50.0, 0.0], [100.0, 0.0]])])
    'straight'
    """
    bent = total = 0.0
    for line in centre_lines:
        step = np.diff(line, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])
        step, length = step[length > 0], length[length > 0]
        total += length.sum()
        turn = np.abs(np.diff(np.unwrap(np.arctan2(step[:, 1], step[:, 0]))))
        span = (length[1:] + length[:-1]) / 2.0
        bent += span[turn * BEND_RADIUS_M > span].sum()
    if total == 0.0:
        return None
    return "curve" if bent / total > BEND_SHARE else "straight"


def lane_density(vehicles: float, lane_km: float) -> str | None:
    """`none`, `low`, `medium` or `high` by vehicles per km of lane; None for a map without length.

    >>> lane_density(30.0, 2.0)
    'medium'
    """
    if lane_km <= 0.0:
        return None
    return ("none", "low", "medium", "high")[int(np.digitize(vehicles / lane_km, PER_LANE_KM))]
