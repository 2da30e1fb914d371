"""Sums of a segment's scenes per log, block by block: what a bootstrap by log resamples.

Memory is that of one block of segments x logs, and of the memberships of one grouping.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.segments import Grouping


def sums_by_log(
    grouping: Grouping, segments: IntArray, logs: IntArray, n_logs: int, amounts: Sequence[FloatArray], n_rows: int
) -> Iterator[tuple[FloatArray, ...]]:
    """Blocks of (S,L) sums of each amount, for these segments of a grouping, at most `n_rows` of them at a time.

    Args:
        grouping: the segments of one set of attributes.
        segments: places of the segments that are wanted.
        logs: (N,) log of each scene.
        n_logs: number of logs.
        amounts: (N,) what is summed.
        n_rows: segments in a block.
    """
    log, spread = grouping.spread(logs), [grouping.spread(a) for a in amounts]
    for start in range(0, len(segments), n_rows):
        block = segments[start : start + n_rows]
        row_of = np.full(grouping.n_segments, -1)
        row_of[block] = np.arange(len(block))
        rows = row_of[grouping.segments]
        inside = rows >= 0
        cells, size = rows[inside] * n_logs + log[inside], len(block) * n_logs
        summed = (np.bincount(cells, s[inside], size).reshape(-1, n_logs) for s in spread)
        yield tuple(s.astype(np.float64, copy=False) for s in summed)
