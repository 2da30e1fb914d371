"""Sum and largest values of a group, compiled: what the reductions of groups rest on.

Values are taken in shares, every `SHARES`-th in the same, so that the compiler makes vector instructions of it. The
largest of each share also tell how large a value must be to be among the k largest, which leaves few to put in order.
"""

from __future__ import annotations

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import FloatArray

SHARES = 16
"""A power of two."""
LONG = 3 * SHARES
"""Values from which on shares are worth their while."""
ROOM = 8
"""As many values as are put in order in registers; no more than SHARES."""


@compile_loop
def sum_max(values: FloatArray, shares: FloatArray) -> tuple[float, float]:
    """Sum and largest of some values; 0 of none, NaN of both where one is.

    Of LONG or more, `shares[0]` is room to add up, and the largest of each share are put into `shares[1]`.
    """
    if len(values) >= LONG:
        total, largest = sum_max_of_shares(values, shares[0], shares[1])
    else:
        total, largest = 0.0, -np.inf if len(values) > 0 else 0.0
        for x in values:
            total += x
            largest = x if x > largest else largest
    if total != total:  # also of inf - inf
        for x in values:
            largest = x if x != x else largest
    return total, largest


@compile_loop
def sum_max_of_shares(values: FloatArray, totals: FloatArray, tops: FloatArray) -> tuple[float, float]:
    """The same of at least one value, NaN left out of the largest."""
    totals[:], tops[:] = 0.0, -np.inf
    whole = len(values) - len(values) % SHARES
    for i in range(0, whole, SHARES):
        for b in range(SHARES):
            x = values[i + b]
            totals[b] += x
            tops[b] = x if x > tops[b] else tops[b]
    for b in range(len(values) - whole):
        x = values[whole + b]
        totals[b] += x
        tops[b] = x if x > tops[b] else tops[b]
    return sum_of(totals), max_of(tops)


@compile_loop
def sum_of(totals: FloatArray) -> float:
    """Sum of SHARES numbers, by halves, which are overwritten."""
    half = SHARES // 2
    while half > 0:
        for b in range(half):
            totals[b] += totals[b + half]
        half //= 2
    result: float = totals[0]
    return result


@compile_loop
def max_of(tops: FloatArray) -> float:
    """Largest of SHARES numbers without NaN."""
    largest = -np.inf
    for b in range(SHARES):
        largest = tops[b] if tops[b] > largest else largest
    return largest


@compile_loop
def sort_largest(values: FloatArray, k: int, tops: FloatArray, kept: FloatArray, ranked: FloatArray) -> None:
    """Into `ranked[:k]` the k largest of values without NaN, of which there are as many at least; largest first.

    `tops` are the largest of each share, see `sum_max`; `kept` is room for all values, `ranked` has ROOM at least.
    """
    if k > ROOM:
        sort_by_heap(values, k, ranked)
    elif len(values) < LONG:
        sort_few(values, ranked)
    else:
        # The k-th of the largest is a lower bound: k values reach it.
        sort_few(tops, ranked)
        sort_few(kept[: keep_from(values, ranked[k - 1], kept)], ranked)


@compile_loop
def keep_from(values: FloatArray, least: float, kept: FloatArray) -> int:
    """Copy the values from `least` on to the beginning of `kept`; returns their number."""
    n = 0
    for x in values:
        # Without a branch, which would be mispredicted.
        kept[n] = x
        n += 1 if x >= least else 0
    return n


@compile_loop
def sort_few(values: FloatArray, ranked: FloatArray) -> None:
    """Into `ranked[:ROOM]` the largest values, largest first; -inf where there are none left.

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
    ranked[0], ranked[1], ranked[2], ranked[3] = a, b, c, d
    ranked[4], ranked[5], ranked[6], ranked[7] = e, f, g, h


@compile_loop
def sort_by_heap(values: FloatArray, k: int, heap: FloatArray) -> None:
    """Into `heap[:k]` the k largest values, largest first; time grows with the values times, at worst, ln k."""
    heap[:k] = values[:k]
    for root in range(k // 2 - 1, -1, -1):
        sift(heap, root, k)
    for x in values[k:]:
        if x > heap[0]:
            heap[0] = x
            sift(heap, 0, k)
    for last in range(k - 1, 0, -1):
        heap[0], heap[last] = heap[last], heap[0]
        sift(heap, 0, last)


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
