"""Acceleration, jerk and hard braking from speeds alone, per track, by finite differences.

With speeds v_i at times t_i of one track, h = t_i - t_(i-1), k = t_(i+1) - t_i:

    acceleration  (v_(i+1) - v_(i-1)) / (h + k); beside an end or a gap the difference to one neighbour           m/s²
    jerk          2 ((v_(i+1) - v_i) / k - (v_i - v_(i-1)) / h) / (h + k); NaN at either end                     m/s³
    hard braking  sum of (h + k) / 2 where the acceleration is at or below -threshold (one half at an end)       s

Differences amplify noise: an error e of a speed enters the acceleration as e / h and the jerk as 4 e / h², so 0.02 m/s
at 10 Hz is 0.2 m/s² and 8 m/s³. Smooth speeds beforehand where that matters; nothing is smoothed here.

NaN, not valid: a speed or time that is needed is not finite, the times do not rise, the neighbour is more than
`max_step_s` away, or the track has too few rows. Ranges: all numbers; hard braking [0, duration].
Time and memory grow with the number of rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_float64, to_int64
from oddloop.score.ragged import group_sum

MAX_STEP_S = 1.0
HARD_BRAKING_MPS2 = 3.0
"""About 0.3 g, the usual trigger of naturalistic driving studies."""


def acceleration(
    speed_mps: npt.ArrayLike, time_s: npt.ArrayLike, offsets: npt.ArrayLike, max_step_s: float = MAX_STEP_S
) -> FloatArray:
    """Acceleration at each row.

    Args:
        speed_mps: (N,) speeds; the rows of a track stand together and rise in time.
        time_s: (N,) times in seconds.
        offsets: (G+1,) bounds of each track's rows.
        max_step_s: a wider gap between two rows is not bridged.

    Returns:
        (N,) m/s²; NaN where not valid, which is everywhere outside a track.

    Raises:
        ValueError: the arrays are not of one length.

    >>> acceleration([0.0, 1.0, 4.0], [0.0, 1.0, 2.0], [0, 3])
    array([1., 2., 3.])
    """
    v, t, bounds = _checked(speed_mps, time_s, offsets)
    rise, step = _differences(v, t, bounds, max_step_s)
    has_before, has_after = step[:-1] > 0, step[1:] > 0
    dv = np.where(has_before, rise[:-1], 0.0) + np.where(has_after, rise[1:], 0.0)
    dt = np.where(has_before, step[:-1], 0.0) + np.where(has_after, step[1:], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(dt > 0, dv / dt, np.nan)


def jerk(
    speed_mps: npt.ArrayLike, time_s: npt.ArrayLike, offsets: npt.ArrayLike, max_step_s: float = MAX_STEP_S
) -> FloatArray:
    """Jerk at each row, (N,) m/s³; arguments and errors as `acceleration`.

    >>> jerk([0.0, 1.0, 4.0], [0.0, 1.0, 2.0], [0, 3])
    array([nan,  2., nan])
    """
    v, t, bounds = _checked(speed_mps, time_s, offsets)
    rise, step = _differences(v, t, bounds, max_step_s)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = rise / step
        found = 2.0 * (slope[1:] - slope[:-1]) / (step[1:] + step[:-1])
    return np.where(np.isfinite(found), found, np.nan)


def hard_braking_time(
    speed_mps: npt.ArrayLike,
    time_s: npt.ArrayLike,
    offsets: npt.ArrayLike,
    threshold_mps2: float = HARD_BRAKING_MPS2,
    max_step_s: float = MAX_STEP_S,
) -> FloatArray:
    """Time for which each track brakes hard, (G,) seconds; NaN where no acceleration of the track is valid.

    Args:
        speed_mps: (N,) speeds.
        time_s: (N,) times in seconds.
        offsets: (G+1,) bounds of each track's rows.
        threshold_mps2: deceleration that counts as hard, above 0.
        max_step_s: as for `acceleration`.

    Raises:
        ValueError: the arrays are not of one length, or the threshold is not above 0.

    >>> hard_braking_time([20.0, 16.0, 12.0, 12.0], [0.0, 1.0, 2.0, 3.0], [0, 4])
    array([1.5])
    """
    if not threshold_mps2 > 0:
        raise ValueError(f"threshold_mps2 must be above 0; got {threshold_mps2}")
    v, t, bounds = _checked(speed_mps, time_s, offsets)
    found = acceleration(v, t, bounds, max_step_s)
    _, step = _differences(v, t, bounds, max_step_s)
    duration = (np.nan_to_num(step[:-1]) + np.nan_to_num(step[1:])) / 2
    with np.errstate(invalid="ignore"):
        seconds = group_sum(np.where(found <= -threshold_mps2, duration, 0.0), bounds)
    return np.where(group_sum(~np.isnan(found), bounds) > 0, seconds, np.nan)


def _checked(
    speed_mps: npt.ArrayLike, time_s: npt.ArrayLike, offsets: npt.ArrayLike
) -> tuple[FloatArray, FloatArray, IntArray]:
    v, t = to_float64(speed_mps), to_float64(time_s)
    if v.ndim != 1 or v.shape != t.shape:
        raise ValueError(f"speeds and times must be of one length; got shapes {v.shape} and {t.shape}")
    bounds = to_int64(offsets)
    group_sum(np.zeros(len(v)), bounds)  # refuses offsets that fall or reach beyond
    return v, t, bounds


def _differences(v: FloatArray, t: FloatArray, bounds: IntArray, max_step_s: float) -> tuple[FloatArray, FloatArray]:
    """(N+1,) rise of the speed and step of time between rows i - 1 and i; NaN where they are not neighbours."""
    rise, step = np.full(len(v) + 1, np.nan), np.full(len(v) + 1, np.nan)
    with np.errstate(invalid="ignore"):
        rise[1:-1], step[1:-1] = np.diff(v), np.diff(t)
        rise[bounds], step[bounds] = np.nan, np.nan
        is_good = (step > 0) & (step <= max_step_s) & np.isfinite(rise)
    inside = np.zeros(len(v) + 1, np.bool_)
    inside[bounds[0] : bounds[-1]] = True
    is_good &= inside
    return np.where(is_good, rise, np.nan), np.where(is_good, step, np.nan)
