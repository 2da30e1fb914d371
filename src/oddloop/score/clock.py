"""When the frames of each scene were: in order of time, one row per instant, and how long each instant's score holds.

Frames of one instant, such as those of several cameras, count as one with the largest of their scores. An instant's
score holds until the next instant of its scene. Two hold for the scene's median step instead: the last instant, and
one before a **pause**, a step longer than `pause_steps` median steps. So a pause counts as neither above nor below a
threshold, as if the scene had been cut there. A scene with one instant has no step: nothing that takes time is defined.

Time and memory grow with the number of frames; frames already in order of time are not sorted again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.foreign import to_float64, to_int64
from oddloop.score.ragged import group_quantile

PAUSE_STEPS = 3.0
"""Median steps beyond which a step is a pause, unless told otherwise."""


@dataclass(frozen=True)
class SceneClock:
    """The instants of G scenes, scene by scene, each scene's in order of time.

    Attributes:
        n_frames: frames that the clock was made of.
        order: frames with a known time, by scene and time; a slice where they came so.
        firsts: (I,) places in `order` at which an instant begins; None where each frame has an instant of its own.
        offsets: (G+1,) bounds of each scene's instants.
        times_s: (I,) times of the instants.
        holds_s: (I,) how long each instant's score holds; 0 where the scene has no other instant.
        is_followed: (I,) whether the scene goes on after the instant, without a pause.
    """

    n_frames: int
    order: IntArray | slice
    firsts: IntArray | None
    offsets: IntArray
    times_s: FloatArray
    holds_s: FloatArray
    is_followed: BoolArray

    @staticmethod
    def of(times_s: npt.ArrayLike, offsets: npt.ArrayLike, pause_steps: float = PAUSE_STEPS) -> SceneClock:
        """Make the clock.

        Args:
            times_s: (N,) time of each frame in s, counted from anywhere; NaN is not known and leaves the frame out.
            offsets: (G+1,) integers that do not fall, from 0 to N.
            pause_steps: median steps beyond which a step is a pause.

        Raises:
            ValueError: the offsets do not fit the times, a time is infinite, or `pause_steps` is below 1.

        >>> SceneClock.of([0.0, 0.5, 1.0, 9.0, 9.5], [0, 5]).holds_s
        array([0.5, 0.5, 0.5, 0.5, 0.5])
        """
        times, bounds = _checked(times_s, offsets)
        if not pause_steps >= 1:
            raise ValueError(f"pause_steps must be 1 or more; got {pause_steps}")
        order, bounds = _by_time(times, bounds)
        firsts, instants, bounds = _instants(times[order], bounds)
        return SceneClock(len(times), order, firsts, bounds, instants, *_holds(instants, bounds, pause_steps))

    def at_instants(self, values: npt.ArrayLike) -> FloatArray:
        """(I,) largest finite value of each instant's frames, NaN where none is, from (N,) values of the frames.

        Raises:
            ValueError: there are more or fewer values than frames.

        >>> SceneClock.of([1.0, 0.0, 1.0], [0, 3]).at_instants([5.0, 1.0, 7.0])
        array([1., 7.])
        """
        array = to_float64(values)
        if array.shape != (self.n_frames,):
            raise ValueError(f"values have shape {array.shape}, but there are {self.n_frames} times; give one for each")
        ordered = array[self.order]
        known = np.where(np.isfinite(ordered), ordered, np.nan)
        if self.firsts is None or not len(known):
            return known
        return np.fmax.reduceat(known, self.firsts)


def seconds_in_scene(times_ns: npt.ArrayLike, offsets: IntArray) -> FloatArray:
    """Times in s since the first frame of each scene: exact, where seconds since 1970 would be rounded.

    Args:
        times_ns: (N,) int64.
        offsets: (G+1,) bounds of each scene's frames, from 0 to N.

    >>> seconds_in_scene([1_700_000_000_100_000_000, 1_700_000_000_000_000_000], np.array([0, 2]))
    array([0.1, 0. ])
    """
    times = to_int64(times_ns)
    lengths = np.diff(offsets)
    filled = lengths > 0
    firsts = np.minimum.reduceat(times, offsets[:-1][filled]) if filled.any() else times[:0]
    return np.asarray((times - np.repeat(firsts, lengths[filled])) / 1e9)


def _checked(times_s: npt.ArrayLike, offsets: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    times, bounds = to_float64(times_s), to_int64(offsets)
    if times.ndim != 1 or np.isinf(times).any():
        raise ValueError("times_s must be one number of seconds per frame, finite, or NaN where it is not known")
    if len(bounds) == 0 or bounds[0] != 0 or bounds[-1] != len(times) or np.any(bounds[1:] < bounds[:-1]):
        raise ValueError(f"offsets must rise from 0 to {len(times)}, the number of times")
    return times, bounds


def _by_time(times: FloatArray, bounds: IntArray) -> tuple[IntArray | slice, IntArray]:
    """Frames with a known time in order, and each scene's bounds among them."""
    known = ~np.isnan(times)
    rises = times[1:] >= times[:-1]
    starts = bounds[(bounds > 0) & (bounds < len(times))]
    rises[starts - 1] = True
    if known.all() and rises.all():
        return slice(None), bounds
    scenes = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    order = np.lexsort((times, scenes))
    order = order[known[order]]
    return order, np.concatenate([[0], np.cumsum(known)])[bounds]


def _instants(times: FloatArray, bounds: IntArray) -> tuple[IntArray | None, FloatArray, IntArray]:
    """Where instants begin, their times, and each scene's bounds among them."""
    is_first = np.ones(len(times), np.bool_)
    is_first[1:] = times[1:] != times[:-1]
    is_first[bounds[:-1][bounds[:-1] < len(times)]] = True
    if is_first.all():
        return None, times, bounds
    return np.flatnonzero(is_first), times[is_first], np.concatenate([[0], np.cumsum(is_first)])[bounds]


def _holds(times: FloatArray, bounds: IntArray, pause_steps: float) -> tuple[FloatArray, BoolArray]:
    """How long each instant holds, and whether the scene goes on after it without a pause."""
    steps = np.zeros(len(times))
    steps[:-1] = np.diff(times)
    lengths = np.diff(bounds)
    has_next = np.ones(len(times), np.bool_)
    has_next[bounds[1:][lengths > 0] - 1] = False
    between = np.concatenate([[0], np.cumsum(np.maximum(lengths - 1, 0))])
    medians = np.repeat(group_quantile(steps[has_next], between, 0.5), lengths)
    is_followed = has_next & (steps <= pause_steps * medians)
    return np.where(is_followed, steps, medians), is_followed
