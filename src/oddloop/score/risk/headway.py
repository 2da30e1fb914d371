"""How soon a follower meets the vehicle ahead, and how hard it must brake: element by element, on arrays of any shape.

With x the gap between bumpers in metres, v the follower's speed, c its closing speed (follower minus lead, both along
the follower's heading; above 0 where the gap shrinks) in m/s, and a the lead's acceleration in m/s²:

    time headway THW            x / v                                         s     [0, inf)   v > 0
    time to collision TTC       x / c                                         s     [0, inf)   c > 0
    TTC, accelerated            smallest t >= 0 with x = c t + d t² / 2       s     [0, inf)   where there is one
    required acceleration       min(a - c² / (2 x), 0), c = 0 if not closing  m/s²  (-inf, 0]  x > 0
    brake threat number BTN     required acceleration / -a_max                1     [0, inf)   x > 0; above 1: too late
    shortfall                   max(0, threshold - value)                       [0, threshold] for values >= 0

**Not valid is NaN, never infinity**: a follower that stands has no THW, one that does not close has no TTC, and one
that touches (x <= 0) has no finite required acceleration. For the times, a gap of 0 or less counts as 0: the collision
is now. NaN in gives NaN out.

Small times are dangerous, so a score takes their shortfall: larger = more worth labelling, 0 = beyond the threshold.

Time and memory grow with the number of elements.

References: Minderhoud and Bovy, Extended time-to-collision measures, 2001; Archer, Indicators for traffic safety
assessment, 2005 (DRAC); Brännström et al., Situation assessment for automatic lane-change, 2008 (BTN); as collected in
CommonRoad-CriMe (Lin and Althoff 2023), where an open gap has an infinite time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64


def time_headway(gap_m: npt.ArrayLike, speed_mps: npt.ArrayLike) -> FloatArray:
    """Time until the follower is where the lead's rear is now, in seconds; NaN where the follower does not move.

    >>> time_headway([30.0, 30.0, -1.0], [15.0, 0.0, 15.0])
    array([ 2., nan,  0.])
    """
    return _time(gap_m, speed_mps)


def time_to_collision(gap_m: npt.ArrayLike, closing_mps: npt.ArrayLike) -> FloatArray:
    """Time until the gap is closed at constant speeds, in seconds; NaN where the gap does not shrink.

    >>> time_to_collision([30.0, 30.0], [10.0, -10.0])
    array([ 3., nan])
    """
    return _time(gap_m, closing_mps)


def time_to_collision_accelerated(
    gap_m: npt.ArrayLike, closing_mps: npt.ArrayLike, closing_mps2: npt.ArrayLike
) -> FloatArray:
    """Time until the gap is closed at constant accelerations, in seconds; NaN where it never is.

    Args:
        gap_m: (...) gaps between bumpers.
        closing_mps: (...) closing speeds.
        closing_mps2: (...) follower's minus lead's acceleration along the follower's heading. It is held for ever, also
            beyond standstill.

    >>> time_to_collision_accelerated([30.0, 30.0, 8.0], [10.0, 10.0, 0.0], [0.0, -2.0, 4.0])
    array([ 3., nan,  2.])
    """
    x, c, d = _floats(gap_m, closing_mps, closing_mps2)
    x = np.maximum(x, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Either form of the first root, whichever adds numbers of one sign: nothing is lost where d is small.
        root = np.sqrt(c * c + 2.0 * d * x)
        time = np.where(c >= 0, 2.0 * x / (c + root), np.where(d > 0, (root - c) / d, np.nan))
    time = np.where(np.isfinite(root), time, np.nan)
    time = np.where((x == 0) & np.isfinite(c + d), 0.0, time)
    return np.where(np.isfinite(time), time, np.nan)


def required_acceleration(
    gap_m: npt.ArrayLike, closing_mps: npt.ArrayLike, lead_mps2: npt.ArrayLike = 0.0
) -> FloatArray:
    """Constant acceleration that just avoids the collision, in m/s², 0 or less; NaN where the two touch.

    Its negative is the deceleration rate to avoid a crash, DRAC. A follower that does not close needs to brake only as
    hard as its lead does.

    >>> required_acceleration([25.0, 25.0, 0.0], [10.0, -10.0, 1.0])
    array([-2.,  0., nan])
    """
    x, c, a = _floats(gap_m, closing_mps, lead_mps2)
    closing = np.maximum(c, 0.0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        # Adding 0 turns -0 into 0.
        found = np.minimum(a - closing * closing / (2.0 * x), 0.0) + 0.0
    return np.where((x > 0) & np.isfinite(found), found, np.nan)


def brake_threat_number(required_mps2: npt.ArrayLike, strongest_mps2: float = 8.0) -> FloatArray:
    """Required deceleration over the strongest possible one; above 1, braking alone no longer helps.

    Args:
        required_mps2: (...) required accelerations, 0 or less.
        strongest_mps2: strongest deceleration of the vehicle, above 0; 8 m/s² is a car on a dry road.

    Raises:
        ValueError: `strongest_mps2` is not above 0.

    >>> brake_threat_number([-2.0, 0.0])
    array([0.25, 0.  ])
    """
    if not strongest_mps2 > 0:
        raise ValueError(f"strongest_mps2 must be above 0; got {strongest_mps2}")
    found: FloatArray = to_float64(required_mps2) / -strongest_mps2 + 0.0
    return found


def shortfall(values: npt.ArrayLike, threshold: float) -> FloatArray:
    """By how much values stay below a threshold, 0 where they do not; NaN stays NaN.

    Raises:
        ValueError: the threshold is not above 0.

    >>> shortfall([0.5, 3.0, 8.0], 4.0)
    array([3.5, 1. , 0. ])
    """
    if not 0 < threshold < np.inf:
        raise ValueError(f"a threshold must be above 0 and finite; got {threshold}")
    found: FloatArray = np.maximum(threshold - to_float64(values), 0.0)
    return found


def _time(gap_m: npt.ArrayLike, speed_mps: npt.ArrayLike) -> FloatArray:
    x, v = _floats(gap_m, speed_mps)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        time = np.where(v > 0, np.maximum(x, 0.0) / v, np.nan)
    return np.where(np.isfinite(time), time, np.nan)


def _floats(*arrays: npt.ArrayLike) -> list[FloatArray]:
    return [np.asarray(array) for array in np.broadcast_arrays(*map(to_float64, arrays))]
