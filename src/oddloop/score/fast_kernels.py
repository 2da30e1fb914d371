"""The compiled measures of distributions: imported by `fast_calls` when the first of them runs, since numba is slow.

Rows are taken in tiles (K,WIDTH) of LANES rows side by side, classes below each other, which stay in the cache. Every
loop runs along the lanes, whose number is a constant, so that the compiler makes vector instructions of it. A shorter
row is followed by zeros, which change no result: a row's result depends on that row only.

With s the sum of a row and t = s - 1, entropy is `ln s - sum(x ln x) / s`, so a row needs no division of its values.
Results may differ from NumPy's in the last bits. Memory, besides the result, is one tile.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.blocks import SUM_TOLERANCE
from oddloop.score.fast_groups import longest
from oddloop.score.fast_math import TINY, log, multiply_add

LANES = 64
WIDTH = 80
"""No power of two: the values of a lane would compete for a few places in the cache."""


@compile_loop
def sum_tile(tile: AnyFloats, room: FloatArray) -> None:
    """Sums of the rows into `room[0]`; NaN where a row is not a distribution."""
    total, low = room[0], room[1]
    total[:], low[:] = 0.0, 0.0
    for k in range(len(tile)):
        for b in range(LANES):
            x = np.float64(tile[k, b])
            total[b] += x
            low[b] = x if x < low[b] else low[b]
    refuse_bad(total, low)


@compile_loop
def refuse_bad(total: FloatArray, low: FloatArray) -> None:
    """Let the sum of a row be NaN where it is not a distribution, `low` being its lowest number, or 0."""
    for b in range(LANES):
        # A NaN makes the total NaN, and a NaN of a total every measure of its row.
        total[b] = total[b] if (abs(total[b] - 1.0) <= SUM_TOLERANCE) & (low[b] >= 0.0) else np.nan


@compile_loop
def entropy_of_tile(tile: AnyFloats, top: float, room: FloatArray) -> None:
    """`sum_tile`, and in the same pass the entropies of the rows into `room[3]`, at most `top`."""
    total, low, out = room[0], room[1], room[3]
    total[:], low[:], out[:] = 0.0, 0.0, 0.0
    for k in range(len(tile)):
        for b in range(LANES):
            x = np.float64(tile[k, b])
            total[b] += x
            low[b] = x if x < low[b] else low[b]
            out[b] = multiply_add(x, log(x if x > TINY else TINY), out[b])
    refuse_bad(total, low)
    for b in range(LANES):
        t = total[b] - 1.0
        log_total = t * (1.0 - t * (1.0 / 2.0 - t * (1.0 / 3.0 - t * (1.0 / 4.0 - t / 5.0))))
        out[b] = limit(log_total - out[b] / total[b], top)


@compile_loop
def limit(entropy: float, top: float) -> float:
    """Entropy in its range: rounding can leave -1e-17 behind, and exceed ln K. NaN stays NaN."""
    entropy = 0.0 if entropy < 0.0 else entropy
    return top if entropy > top else entropy


@compile_loop
def leaders_of_tile(tile: AnyFloats, room: FloatArray) -> None:
    """The shares of the likeliest and the second likeliest class into `room[1]` and `room[2]`, after `sum_tile`."""
    total, first, second = room[0], room[1], room[2]
    first[:], second[:] = 0.0, 0.0
    for k in range(len(tile)):
        for b in range(LANES):
            x = np.float64(tile[k, b])
            lesser = x if x < first[b] else first[b]
            second[b] = lesser if lesser > second[b] else second[b]
            first[b] = x if x > first[b] else first[b]
    for b in range(LANES):
        first[b], second[b] = first[b] / total[b], second[b] / total[b]


@compile_loop
def measure_tile(tile: AnyFloats, top: float, parts: tuple[bool, bool], room: FloatArray, out: FloatArray) -> None:
    """The measures of the first rows of a tile into the rows of `out`, see `measure_rows`; entropy at most `top`."""
    if parts[0]:
        entropy_of_tile(tile, top, room)
        out[0] = room[3, : out.shape[1]]
    else:
        sum_tile(tile, room)
    if parts[1]:
        leaders_of_tile(tile, room)
        for b in range(out.shape[1]):
            first, second = room[1, b], room[2, b]
            out[1, b] = 1.0 - first
            out[2, b] = 1.0 - (first - second)
            out[3, b] = second / first


@compile_loop
def load_rows(values: AnyFloats, offsets: IntArray, tile: AnyFloats) -> None:
    """Rows given as offsets + values into the lanes of a tile that none is longer than; zeros beyond their ends."""
    n_rows = len(offsets) - 1
    if offsets[n_rows] - offsets[0] < LANES * len(tile):
        tile[:] = 0.0
    for row in range(n_rows):
        own = values[offsets[row] : offsets[row + 1]]
        for k in range(len(own)):
            tile[k, row] = own[k]


@compile_loop
def measure_rows(values: AnyFloats, offsets: IntArray, parts: tuple[bool, bool], out: FloatArray) -> None:
    """Measures of rows given as offsets + values, into the rows of `out`: entropy, least confidence, margin, ratio.

    `parts`: whether the first of them is wanted, and whether the others are.
    """
    most = max(longest(offsets), 1)
    tiles, room = np.empty((most, WIDTH), values.dtype), np.empty((4, LANES))
    length, top = 1, 0.0
    for row in range(0, len(offsets) - 1, LANES):
        bounds = offsets[row : row + LANES + 1]
        n_rows = len(bounds) - 1
        tile = tiles[: longest(bounds)]
        load_rows(values, bounds, tile)
        results = out[:, row : row + n_rows]
        measure_tile(tile, np.inf, parts, room, results)
        for b in range(n_rows if parts[0] else 0):
            if bounds[b + 1] - bounds[b] != length:
                length = bounds[b + 1] - bounds[b]
                top = np.log(np.float64(max(length, 1)))
            results[0, b] = limit(results[0, b], top)


@compile_loop
def mean_rows(cube: AnyFloats, out: FloatArray) -> None:
    """Means of the members of an (N, M, K) array into `out` (N, K); NaN throughout where one is not a distribution."""
    n_rows, n_members, n_classes = cube.shape
    for row in range(n_rows):
        out[row, :] = 0.0
        for member in range(n_members):
            total, low = 0.0, 0.0
            for k in range(n_classes):
                total += np.float64(cube[row, member, k])
                low = min(low, np.float64(cube[row, member, k]))
            if not (abs(total - 1.0) <= SUM_TOLERANCE and low >= 0.0):
                total = np.nan
            for k in range(n_classes):
                out[row, k] += np.float64(cube[row, member, k]) * (1.0 / total)
        for k in range(n_classes):
            out[row, k] /= n_members
