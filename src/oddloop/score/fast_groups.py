"""The compiled reductions of groups of unequal length, given as offsets + values; see `ragged` for their twins.

A group's result depends on its own values only, and not on where it stands among the others. The k largest of a group
are kept in a heap, whose root is the k-th: time grows with the values times, at worst, ln k, memory with k.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.compiled import compile_loop
from oddloop.score.arrays import FloatArray, IntArray

ROOM = 8
"""Room that a heap needs at least, however small k is."""


@compile_loop
def longest(offsets: IntArray) -> int:
    """Length of the longest group; 0 where there is none."""
    length = 0
    for group in range(len(offsets) - 1):
        length = max(length, offsets[group + 1] - offsets[group])
    return length


@compile_loop
def is_even(offsets: npt.NDArray[np.integer[Any]]) -> bool:
    """Whether all groups are of one length; there is one at least."""
    length, n_others = offsets[1] - offsets[0], 0
    for group in range(len(offsets) - 1):
        n_others += 1 if offsets[group + 1] - offsets[group] != length else 0
    return n_others == 0


@compile_loop
def sum_max(values: FloatArray, low: int, high: int) -> tuple[float, float]:
    """Sum and largest of `values[low:high]`; 0 of none, NaN of both where one is."""
    total, largest, bad = 0.0, -np.inf if high > low else 0.0, 0.0
    for i in range(low, high):
        x = values[i]
        total += x
        largest = x if x > largest else largest
        bad = x if x != x else bad
    return total + bad, largest + bad


@compile_loop
def keep_largest(values: FloatArray, k: int, heap: FloatArray) -> None:
    """Into `heap[:k]` the k largest of values without NaN, of which there are as many at least; least first."""
    if k <= ROOM and len(values) < ROOM * k:
        sort_largest(values, heap)
        for i in range(k // 2):
            heap[i], heap[k - 1 - i] = heap[k - 1 - i], heap[i]
        return
    heap[:k] = values[:k]
    for root in range(k // 2 - 1, -1, -1):
        sift(heap, root, k)
    for x in values[k:]:
        if x > heap[0]:
            heap[0] = x
            sift(heap, 0, k)


@compile_loop
def sort_largest(values: FloatArray, heap: FloatArray) -> None:
    """Into `heap[:ROOM]` the largest values, largest first.

    Without a branch, which would be mispredicted where many of the values are kept, and in registers.
    """
    a = b = c = d = e = f = g = h = -np.inf
    for value in values:
        a, x = max(a, value), min(a, value)
        b, x = max(b, x), min(b, x)
        c, x = max(c, x), min(c, x)
        d, x = max(d, x), min(d, x)
        e, x = max(e, x), min(e, x)
        f, x = max(f, x), min(f, x)
        g, x = max(g, x), min(g, x)
        h = max(h, x)
    heap[0], heap[1], heap[2], heap[3], heap[4], heap[5], heap[6], heap[7] = a, b, c, d, e, f, g, h


@compile_loop
def sift(heap: FloatArray, root: int, k: int) -> None:
    """Let the value at `root` sink to where neither of the two below it is smaller."""
    value, child = heap[root], 2 * root + 1
    while child < k:
        if child + 1 < k and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[root] = heap[child]
        root, child = child, 2 * child + 1
    heap[root] = value


@compile_loop
def top_sum(values: FloatArray, k: int, least: float) -> float:
    """Sum of the k largest values, the smallest of which is `least`."""
    total, n_above = 0.0, 0.0
    for x in values:
        # Not `if`, of which the compiler makes a branch that is mispredicted.
        is_above = np.float64(x > least)
        total += x * is_above
        n_above += is_above
    return total + (k - n_above) * least


@compile_loop
def reduce_groups(values: FloatArray, offsets: IntArray, known_only: bool, k: int, q: float, out: FloatArray) -> None:
    """Of each group, into the rows of `out`: sum, mean, largest, mean of the k largest, quantile, number of values.

    The mean of the k largest where k > 0, the quantile where q >= 0. `known_only`: NaN is left out and not counted.
    """
    most = max(longest(offsets), ROOM)
    heap, known = np.empty(most), np.empty(most if known_only else 0)
    for group in range(len(offsets) - 1):
        own = values[offsets[group] : offsets[group + 1]]
        if known_only:
            own = known[: keep_known(own, known)]
        n = len(own)
        total, largest = sum_max(own, 0, n)
        mean = total / max(n, 1)
        out[0, group], out[1, group], out[2, group], out[3, group], out[4, group] = total, mean, largest, mean, mean
        out[5, group] = n
        if 0 < k < n and largest == largest:
            keep_largest(own, k, heap)
            # Infinite ones times 0 would be NaN.
            top = top_sum(own, k, heap[0]) if total - total == 0.0 else heap[:k].sum()
            out[3, group] = top / k
        if q >= 0.0 and n > 0 and largest == largest:
            out[4, group] = quantile(own, q, heap)


@compile_loop
def keep_known(values: FloatArray, known: FloatArray) -> int:
    """Copy what is not NaN to the beginning of `known`; returns its number."""
    n = 0
    for x in values:
        known[n] = x
        n += 1 if x == x else 0
    return n


@compile_loop
def quantile(values: FloatArray, q: float, heap: FloatArray) -> float:
    """The quantile of values without NaN, at least one."""
    place = q * (len(values) - 1)
    rank = int(np.floor(place))
    k = len(values) - rank
    keep_largest(values, k, heap)
    below = heap[0]
    above = below if k == 1 else heap[1] if k == 2 or heap[1] < heap[2] else heap[2]
    step, share = above - below, place - rank
    # From the nearer end, as NumPy does: exact at both ends.
    result: float = below + step * share if share < 0.5 else above - step * (1.0 - share)
    return result
