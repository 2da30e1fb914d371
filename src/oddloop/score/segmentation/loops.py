"""The compiled loops over pixels: imported by `calls` when the first of them runs, since numba is slow to import.

An array holds members x classes x pixels, so that a row (one member, one class) is contiguous over pixels. A block of
pixels is read once from memory, four rows at a time, the next four being asked for meanwhile; what is left to do is
done while the block is in the cache. Per member, with t the sum of its numbers less 1, `H = ln(1 + t) - sum(x ln x) /
(1 + t)`; of logits, x is e^(z - max z) and ln x is z - max z. The mean of the members is formed class by class. Until
the end, logarithms are to base 2.

A sum near 1 is kept as t, whose small values float32 can tell apart, so that an entropy of 1e-4 has its six digits too.
Numbers of half precision are multiples of 2^-24, of which sums up to 1 are exact; of others, what each addition loses
(found exactly after Knuth) is summed apart.

Nothing of a block is kept in double precision. NaN propagates: a member that holds a negative number, or whose sum is
NaN or off 1, has weight NaN in the mean, so that all measures of the pixel are NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.score.fast_math import prefetch
from oddloop.score.segmentation.pixel_math import (
    LN2,
    LOG2_E,
    LOWEST,
    Single,
    compiled,
    exp_of_gap,
    log2,
    log2_of_one_and,
    number_of,
)

Stored = npt.NDArray[Any]
"""Numbers as they are stored: float16 as its bits (uint16), float32, float64 or uint8."""
Singles = npt.NDArray[np.float32]
Span = tuple[int, int, int]
"""A block: its first pixel, its pixels, and where the pixels of the whole call end."""
How = tuple[np.float32, np.float32, np.float32, np.float32]
"""(scale, zero, tolerance of a sum, highest entropy) of probabilities; of logits 1 / temperature in the third place."""
Limits = tuple[np.float32, np.float32, np.float32]
"""A member's part in the mean, the tolerance of its sum, the highest entropy."""
Four = tuple[Stored, Stored, Stored, Stored]
"""The same pixels of four rows."""
Maps = tuple[Singles, Singles, Singles, Singles, npt.NDArray[np.uint16]]
"""(N,) entropy, expected entropy, BALD, margin, class; those of length 0 are not wanted."""

MOST_PIXELS, LEAST_PIXELS = 1024, 128
"""Bounds of a block's pixels: rows of that length, and what is summed of them, stay in the nearest cache."""
BLOCK_NUMBERS = 1 << 18
"""Numbers of a block, where its pixels are between those bounds: it stays in the second cache."""
_LINE = 32  # numbers between two requests: a line of the cache holds 32 of half precision
_ZERO, _ONE, _NAN, _INF = np.float32(0.0), np.float32(1.0), np.float32(np.nan), np.float32(np.inf)
_AS_IT_IS = (_ONE, _ZERO, _INF, _INF)
# Rows of the room to work in; the means of four classes come last.
_TOTAL, _TOTAL_LOST, _WEIGHTED, _WEIGHTED_LOST, _EXPECTED, _FIRST, _SECOND, _BEST, _MEAN = range(9)
_ROOM = _MEAN + 4


