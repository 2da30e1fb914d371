"""The compiled measures of ensembles, in tiles (M·K,WIDTH) of all members of some frames: see `fast_kernels`.

Memory, besides the result, is one tile.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.fast_kernels import LANES, WIDTH, entropy_of_tile, measure_tile, sum_tile


@compile_loop
def measure_members(cube: AnyFloats, parts: tuple[bool, bool, bool], out: FloatArray) -> None:
    """Measures of an (N, M, K) array into the rows of `out`; M and K at least 1.

    `parts`: whether the entropy of the mean is wanted (row 0), its least confidence, margin and ratio (rows 1 to 3),
    and the mean of the members' own entropies (row 4), which needs the first.
    """
    n_frames, n_members, n_classes = cube.shape
    flat = cube.reshape((n_frames, n_members * n_classes))
    tile, logs = np.zeros((n_members * n_classes, WIDTH), cube.dtype), np.empty((n_classes, WIDTH))
    mean, own, room = np.empty((n_classes, WIDTH)), np.empty(LANES), np.empty((4, LANES))
    top = np.log(np.float64(n_classes))
    for frame in range(0, n_frames, LANES):
        frames = flat[frame : frame + LANES]
        load_frames(frames, tile)
        mean[:], own[:] = 0.0, 0.0
        for first in range(0, len(tile), n_classes):
            add_member(tile[first : first + n_classes], logs, top, parts[2], room, mean, own)
        mean /= n_members
        results = out[:, frame : frame + len(frames)]
        measure_tile(mean, logs, top, parts[:2], room, results)
        for b in range(len(frames) if parts[2] else 0):
            results[4, b] = min(own[b] / n_members, results[0, b])


@compile_loop
def load_frames(frames: AnyFloats, tile: AnyFloats) -> None:
    """The values of each frame into its lane; lanes without a frame keep what they hold."""
    # All of a frame at once, in the order of the memory: its members one by one would take twice as long.
    for b in range(len(frames)):
        for i in range(len(tile)):
            tile[i, b] = frames[b, i]


@compile_loop
def add_member(
    tile: AnyFloats,
    logs: FloatArray,
    top: float,
    with_entropy: bool,
    room: FloatArray,
    mean: FloatArray,
    own: FloatArray,
) -> None:
    """Add a member's probabilities to `mean` and its entropies to `own`; NaN where it is not a distribution."""
    sum_tile(tile, room)
    if with_entropy:
        entropy_of_tile(tile, logs, top, room)
        for b in range(LANES):
            own[b] += room[3, b]
    for b in range(LANES):
        room[0, b] = 1.0 / room[0, b]
    for k in range(len(tile)):
        for b in range(LANES):
            mean[k, b] += np.float64(tile[k, b]) * room[0, b]
