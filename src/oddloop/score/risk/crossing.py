"""Post-encroachment time of two paths that cross: how long after one has left the crossing the other enters it.

Two vehicles drive along polylines of timed positions. Where these cross at the angle a, each has, along its own path
from the crossing point, the conflict area of two straight lanes as wide as the vehicles:

    half length of the area  (w_other + w_own |cos a|) / (2 sin a)
    entry                    when the centre is half the own length before the area: the front bumper enters
    exit                     when the centre is half the own length behind it: the rear bumper leaves
    PET                      entry of the second - exit of the first, where the first is the one that enters first

in seconds, all numbers: below 0 both were in the area at once. Of several crossings the one that both reach earliest
(least sum of times) counts. Speeds are constant between positions. As a score take `shortfall(PET, threshold)`.

NaN, not valid: the paths do not cross (following the same path is no crossing), or one of them begins inside the area
or ends before what is needed of it was seen, or a needed number is not finite.
Allen, Shin and Cooper, Analysis of traffic conflicts and collisions, 1978; there the area is drawn by hand.

Time grows with pairs x steps²; memory with those of a block of pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_float64

_BLOCK = 1 << 19
_ROUNDING = 1e-9


class Paths(NamedTuple):
    """Timed paths of P vehicles, one row each.

    Attributes:
        xy: (P,T,2) positions in metres; NaN behind the last one.
        time_s: (P,T) times in seconds, which rise.
        length_m: (P,) vehicle lengths.
        width_m: (P,) vehicle widths.
    """

    xy: npt.ArrayLike
    time_s: npt.ArrayLike
    length_m: npt.ArrayLike
    width_m: npt.ArrayLike


class _Crossing(NamedTuple):
    """(B,) arc length of the crossing on each path, and half the length of the area there; NaN where there is none."""

    a_at: FloatArray
    b_at: FloatArray
    a_half: FloatArray
    b_half: FloatArray


def post_encroachment_time(a: Paths, b: Paths) -> FloatArray:
    """(P,) post-encroachment time of row i of `a` and row i of `b`, in seconds.

    Raises:
        ValueError: the shapes do not fit.

    >>> t = np.arange(9.0)
    >>> east = Paths([np.stack([10 * t - 40, 0 * t], 1)], [t], [4.0], [2.0])
    >>> north = Paths([np.stack([0 * t, 10 * t - 60], 1)], [t], [4.0], [2.0])
    >>> post_encroachment_time(east, north).round(9)  # out at 4.3 s, in at 5.7 s
    array([1.4])
    """
    first, second = _as_arrays(a), _as_arrays(b)
    if len(first[0]) != len(second[0]):
        raise ValueError(f"paths must be as many on both sides; got {len(first[0])} and {len(second[0])}")
    n_cells = first[0].shape[1] * second[0].shape[1]
    size = max(_BLOCK // max(n_cells, 1), 1)
    result = np.full(len(first[0]), np.nan)
    for start in range(0, len(result) if n_cells else 0, size):
        rows = slice(start, start + size)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            result[rows] = _block([x[rows] for x in first], [x[rows] for x in second])
    return np.where(np.isfinite(result), result, np.nan)


def _as_arrays(paths: Paths) -> list[FloatArray]:
    xy, time = to_float64(paths.xy), to_float64(paths.time_s)
    if xy.ndim != 3 or xy.shape[-1] != 2 or time.shape != xy.shape[:2]:
        raise ValueError(f"paths need positions (P,T,2) and times (P,T); got {xy.shape} and {time.shape}")
    sizes = [np.broadcast_to(to_float64(x), len(xy)) for x in (paths.length_m, paths.width_m)]
    return [xy, time, *sizes]


def _block(a: list[FloatArray], b: list[FloatArray]) -> FloatArray:
    a_run, b_run = _arc_lengths(a[0]), _arc_lengths(b[0])
    found = _first_crossing(a, b, a_run, b_run)
    a_in, a_out = _times(a, a_run, found.a_at, found.a_half + a[2] / 2)
    b_in, b_out = _times(b, b_run, found.b_at, found.b_half + b[2] / 2)
    result = np.where(a_in <= b_in, b_in - a_out, a_in - b_out)
    return np.where(np.isfinite(a_in) & np.isfinite(b_in), result, np.nan)


def _arc_lengths(xy: FloatArray) -> FloatArray:
    """(B,T) distance driven up to each position."""
    step = np.diff(xy, axis=1)
    run = np.zeros(xy.shape[:2])
    run[:, 1:] = np.cumsum(np.hypot(step[..., 0], step[..., 1]), axis=1)
    return run


def _first_crossing(a: list[FloatArray], b: list[FloatArray], a_run: FloatArray, b_run: FloatArray) -> _Crossing:
    r, s = np.diff(a[0], axis=1)[:, :, None], np.diff(b[0], axis=1)[:, None]
    q = b[0][:, None, :-1] - a[0][:, :-1, None]
    turn = _cross(r, s)
    u, v = _cross(q, s) / turn, _cross(q, r) / turn
    # Paths often cross right at a position: rounding must not put that outside both of its segments.
    meets = (np.abs(u - 0.5) <= 0.5 + _ROUNDING) & (np.abs(v - 0.5) <= 0.5 + _ROUNDING)
    u, v = np.clip(u, 0.0, 1.0), np.clip(v, 0.0, 1.0)
    when = a[1][:, :-1, None] + u * np.diff(a[1], axis=1)[:, :, None]
    when = when + b[1][:, None, :-1] + v * np.diff(b[1], axis=1)[:, None]
    flat = np.where(meets & np.isfinite(when), when, np.inf).reshape(len(turn), -1)
    if not flat.shape[1]:
        return _Crossing(*np.full((4, len(turn)), np.nan))
    best = flat.argmin(axis=1)
    rows, (i, j) = np.arange(len(turn)), np.divmod(best, turn.shape[2])
    is_met = np.isfinite(flat[rows, best])
    a_step, b_step = r[rows, i, 0], s[rows, 0, j]
    a_length, b_length = np.hypot(*a_step.T), np.hypot(*b_step.T)
    sine = np.abs(turn[rows, i, j]) / (a_length * b_length)
    cosine = np.abs((a_step * b_step).sum(axis=1)) / (a_length * b_length)
    return _Crossing(
        np.where(is_met, a_run[rows, i] + u[rows, i, j] * a_length, np.nan),
        np.where(is_met, b_run[rows, j] + v[rows, i, j] * b_length, np.nan),
        (b[3] + a[3] * cosine) / (2 * sine),
        (a[3] + b[3] * cosine) / (2 * sine),
    )


def _times(path: list[FloatArray], run: FloatArray, at: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(B,) times at which the centre is `reach` before and behind the crossing; NaN where that is off the path."""
    return _time_at(path[1], run, at - reach), _time_at(path[1], run, at + reach)


def _time_at(time: FloatArray, run: FloatArray, distance: FloatArray) -> FloatArray:
    after: IntArray = (run < distance[:, None]).sum(axis=1)
    rows, after = np.arange(len(run)), np.clip(after, 1, run.shape[1] - 1)
    low, high = run[rows, after - 1], run[rows, after]
    share = (distance - low) / (high - low)
    reached = (distance >= 0) & (distance <= high)
    return np.where(reached, time[rows, after - 1] + share * (time[rows, after] - time[rows, after - 1]), np.nan)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    result: FloatArray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result