@compiled
def block_pixels(n_members: int, n_classes: int) -> int:
    """Pixels of a block."""
    return max(LEAST_PIXELS, min(MOST_PIXELS, BLOCK_NUMBERS // max(n_members * n_classes, 1)))


@compiled
def ask_for(rows: Stored, row: int, span: Span) -> None:
    """Ask for the block of a row, or of one of the next block's first rows where the row is beyond the last."""
    at, n, stop = span
    if row >= len(rows):
        row, at = row - len(rows), at + n
    if row < len(rows) and at < stop:
        wanted = rows[row, at : min(at + n, stop)]
        for i in range(0, len(wanted), _LINE):
            prefetch(wanted, i)


@compiled
def clear(room: Singles, n: int) -> None:
    """Make ready for the sums of a distribution."""
    room[_TOTAL, :n] = -_ONE
    room[_TOTAL_LOST : _WEIGHTED_LOST + 1, :n] = _ZERO


@compiled
def sums_of(room: Singles) -> tuple[Singles, Singles, Singles, Singles]:
    """The sums, and what was lost of them."""
    return room[_TOTAL], room[_TOTAL_LOST], room[_WEIGHTED], room[_WEIGHTED_LOST]


@compiled
def add(total: Single, lost: Single, x: Single) -> tuple[float, float]:
    """A sum and what was lost of it, after an addition; what is lost of this one is exact, whichever is larger."""
    new = total + x
    added = new - total
    return new, lost + ((total - (new - added)) + (x - added))


@compiled
def take_row(row: Stored, how: How, room: Singles) -> None:
    """Add a row's probabilities x, and x log2 x, to the sums; NaN where x is negative."""
    total, lost, weighted, weighted_lost = sums_of(room)
    for i in range(len(row)):
        x = number_of(row[i], how[0], how[1])
        x = x if x >= _ZERO else _NAN
        total[i], lost[i] = add(total[i], lost[i], x)
        weighted[i], weighted_lost[i] = add(weighted[i], weighted_lost[i], x * log2(x))


@compiled
def take_four(rows: Four, how: How, room: Singles) -> None:
    """`take_row` of four rows, which is faster: there is less to load and store."""
    a, b, c, d = rows
    total, lost, weighted, weighted_lost = sums_of(room)
    for i in range(len(a)):
        w, x = number_of(a[i], how[0], how[1]), number_of(b[i], how[0], how[1])
        y, z = number_of(c[i], how[0], how[1]), number_of(d[i], how[0], how[1])
        more = (w * log2(w) + x * log2(x)) + (y * log2(y) + z * log2(z))
        t, u = add(total[i], lost[i], w)
        t, u = add(t, u, x)
        t, u = add(t, u, y)
        t, lost[i] = add(t, u, z)
        total[i] = t if min(min(w, x), min(y, z)) >= _ZERO else _NAN
        weighted[i], weighted_lost[i] = add(weighted[i], weighted_lost[i], more)


@compiled
def take_four_exact(rows: Four, how: How, room: Singles) -> None:
    """`take_four` of half precision, whose sums lose nothing."""
    a, b, c, d = rows
    total, _, weighted, weighted_lost = sums_of(room)
    for i in range(len(a)):
        w, x = number_of(a[i], how[0], how[1]), number_of(b[i], how[0], how[1])
        y, z = number_of(c[i], how[0], how[1]), number_of(d[i], how[0], how[1])
        more = (w * log2(w) + x * log2(x)) + (y * log2(y) + z * log2(z))
        t = total[i] + w + x + y + z  # in this order: below 0, the steps are finer than 2^-24
        total[i] = t if min(min(w, x), min(y, z)) >= _ZERO else _NAN
        weighted[i], weighted_lost[i] = add(weighted[i], weighted_lost[i], more)


@compiled
def take_probs(rows: Stored, of: tuple[int, int], span: Span, how: How, room: Singles) -> None:
    """Sums over the rows `of` a member: of its probabilities x (less 1), and of x log2 x."""
    at, n, _ = span
    to = at + n
    clear(room, n)
    row, end = of
    while row + 4 <= end:
        for ahead in range(row + 4, row + 8):
            ask_for(rows, ahead, span)
        four = (rows[row, at:to], rows[row + 1, at:to], rows[row + 2, at:to], rows[row + 3, at:to])
        take_four(four, how, room)
        row += 4
    while row < end:
        ask_for(rows, row + 4, span)
        take_row(rows[row, at:to], how, room)
        row += 1


@compiled
def take_halves(rows: Stored, of: tuple[int, int], span: Span, how: How, nothing: Stored, room: Singles) -> None:
    """`take_probs` of half precision; rows of zeros, `nothing`, make a number of rows that four divides."""
    at, n, _ = span
    to = at + n
    clear(room, n)
    for row in range(of[0], of[1], 4):
        for ahead in range(row + 4, row + 8):
            ask_for(rows, ahead, span)
        b = rows[row + 1, at:to] if row + 1 < of[1] else nothing[:n]
        c = rows[row + 2, at:to] if row + 2 < of[1] else nothing[:n]
        d = rows[row + 3, at:to] if row + 3 < of[1] else nothing[:n]
        take_four_exact((rows[row, at:to], b, c, d), how, room)


@compiled
def take_logits(rows: Stored, of: tuple[int, int], span: Span, how: How, tile: Singles, room: Singles) -> None:
    """`take_probs` of logits: x = e^(z - max z), which goes into `tile`, too (classes x pixels)."""
    at, n, _ = span
    clear(room, n)
    total, total_lost, weighted, weighted_lost = sums_of(room)
    top = room[_FIRST]
    top[:n] = -_INF
    for k in range(of[1] - of[0]):
        ask_for(rows, of[0] + k + 4, span)
        row, logits = rows[of[0] + k, at : at + n], tile[k]
        for i in range(n):
            z = number_of(row[i], how[0], how[1])
            logits[i] = z
            top[i] = z if z > top[i] else top[i]
    for k in range(of[1] - of[0]):
        logits = tile[k]
        for i in range(n):
            gap = (logits[i] - top[i]) * how[2]
            gap = LOWEST if gap < LOWEST else gap
            x = exp_of_gap(gap)
            logits[i] = x
            total[i], total_lost[i] = add(total[i], total_lost[i], x)
            weighted[i], weighted_lost[i] = add(weighted[i], weighted_lost[i], x * gap)
    for i in range(n):
        weighted[i], weighted_lost[i] = weighted[i] * LOG2_E, weighted_lost[i] * LOG2_E


@compiled
def entropy_of(t: Single, weighted: Single, highest: Single) -> Single:
    """Entropy of numbers that sum to 1 + t, of which x log2 x sums to `weighted`, in nats; NaN where t is."""
    h = (log2_of_one_and(t) - weighted / (_ONE + t)) * LN2
    h = _ZERO if h < _ZERO else h
    result: Single = highest if h > highest else h
    return result


@compiled
def weigh(room: Singles, n: int, limits: Limits, weights: Singles) -> None:
    """Add a member's part to the expected entropy; what its numbers weigh in the mean, NaN where they are not valid."""
    part, tolerance, highest = limits
    total, total_lost, weighted, weighted_lost = sums_of(room)
    expected = room[_EXPECTED]
    for i in range(n):
        t = total[i] + total_lost[i]
        t = t if abs(t) <= tolerance else _NAN
        expected[i] += part * entropy_of(t, weighted[i] + weighted_lost[i], highest)
        weights[i] = part / (_ONE + t)


@compiled
def form_mean(values: Stored, k: int, span: Span, how: How, weights: Singles, mean: Singles) -> None:
    """Mean of the members' probabilities of class k, two members at a time."""
    n_members, at, n = len(values), span[0], span[1]
    mean[:n] = _ZERO
    for m in range(0, n_members - 1, 2):
        a, b, v, w = values[m, k, at : at + n], values[m + 1, k, at : at + n], weights[m], weights[m + 1]
        for i in range(n):
            mean[i] += number_of(a[i], how[0], how[1]) * v[i] + number_of(b[i], how[0], how[1]) * w[i]
    if n_members % 2:
        a, v = values[n_members - 1, k, at : at + n], weights[n_members - 1]
        for i in range(n):
            mean[i] += number_of(a[i], how[0], how[1]) * v[i]


@compiled
def rank(mean: Singles, k: int, n: int, room: Singles) -> None:
    """Keep the two largest probabilities so far, and the class of the first of them."""
    first, second, best = room[_FIRST], room[_SECOND], room[_BEST]
    for i in range(n):
        x, f, s, b = (
            mean[i],
            first[i],
            second[i],
            best[i],
        )  # read before anything is written, else it does not vectorise
        lesser = x if x < f else f
        first[i] = x if x > f else f
        second[i] = lesser if lesser > s else s
        best[i] = np.float32(k) if x > f else b


@compiled
def take_mean(values: Stored, span: Span, how: How, weights: Singles, room: Singles, with_ranks: bool) -> None:
    """Sums over the classes of the members' mean, as `take_probs`, and its ranks."""
    n = span[1]
    clear(room, n)
    room[_FIRST, :n] = -_ONE
    room[_SECOND, :n] = _ZERO
    n_classes = values.shape[1]
    for first in range(0, n_classes, 4):
        some = min(4, n_classes - first)
        for j in range(some):
            form_mean(values, first + j, span, how, weights, room[_MEAN + j])
            if with_ranks:
                rank(room[_MEAN + j], first + j, n, room)
        if some == 4:
            four = (room[_MEAN, :n], room[_MEAN + 1, :n], room[_MEAN + 2, :n], room[_MEAN + 3, :n])
            take_four(four, _AS_IT_IS, room)
        else:
            for j in range(some):
                take_row(room[_MEAN + j, :n], _AS_IT_IS, room)


@compiled
def write_maps(room: Singles, span: Span, shape: tuple[int, int], highest: np.float32, maps: Maps) -> None:
    """The measures of a block into those maps that are wanted; a pixel that is not valid has the class after all."""
    at, n, _ = span
    n_members, n_classes = shape
    total, total_lost, weighted, weighted_lost = sums_of(room)
    entropy, expected = room[_MEAN], room[_EXPECTED]
    for i in range(n):
        total[i] += total_lost[i]
        entropy[i] = entropy_of(total[i], weighted[i] + weighted_lost[i], highest)
        expected[i] = expected[i] if expected[i] < entropy[i] and n_members > 1 else entropy[i]
    if len(maps[0]):
        maps[0][at : at + n] = entropy[:n]
    if len(maps[1]):
        maps[1][at : at + n] = expected[:n]
    if len(maps[2]):
        bald = maps[2][at : at + n]
        for i in range(n):  # not as arrays, which would be made first
            bald[i] = entropy[i] - expected[i]
    if len(maps[3]):
        # 1 - (first - second) / (1 + t), with the parts that are near 1 taken from each other first.
        maps[3][at : at + n] = (total[:n] - (room[_FIRST, :n] - _ONE) + room[_SECOND, :n]) / (_ONE + total[:n])
    if len(maps[4]):
        for i in range(n):
            maps[4][at + i] = np.uint16(room[_BEST, i]) if total[i] == total[i] else np.uint16(n_classes)


@compiled
def measure_probs(values: Stored, start: int, stop: int, how: How, is_exact: bool, maps: Maps) -> None:
    """Measures of the pixels from `start` to `stop` of (M,C,N) probabilities into (N,) maps.

    `is_exact` says that the numbers are multiples of 2^-24, as those of half precision.
    """
    n_members, n_classes, n_pixels = values.shape
    rows = values.reshape(n_members * n_classes, n_pixels)
    step = block_pixels(n_members, n_classes)
    room, weights = np.empty((_ROOM, step), np.float32), np.empty((n_members, step), np.float32)
    nothing, limits = np.zeros(step, rows.dtype), (np.float32(1.0 / n_members), how[2], how[3])
    for at in range(start, stop, step):
        span = (at, min(step, stop - at), stop)
        room[_EXPECTED, :] = _ZERO
        for m in range(n_members):
            of = (m * n_classes, (m + 1) * n_classes)
            if is_exact:  # asked here: in a loop over pixels, both would be done
                take_halves(rows, of, span, how, nothing, room)
            else:
                take_probs(rows, of, span, how, room)
            weigh(room, span[1], limits, weights[m])
        take_mean(values, span, how, weights, room, len(maps[3]) + len(maps[4]) > 0)
        write_maps(room, span, (n_members, n_classes), how[3], maps)


@compiled
def measure_logits(values: Stored, start: int, stop: int, how: How, maps: Maps) -> None:
    """`measure_probs` of logits."""
    n_members, n_classes, n_pixels = values.shape
    rows = values.reshape(n_members * n_classes, n_pixels)
    step = block_pixels(n_members, n_classes)
    room, weights = np.empty((_ROOM, step), np.float32), np.empty((n_members, step), np.float32)
    tile = np.empty((n_members, n_classes, step), np.float32)
    limits = (np.float32(1.0 / n_members), _INF, how[3])
    for at in range(start, stop, step):
        span = (at, min(step, stop - at), stop)
        room[_EXPECTED, :] = _ZERO
        for m in range(n_members):
            take_logits(rows, (m * n_classes, (m + 1) * n_classes), span, how, tile[m], room)
            weigh(room, span[1], limits, weights[m])
        in_tile = (0, span[1], span[1])
        take_mean(tile, in_tile, _AS_IT_IS, weights, room, len(maps[3]) + len(maps[4]) > 0)
        write_maps(room, span, (n_members, n_classes), how[3], maps)
