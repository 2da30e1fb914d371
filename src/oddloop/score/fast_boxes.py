"""From the scores of boxes to the measures of their frames, compiled: in one pass over blocks that stay in the cache.

With w = min(p, 1 - p), least confidence is w, and margin 2w, in floating point too. With r the rounded 1 - w,
ln(1 - w) is ln r - (w + (r - 1)) / r: what rounding lost of a tiny w comes back.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.fast_groups import longest
from oddloop.score.fast_largest import ROOM, SHARES, sort_largest, sum_max
from oddloop.score.fast_math import LN2, TINY, log, multiply_add

_ROOM = 2048
_FRAMES = 256
"""Boxes and frames that a block holds: what is worked with stays in the cache."""


@compile_loop
def least_of(p: float) -> float:
    """min(p, 1 - p); NaN where p is not in [0, 1]."""
    lesser = p if p < 1.0 - p else 1.0 - p
    return lesser if lesser >= 0.0 else np.nan


@compile_loop
def entropy_of(w: float) -> float:
    """Entropy of (w, 1 - w) for w in [0, 1/2], in nats; NaN of NaN."""
    rest = 1.0 - w
    h = (w + (rest - 1.0)) - multiply_add(w, log(w if w > TINY else TINY), rest * log(rest))
    h = 0.0 if h < 0.0 else h
    return LN2 if h > LN2 else h


@compile_loop
def binary_entropies(scores: AnyFloats, out: FloatArray) -> None:
    """Entropy of each (p, 1 - p) into `out`; NaN where p is not in [0, 1]."""
    for i in range(len(scores)):
        out[i] = entropy_of(least_of(np.float64(scores[i])))


@compile_loop
def measure_scores(scores: AnyFloats, w: FloatArray, h: FloatArray) -> None:
    """Least confidence and entropy of each score into `w` and `h`; NaN where p is not in [0, 1]."""
    for i in range(len(scores)):
        w[i] = least_of(np.float64(scores[i]))
        h[i] = entropy_of(w[i])


@compile_loop
def measure_frames(scores: AnyFloats, offsets: IntArray, k: int, out: FloatArray) -> None:
    """What `reduce_groups` makes of each frame's boxes, without quantiles, for k >= 0.

    `out[0]` of their least confidence, `out[1]` of their entropy.
    """
    most, n_frames = longest(offsets), len(offsets) - 1
    w, h = np.empty(max(_ROOM, most)), np.empty(max(_ROOM, most))
    leaders = np.empty((_FRAMES, max(k, 1) if k < most else 1))
    ranked, kept, shares = np.empty(max(most, ROOM)), np.empty(most), np.empty((2, SHARES))
    frame = 0
    while frame < n_frames:
        start, stop = offsets[frame], frame + 1
        while stop < min(n_frames, frame + _FRAMES) and offsets[stop + 1] - start <= len(w):
            stop += 1
        measure_scores(scores[start : offsets[stop]], w, h)
        bounds, found = offsets[frame : stop + 1] - start, out[:, :, frame:stop]
        reduce_frames(w, bounds, k, (ranked, kept, shares), leaders, found[0])
        follow_frames(h, bounds, k, leaders, found[1])
        frame = stop


@compile_loop
def reduce_frames(
    w: FloatArray,
    bounds: IntArray,
    k: int,
    room: tuple[FloatArray, FloatArray, FloatArray],
    leaders: FloatArray,
    out: FloatArray,
) -> None:
    """The least confidences of each frame into a column of `out`, and its largest k into a row of `leaders`.

    Of a frame of no more than k boxes the largest only, NaN where one is.
    """
    ranked, kept, shares = room
    for frame in range(len(bounds) - 1):
        own = w[bounds[frame] : bounds[frame + 1]]
        n = len(own)
        total, largest = sum_max(own, shares)
        mean = total / max(n, 1)
        out[0, frame], out[1, frame], out[2, frame], out[3, frame], out[5, frame] = total, mean, largest, mean, n
        leaders[frame] = largest
        if 0 < k < n and largest == largest:
            sort_largest(own, k, shares[1], kept, ranked)
            leaders[frame] = ranked[:k]
            out[3, frame] = ranked[:k].sum() / k


@compile_loop
def follow_frames(h: FloatArray, bounds: IntArray, k: int, leaders: FloatArray, out: FloatArray) -> None:
    """The entropies of each frame, whose largest are those of the `leaders`, since entropy grows with w."""
    tops = leaders.reshape(leaders.size)
    for i in range((len(bounds) - 1) * leaders.shape[1]):
        tops[i] = entropy_of(tops[i])
    for frame in range(len(bounds) - 1):
        n, total = bounds[frame + 1] - bounds[frame], 0.0
        for i in range(bounds[frame], bounds[frame + 1]):
            total += h[i]
        mean = total / max(n, 1)
        out[0, frame], out[1, frame], out[2, frame], out[3, frame] = total, mean, leaders[frame, 0], mean
        out[5, frame] = n
        if 0 < k < n:
            out[3, frame] = leaders[frame].sum() / k
