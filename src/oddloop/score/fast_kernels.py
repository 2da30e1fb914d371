"""The compiled loops: imported by `fast_calls` when the first of them runs, since numba is slow to import.

Each loop works on any number of rows, given as offsets + values, in one pass: x ln x of a block of values (which the
compiler turns into eight at a time), then a walk over the block's rows. With s the sum of a row and t = s - 1, entropy
is `ln s - sum(x ln x) / s`, so a row needs no division of its values.

The logarithm is 2 artanh((m - 1) / (m + 1)) + e ln 2 for x = m 2^e, 1/√2 <= m < √2, by its power series; its
relative error is below 2e-15. No loop may assume that there is no NaN (`fastmath`), all release the interpreter's
lock, and the machine code is kept on disk where the folder permits. Results may differ from NumPy's in the last bits.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.blocks import SUM_TOLERANCE

_BLOCK, _ROWS = 1280, 128
_TINY = float(np.finfo(np.float64).tiny)
_LN2 = float(np.log(2.0))
_SERIES = np.array([2.0 / (2 * i + 1) for i in range(9)])
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8 = (float(c) for c in _SERIES)
_MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
_HALF_ROOT = np.uint64(0x3FE6A09E667F3BCD)  # the bits of 1/√2
_SHIFT = np.uint64(0x3FF0000000000000 - 0x3FE6A09E667F3BCD)
_MAGIC = np.uint64(0x4330000000000000)  # 2^52: the integer in its low bits is a float without conversion
_MAGIC_BIAS = 4503599627370496.0 + 1023.0
_52 = np.uint64(52)


@compile_loop
def log_into(x: FloatArray, mantissa: FloatArray, exponent: FloatArray, out: FloatArray, n: int) -> None:
    """`out[:n] = ln x[:n]` for positive normal x; `mantissa` and `exponent` are room to work in."""
    bits = x.view(np.uint64)
    mantissa_bits, exponent_bits = mantissa.view(np.uint64), exponent.view(np.uint64)
    for i in range(n):
        t = bits[i] + _SHIFT
        mantissa_bits[i] = (t & _MANTISSA) + _HALF_ROOT
        exponent_bits[i] = (t >> _52) | _MAGIC
    for i in range(n):
        m = mantissa[i]
        s = (m - 1.0) / (m + 1.0)
        z = s * s
        r = _C4 + z * (_C5 + z * (_C6 + z * (_C7 + z * _C8)))
        r = _C0 + z * (_C1 + z * (_C2 + z * (_C3 + z * r)))
        out[i] = (exponent[i] - _MAGIC_BIAS) * _LN2 + s * r


@compile_loop
def load_tile(values: AnyFloats, start: int, n_rows: int, n_classes: int, p: FloatArray, x: FloatArray) -> None:
    """`p`: rows of one length, classes outside; `x`: the same, at least the smallest number that has a logarithm."""
    for row in range(n_rows):
        for k in range(n_classes):
            p[k * n_rows + row] = np.float64(values[start + row * n_classes + k])
    for i in range(n_rows * n_classes):
        x[i] = p[i] if p[i] > _TINY else _TINY


@compile_loop
def reduce_tile(
    p: FloatArray, logs: FloatArray, n_rows: int, n_classes: int, parts: tuple[bool, bool], sums: FloatArray
) -> None:
    """Into the rows of `sums`: sum of p, of p ln p, smallest, largest and second largest p (0 at least)."""
    total, weighted, low, first, second = sums[0], sums[1], sums[2], sums[3], sums[4]
    sums[:, :n_rows] = 0.0
    for k in range(n_classes):
        at = k * n_rows
        for b in range(n_rows):
            total[b] += p[at + b]
        for b in range(n_rows):
            low[b] = p[at + b] if p[at + b] < low[b] else low[b]
        if parts[0]:
            for b in range(n_rows):
                weighted[b] += p[at + b] * logs[at + b]
        if parts[1]:
            for b in range(n_rows):
                lesser = p[at + b] if p[at + b] < first[b] else first[b]
                second[b] = lesser if lesser > second[b] else second[b]
            for b in range(n_rows):
                first[b] = p[at + b] if p[at + b] > first[b] else first[b]


@compile_loop
def finish_tile(
    sums: FloatArray, n_rows: int, n_classes: int, parts: tuple[bool, bool], row: int, out: FloatArray
) -> None:
    """The measures of a tile's rows into `out[:, row:]`."""
    top = np.log(np.float64(max(n_classes, 1)))
    for b in range(n_rows):
        # A NaN makes the total NaN, and a NaN of a total every measure of its row.
        if not (abs(sums[0, b] - 1.0) <= SUM_TOLERANCE and sums[2, b] >= 0.0):
            sums[0, b] = np.nan
    if parts[0]:
        for b in range(n_rows):
            t = sums[0, b] - 1.0
            log_total = t * (1.0 - t * (1.0 / 2.0 - t * (1.0 / 3.0 - t * (1.0 / 4.0 - t / 5.0))))
            h = log_total - sums[1, b] / sums[0, b]
            h = 0.0 if h < 0.0 else h
            out[0, row + b] = top if h > top else h
    if parts[1]:
        for b in range(n_rows):
            first, second = sums[3, b] / sums[0, b], sums[4, b] / sums[0, b]
            out[1, row + b] = 1.0 - first
            out[2, row + b] = 1.0 - (first - second)
            out[3, row + b] = second / first


