"""What a score does in the course of a scene, for scenes of unequal length and frames at irregular times.

    time above threshold t   sum of h_i over instants with x_i > t                                             s
    share above t            time above / seen, where seen is the sum of h_i over all valid instants       [0, 1]
    longest run above t      largest sum of h_i over instants in a row with x_i > t                            s
    change rate              sum |x_{i+1} - x_i| / sum (t_{i+1} - t_i)                              per s, 0 or more
    trend                    least-squares slope of x_i on t_i                                              per s

x_i is the score of an instant, t_i its time and h_i how long it holds; `clock` says how, and what a pause is. The
change rate is over neighbours that are both valid, with no pause between. An instant without a valid score counts
nowhere, and ends a run, as a pause does. Frames may come in any order.

**Not defined, NaN**: all five for a scene whose valid frames hold no time, because it has one instant or none; the
first three where the threshold is NaN; the change rate without two valid neighbours, the trend without two valid
instants.

Time and memory grow with the number of frames.

References:
    Minderhoud and Bovy, Extended time-to-collision measures for road traffic safety assessment, 2001 (time exposed).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.clock import PAUSE_STEPS, SceneClock
from oddloop.score.ragged import group_max, group_sum


def time_above(
    values: npt.ArrayLike,
    times_s: npt.ArrayLike,
    offsets: npt.ArrayLike,
    threshold: float,
    pause_steps: float = PAUSE_STEPS,
) -> FloatArray:
    """Time that each scene's score is above a threshold.

    Args:
        values: (N,) scores of the frames; not finite = not valid.
        times_s: (N,) their times in s, from anywhere; NaN is not known and leaves the frame out.
        offsets: (G+1,) bounds of each scene's frames, from 0 to N.
        threshold: a score equal to it is not above.
        pause_steps: median steps of the scene beyond which a step is a pause.

    Returns:
        (G,) seconds; NaN where not defined.

    Raises:
        ValueError: arrays of unlike length, offsets that do not fit, an infinite time, or `pause_steps` below 1.

    >>> time_above([0.9, 0.2, 0.8, 0.7], [0.0, 0.5, 1.0, 1.5], [0, 3, 4], threshold=0.5)
    array([ 1., nan])
    """
    return seconds_above(*_at_instants(values, times_s, offsets, pause_steps), threshold)


def share_above(
    values: npt.ArrayLike,
    times_s: npt.ArrayLike,
    offsets: npt.ArrayLike,
    threshold: float,
    pause_steps: float = PAUSE_STEPS,
) -> FloatArray:
    """Share of the seen time that each scene's score is above a threshold, in [0, 1]; otherwise as `time_above`.

    >>> share_above([0.9, 0.2, 0.8, 0.1], [0.0, 0.5, 1.0, 1.5], [0, 4], threshold=0.5)
    array([0.5])
    """
    return part_above(*_at_instants(values, times_s, offsets, pause_steps), threshold)


def longest_run_above(
    values: npt.ArrayLike,
    times_s: npt.ArrayLike,
    offsets: npt.ArrayLike,
    threshold: float,
    pause_steps: float = PAUSE_STEPS,
) -> FloatArray:
    """Longest time in a row that each scene's score is above a threshold, in s; otherwise as `time_above`.

    >>> longest_run_above([0.9, 0.2, 0.8, 0.7], [0.0, 0.5, 1.0, 1.5], [0, 4], threshold=0.5)
    array([1.])
    """
    return longest_above(*_at_instants(values, times_s, offsets, pause_steps), threshold)


def change_rate(
    values: npt.ArrayLike, times_s: npt.ArrayLike, offsets: npt.ArrayLike, pause_steps: float = PAUSE_STEPS
) -> FloatArray:
    """How much each scene's score moves up and down per second; arguments and errors as `time_above`.

    Returns:
        (G,) in the score's unit per s, 0 or more; NaN where not defined.

    >>> change_rate([1.0, 3.0, 2.0], [0.0, 0.5, 1.0], [0, 3])  # (2 + 1) / 1 s
    array([3.])
    """
    return mean_change(*_at_instants(values, times_s, offsets, pause_steps))


def trend(values: npt.ArrayLike, times_s: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Slope of the straight line through each scene's score; arguments and errors as `time_above`.

    Returns:
        (G,) in the score's unit per s, above 0 where the score rises; NaN where not defined.

    >>> trend([1.0, 3.0, 2.0], [0.0, 1.0, 2.0], [0, 3])
    array([0.5])
    """
    return slope(*_at_instants(values, times_s, offsets, PAUSE_STEPS))


