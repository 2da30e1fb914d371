"""From the scores of boxes to the measures of their frames, compiled: in one pass over blocks that stay in the cache.

With w = min(p, 1 - p), least confidence is w, and margin 2w, in floating point too. With r the rounded 1 - w,
ln(1 - w) is ln r - (w + (r - 1)) / r: what rounding lost of a tiny w comes back.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.fast_groups import longest, reduce_groups
from oddloop.score.fast_math import LN2, TINY, log, multiply_add

_ROOM = 2048


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
    """What `reduce_groups` makes of each frame's boxes: `out[0]` of their least confidence, `out[1]` of entropy."""
    room = max(_ROOM, longest(offsets))
    w, h = np.empty(room), np.empty(room)
    n_frames, frame = len(offsets) - 1, 0
    while frame < n_frames:
        start, stop = offsets[frame], frame + 1
        while stop < n_frames and offsets[stop + 1] - start <= room:
            stop += 1
        measure_scores(scores[start : offsets[stop]], w, h)
        bounds = offsets[frame : stop + 1] - start
        reduce_groups(w, bounds, False, k, -1.0, out[0, :, frame:stop])
        reduce_groups(h, bounds, False, k, -1.0, out[1, :, frame:stop])
        frame = stop