@compile_loop
def measure_rows(values: AnyFloats, offsets: IntArray, parts: tuple[bool, bool], out: FloatArray) -> None:
    """Entropy, least confidence, margin and ratio of each row into `out` (4, R); NaN where it is not a distribution.

    `parts` says whether the first is wanted, and whether the others are; what is not is left as it was. Neighbouring
    rows of one length make a tile that stays in the cache.
    """
    n_all, room = len(offsets) - 1, _BLOCK
    for row in range(n_all):
        room = max(room, offsets[row + 1] - offsets[row])
    p, x, logs, mantissa, exponent = np.empty(room), np.empty(room), np.empty(room), np.empty(room), np.empty(room)
    sums = np.empty((5, _ROWS))
    row = 0
    while row < n_all:
        n_classes = offsets[row + 1] - offsets[row]
        most = min(_ROWS, room // max(n_classes, 1), n_all - row)
        n_rows = 1
        while n_rows < most and offsets[row + n_rows + 1] - offsets[row + n_rows] == n_classes:
            n_rows += 1
        load_tile(values, offsets[row], n_rows, n_classes, p, x)
        if parts[0]:
            log_into(x, mantissa, exponent, logs, n_rows * n_classes)
        reduce_tile(p, logs, n_rows, n_classes, parts, sums)
        finish_tile(sums, n_rows, n_classes, parts, row, out)
        row += n_rows


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
                out[row, k] += np.float64(cube[row, member, k]) / total
        for k in range(n_classes):
            out[row, k] /= n_members


@compile_loop
def binary_entropies(values: AnyFloats, out: FloatArray) -> None:
    """Entropy of each (p, 1 - p) into `out`; NaN where p is not in [0, 1].

    With w the rounded 1 - p, ln(1 - p) is ln w - (p + (w - 1)) / w: what rounding lost of a tiny p comes back.
    """
    x, mantissa, exponent = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK)
    logs, logs_of_rest = np.empty(_BLOCK), np.empty(_BLOCK)
    for start in range(0, len(values), _BLOCK):
        n = min(_BLOCK, len(values) - start)
        for i in range(n):
            x[i] = max(np.float64(values[start + i]), _TINY)
        log_into(x, mantissa, exponent, logs, n)
        for i in range(n):
            x[i] = max(1.0 - np.float64(values[start + i]), _TINY)
        log_into(x, mantissa, exponent, logs_of_rest, n)
        for i in range(n):
            p = np.float64(values[start + i])
            rest = 1.0 - p
            h = (p + (rest - 1.0)) - (p * logs[i] + rest * logs_of_rest[i])
            out[start + i] = min(max(h, 0.0), _LN2) if (p >= 0.0) & (p <= 1.0) else np.nan
