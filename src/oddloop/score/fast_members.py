"""The compiled measures of ensembles, in tiles (M·K,WIDTH) of all members of some frames: see `fast_kernels`.

Memory, besides the result, is one tile.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.fast_kernels import LANES, WIDTH, entropy_of_tile, limit, measure_tile, sum_tile
from oddloop.score.fast_math import LINE_BYTES, TINY, log, multiply_add, prefetch
from oddloop.score.fast_transpose import transpose


@compile_loop
def measure_members(cube: AnyFloats, parts: tuple[bool, bool, bool], out: FloatArray) -> None:
    """Measures of an (N, M, K) array into the rows of `out`; M and K at least 1.

    `parts`: whether the entropy of the mean is wanted (row 0), its least confidence, margin and ratio (rows 1 to 3),
    and the mean of the members' own entropies (row 4), which needs the first.
    """
    n_frames, n_members, n_classes = cube.shape
    flat = cube.reshape((n_frames, n_members * n_classes))
    tile = np.zeros((n_members * n_classes, WIDTH), cube.dtype)
    mean, own, room = np.empty((n_classes, WIDTH)), np.empty(LANES), np.empty((4, LANES))
    top = np.log(np.float64(n_classes))
    for frame in range(0, n_frames, LANES):
        frames = flat[frame : frame + LANES]
        transpose(frames, tile)  # lanes without a frame keep what they hold
        mean[:], own[:] = 0.0, 0.0
        for m in range(n_members):
            ask_for_next(flat, frame, m * n_classes, n_classes)
            add_member(tile[m * n_classes : (m + 1) * n_classes], top, parts[2], room, mean, own)
        mean /= n_members
        results = out[:, frame : frame + len(frames)]
        measure_tile(mean, top, parts[:2], room, results)
        for b in range(len(frames) if parts[2] else 0):
            results[4, b] = min(own[b] / n_members, results[0, b])


@compile_loop
def ask_for_next(flat: AnyFloats, frame: int, first: int, n: int) -> None:
    """Ask for a part of the frames after those of a tile: as much as `n` of the tile's rows hold, from `first` on.

    Meanwhile the tile is measured; else the next would be waited for.
    """
    values, width = flat.reshape(flat.size), flat.shape[1]
    start = (frame + LANES) * width + first * LANES
    for i in range(start, min(start + n * LANES, len(values)), LINE_BYTES // values.itemsize):
        prefetch(values, i)


@compile_loop
def add_member(
    tile: AnyFloats,
    top: float,
    with_entropy: bool,
    room: FloatArray,
    mean: FloatArray,
    own: FloatArray,
) -> None:
    """Add a member's probabilities to `mean` and its entropies to `own`; NaN where it is not a distribution."""
    if with_entropy:
        entropy_of_tile(tile, top, room)
        for b in range(LANES):
            own[b] += room[3, b]
    else:
        sum_tile(tile, room)
    for b in range(LANES):
        room[0, b] = 1.0 / room[0, b]
    for k in range(len(tile)):
        for b in range(LANES):
            mean[k, b] += np.float64(tile[k, b]) * room[0, b]


@compile_loop
def measure_consensus(cube: AnyFloats, out: FloatArray) -> None:
    """Largest divergence of a member from the mean, of an (N, M, K) array into `out` (N,); M and K at least 1."""
    n_frames, n_members, n_classes = cube.shape
    flat = cube.reshape((n_frames, n_members * n_classes))
    tile, logs = np.zeros((n_members * n_classes, WIDTH), cube.dtype), np.empty((n_classes, WIDTH))
    mean, own, scales = np.empty((n_classes, WIDTH)), np.empty((n_members, LANES)), np.empty((n_members, LANES))
    room, furthest = np.empty((4, LANES)), np.empty(LANES)
    most = np.log(np.float64(n_members))
    for frame in range(0, n_frames, LANES):
        frames = flat[frame : frame + LANES]
        transpose(frames, tile)
        mean[:], own[:], furthest[:] = 0.0, 0.0, 0.0
        for m in range(n_members):
            ask_for_next(flat, frame, m * n_classes, n_classes)
            add_member(tile[m * n_classes : (m + 1) * n_classes], np.inf, True, room, mean, own[m])
            scales[m] = room[0]
        mean /= n_members
        entropy_of_tile(mean, np.inf, room)
        log_tile(mean, logs)
        for m in range(n_members):
            keep_furthest(tile[m * n_classes : (m + 1) * n_classes], logs, scales[m], own[m], room[1], furthest)
        for b in range(len(frames)):
            # The entropy of the mean is NaN where a member is not a distribution.
            out[frame + b] = limit(furthest[b], most) + 0.0 * room[3, b]


@compile_loop
def log_tile(tile: FloatArray, logs: FloatArray) -> None:
    """The logarithm of each number of a tile; of 0 a finite one, so that their product is 0."""
    for k in range(len(tile)):
        for b in range(LANES):
            x = tile[k, b]
            logs[k, b] = log(x if x > TINY else TINY)


@compile_loop
def keep_furthest(
    tile: AnyFloats, logs: FloatArray, scale: FloatArray, own: FloatArray, crossed: FloatArray, furthest: FloatArray
) -> None:
    """The larger of `furthest` and a member's divergence, of which `own` are the entropies, from the mean.

    `logs` are those of the mean, `scale` makes the member's probabilities sum to 1; `crossed` is room to work in.
    """
    crossed[:] = 0.0
    for k in range(len(tile)):
        for b in range(LANES):
            crossed[b] = multiply_add(np.float64(tile[k, b]), logs[k, b], crossed[b])
    for b in range(LANES):
        divergence = -crossed[b] * scale[b] - own[b]
        furthest[b] = divergence if divergence > furthest[b] else furthest[b]