def seconds_seen(clock: SceneClock, x: FloatArray) -> FloatArray:
    """(G,) s that the valid instants of each scene hold; (I,) scores, NaN = not valid."""
    return group_sum(np.where(np.isnan(x), 0.0, clock.holds_s), clock.offsets)


def seconds_above(clock: SceneClock, x: FloatArray, threshold: float) -> FloatArray:
    """`time_above` of (I,) scores of the instants."""
    above = group_sum(np.where(x > threshold, clock.holds_s, 0.0), clock.offsets)
    return _where_defined(clock, x, threshold, above)


def part_above(clock: SceneClock, x: FloatArray, threshold: float) -> FloatArray:
    """`share_above` of (I,) scores of the instants."""
    seen = seconds_seen(clock, x)
    return seconds_above(clock, x, threshold) / np.where(seen > 0, seen, np.nan)


def longest_above(clock: SceneClock, x: FloatArray, threshold: float) -> FloatArray:
    """`longest_run_above` of (I,) scores of the instants."""
    above = x > threshold
    begins = above.copy()
    begins[1:] &= ~(above[:-1] & clock.is_followed[:-1])
    starts = np.flatnonzero(begins)
    run_of = (np.cumsum(begins) - 1)[above]
    lengths = np.bincount(run_of, weights=clock.holds_s[above], minlength=len(starts))
    longest = group_max(lengths, np.searchsorted(starts, clock.offsets))
    return _where_defined(clock, x, threshold, longest)


def mean_change(clock: SceneClock, x: FloatArray) -> FloatArray:
    """`change_rate` of (I,) scores of the instants."""
    change = np.zeros(len(x))
    change[:-1] = np.abs(np.diff(x))
    counts = clock.is_followed & np.isfinite(change)
    counts[-1:] = False
    time = group_sum(np.where(counts, clock.holds_s, 0.0), clock.offsets)
    return group_sum(np.where(counts, change, 0.0), clock.offsets) / np.where(time > 0, time, np.nan)


def slope(clock: SceneClock, x: FloatArray) -> FloatArray:
    """`trend` of (I,) scores of the instants."""
    known = ~np.isnan(x)
    bounds = np.concatenate([[0], np.cumsum(known)])[clock.offsets]
    n = np.diff(bounds)
    t, y = (_centred(values[known], bounds) for values in (clock.times_s, x))
    squares = group_sum(t * t, bounds)
    return group_sum(t * y, bounds) / np.where((n > 1) & (squares > 0), squares, np.nan)


def _where_defined(clock: SceneClock, x: FloatArray, threshold: float, result: FloatArray) -> FloatArray:
    return np.where((seconds_seen(clock, x) > 0) & ~np.isnan(threshold), result, np.nan)


def _centred(values: FloatArray, bounds: npt.NDArray[np.int64]) -> FloatArray:
    """Values less the mean of their scene; from each scene's first value on, so that large times lose nothing."""
    n = np.diff(bounds)
    shifted = values - np.repeat(values[bounds[:-1][n > 0]], n[n > 0])
    return np.asarray(shifted - np.repeat(group_sum(shifted, bounds) / np.maximum(n, 1), n))


def _at_instants(
    values: npt.ArrayLike, times_s: npt.ArrayLike, offsets: npt.ArrayLike, pause_steps: float
) -> tuple[SceneClock, FloatArray]:
    clock = SceneClock.of(times_s, offsets, pause_steps)
    return clock, clock.at_instants(values)
