"""Which vehicle each one follows: the nearest ahead in the straight corridor as wide as both.

Vehicle j is ahead of i where its centre is in front of i's along i's heading, the two overlap sideways (|offset| < half
of both widths), and their headings differ by at most 45°; the lead is the one with the smallest gap between bumpers,

    gap = distance ahead - (length_i + length_j) / 2     in metres; 0 or less where they overlap
    closing speed = speed_i - speed_j · cos(heading_j - heading_i)     in m/s

The corridor is straight: on a bend a lead is found late, and a neighbour may be taken for one. Oncoming and crossing
traffic is left to `crossing` and `collision`. No lead within the radius, or a state that is not known: `found` is False
and the numbers are NaN.

Time grows with the pairs within the radius; memory with those of a chunk of frames, and with the result.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.risk.pairs import chunks_of_frames, near_pairs
from oddloop.score.risk.tracks import Tracks

SAME_DIRECTION_RAD = math.pi / 4


class Leads(NamedTuple):
    """The lead of each of N vehicles.

    Attributes:
        found: (N,) whether there is one.
        row: (N,) its row; the vehicle's own where there is none.
        gap_m: (N,) gap between bumpers; NaN where there is none.
        closing_mps: (N,) closing speed; NaN where there is none.
    """

    found: BoolArray
    row: IntArray
    gap_m: FloatArray
    closing_mps: FloatArray


def find_leads(tracks: Tracks, radius_m: float = 100.0) -> Leads:
    """Find the vehicle that each one follows, within `radius_m` from centre to centre.

    Raises:
        ValueError: the radius is not above 0.

    >>> from oddloop.score.risk import make_tracks
    >>> tracks = make_tracks([0.0, 30.0, 30.0], [0.0, 0.0, 5.0], 0.0, [15.0, 10.0, 10.0], 4.0, 2.0, [0, 3])
    >>> leads = find_leads(tracks)
    >>> leads.found.tolist(), float(leads.gap_m[0]), float(leads.closing_mps[0])
    ([True, False, False], 26.0, 5.0)
    """
    n = len(tracks.speed)
    leads = Leads(np.zeros(n, np.bool_), np.arange(n), np.full(n, np.nan), np.full(n, np.nan))
    for first, last in chunks_of_frames(tracks.offsets):
        part, start = tracks.frames(first, last), int(tracks.offsets[first])
        _fill(leads, part, near_pairs(part.boxes.x, part.boxes.y, part.offsets, radius_m), start)
    return leads


def _fill(leads: Leads, part: Tracks, pairs: tuple[IntArray, IntArray], start: int) -> None:
    """Fill in the leads of one chunk whose rows begin at `start`."""
    known = part.is_known()
    both = known[pairs[0]] & known[pairs[1]]
    ego = np.concatenate([pairs[0][both], pairs[1][both]])
    other = np.concatenate([pairs[1][both], pairs[0][both]])
    ahead, offset = _relative(part, ego, other)
    a, b = part.boxes.take(ego), part.boxes.take(other)
    turned = np.cos(b.heading - a.heading)
    in_path = (ahead > 0) & (2 * np.abs(offset) < a.width + b.width) & (turned >= math.cos(SAME_DIRECTION_RAD))
    gap = (ahead - (a.length + b.length) / 2)[in_path]
    closing = (part.speed[ego] - part.speed[other] * turned)[in_path]
    ego, other = ego[in_path], other[in_path]
    # Nearest first; of equal gaps the one that closes faster, so that the order of vehicles does not matter.
    order = np.lexsort([-closing, gap, ego])
    heads = order[np.flatnonzero(np.diff(ego[order], prepend=-1))]
    rows = ego[heads] + start
    leads.found[rows] = True
    leads.row[rows] = other[heads] + start
    leads.gap_m[rows] = gap[heads]
    leads.closing_mps[rows] = closing[heads]


def _relative(part: Tracks, ego: IntArray, other: IntArray) -> tuple[FloatArray, FloatArray]:
    """How far the other's centre is ahead, and to the left."""
    x, y, heading = part.boxes.x, part.boxes.y, part.boxes.heading[ego]
    dx, dy = x[other] - x[ego], y[other] - y[ego]
    cos, sin = np.cos(heading), np.sin(heading)
    return dx * cos + dy * sin, dy * cos - dx * sin
