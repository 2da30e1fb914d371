"""How near the nearest other vehicle is, from rectangle to rectangle or from disc to disc, per vehicle.

In metres, [0, reach]; NaN, not valid, where no other vehicle of the frame is within the reach, or the state is not
known. Others whose state is not known are left out. As a score take its shortfall: `shortfall(distance, reach)`.

Time grows with the pairs within the reach; memory with those of a chunk of frames, and with the result.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from oddloop.score.arrays import FloatArray
from oddloop.score.risk.boxes import box_distance, disc_distance
from oddloop.score.risk.pairs import chunks_of_frames, near_pairs
from oddloop.score.risk.tracks import Tracks

Shape = Literal["boxes", "discs"]


def nearest_distance(tracks: Tracks, reach_m: float = 10.0, shape: Shape = "boxes") -> FloatArray:
    """(N,) distance in metres to the nearest other vehicle of the frame.

    Args:
        tracks: N states.
        reach_m: how far away another vehicle still counts, above 0.
        shape: exact distance of rectangles, or of the discs around them, which is never more.

    Raises:
        ValueError: the reach is not above 0.

    >>> from oddloop.score.risk import make_tracks
    >>> nearest_distance(make_tracks([0.0, 9.0, 99.0], [0.0] * 3, 0.0, 0.0, 4.0, 2.0, [0, 3]))
    array([ 5.,  5., nan])
    """
    if not 0 < reach_m < np.inf:
        raise ValueError(f"reach_m must be above 0 and finite; got {reach_m}")
    nearest = np.full(len(tracks.speed), np.inf)
    measure = box_distance if shape == "boxes" else disc_distance
    for first, last in chunks_of_frames(tracks.offsets):
        part = tracks.frames(first, last)
        known = part.is_known()
        diagonal = np.hypot(part.boxes.length, part.boxes.width)[known]
        radius = reach_m + float(diagonal.max(initial=0.0))
        a, b = near_pairs(part.boxes.x, part.boxes.y, part.offsets, radius)
        both = known[a] & known[b]
        a, b = a[both], b[both]
        distance = measure(part.boxes.take(a), part.boxes.take(b))
        here = nearest[int(tracks.offsets[first]) : int(tracks.offsets[last])]
        np.minimum.at(here, a, distance)
        np.minimum.at(here, b, distance)
    return np.where(nearest <= reach_m, nearest, np.nan)
