"""The compiled reductions of groups of unequal length, given as offsets + values; see `ragged` for their twins.

A group's result depends on its own values only, and not on where it stands among the others, nor on what else is asked.
Its largest values are put in order once, for the mean of the k largest and for the quantile. Memory, besides the
result, grows with the longest group.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.compiled import compile_loop
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.fast_largest import ROOM, SHARES, sort_largest, sum_max


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
def reduce_groups(values: FloatArray, offsets: IntArray, known_only: bool, k: int, q: float, out: FloatArray) -> None:
    """Of each group, into the rows of `out`: sum, mean, largest, mean of the k largest, quantile, number of values.

    The mean of the k largest where k > 0, the quantile where q >= 0. `known_only`: NaN is left out and not counted.
    """
    most = max(longest(offsets), ROOM)
    ranked, kept, shares = np.empty(most), np.empty(most), np.empty((2, SHARES))
    known = np.empty(most if known_only else 0)
    for group in range(len(offsets) - 1):
        own = values[offsets[group] : offsets[group + 1]]
        total, largest = sum_max(own, shares)
        if known_only and total != total:
            own = known[: keep_known(own, known)]
            total, largest = sum_max(own, shares)
        n = len(own)
        mean = total / max(n, 1)
        out[0, group], out[1, group], out[2, group], out[3, group], out[4, group] = total, mean, largest, mean, mean
        out[5, group] = n
        wanted = max(k if k < n else 0, n - int(q * (n - 1)) if q >= 0.0 else 0)
        if wanted > 0 and n > 0 and largest == largest:
            sort_largest(own, wanted, shares[1], kept, ranked)
            if 0 < k < n:
                out[3, group] = ranked[:k].sum() / k
            if q >= 0.0:
                out[4, group] = quantile(ranked, n, q)


@compile_loop
def keep_known(values: FloatArray, known: FloatArray) -> int:
    """Copy what is not NaN to the beginning of `known`; returns its number."""
    n = 0
    for x in values:
        known[n] = x
        n += 1 if x == x else 0
    return n


@compile_loop
def quantile(ranked: FloatArray, n: int, q: float) -> float:
    """The quantile of n values, at least one, of which those from it on are given, largest first."""
    place = q * (n - 1)
    rank = int(place)
    below, above = ranked[n - 1 - rank], ranked[max(n - 2 - rank, 0)]
    step, share = above - below, place - rank
    # From the nearer end, as NumPy does: exact at both ends.
    result: float = below + step * share if share < 0.5 else above - step * (1.0 - share)
    return result
