"""Scenes that are nearly the same: a car that waits for ten minutes is one thing to look at, not sixty.

Scene vectors are centred, so the cosine of two short ones means nothing, and that of two long ones hides how far apart
they lie, which is where rare scenes are. Both are asked at once of the distance: two scenes d apart have the cosine
that vectors of typical length L have at that distance, 1 - d^2 / (2 L^2). It is never more than the cosine of the two
with one more entry of L each.

One scene stands for each group, and every member is within the threshold of it, so groups cannot chain along a drive.
Up to `MOST_EXACT` rows nothing is missed; beyond, candidates come from cells. Time O(n^2 d) exact, O(n^1.5 d) in cells;
memory one float32 copy of the rows, twice in cells, and a block of pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.discover.arrays import Bools, Floats, Ints
from oddloop.discover.grouping.canonical import canonical_order, check_points
from oddloop.neighbours import MOST_EXACT, Growing, reduce_columns

_BLOCK = 512
_PAIRS = 65_536


@dataclass(frozen=True)
class Duplicates:
    """Groups of near-duplicates.

    Attributes:
        representative: (n,) row that stands for each row; a row that is like no other stands for itself.
        cosine: (n,) with that row, in [threshold, 1].
        counted: (n,) row of the same log that stands for each row: grouping looks at these alone, so that a log counts
            once however long it stood still, and what many logs do alike still counts many times.
    """

    representative: Ints
    cosine: Floats
    counted: Ints


def near_duplicates(
    points: npt.ArrayLike, *, logs: npt.ArrayLike | None = None, threshold: float = 0.995, seed: int = 0
) -> Duplicates:
    """Find rows that are nearly the same.

    Args:
        points: (n, d) numbers, finite, centred.
        logs: (n,) integers, the log of each row; None: each row is a log of its own.
        threshold: smallest cosine of near-duplicates, in (0, 1].
        seed: of the cells; exact search draws nothing.

    Returns:
        one entry per row, none for none. The order of rows changes nothing but among rows equal in every value.

    Raises:
        TableError: points are not a finite matrix of numbers.

    >>> found = near_duplicates(np.array([[0.0], [0.01], [5.0], [-5.0]]), logs=np.array([0, 1, 2, 3]))
    >>> found.representative.tolist(), found.counted.tolist()
    ([0, 0, 2, 3], [0, 1, 2, 3])
    """
    values = check_points(points)
    order = canonical_order(values)
    rows = np.ascontiguousarray(values[order])
    length = _typical_length(rows)
    leader, distance = _lead(rows, length * float(np.sqrt(2 * (1 - threshold))), seed)
    representative = np.empty(len(rows), dtype=np.int64)
    cosine = np.ones(len(rows))
    representative[order] = order[leader]
    if length:
        cosine[order] = 1 - distance**2 / (2 * length**2)
    codes = np.arange(len(rows)) if logs is None else np.asarray(logs)
    return Duplicates(representative, cosine, _first_of_log(representative, codes))


def _typical_length(rows: npt.NDArray[np.float32]) -> float:
    """Root mean square about the mean; a median would be that of the duplicates where most rows are such."""
    return float(np.sqrt(rows.var(axis=0, dtype=np.float64).sum())) if len(rows) else 0.0


def _lead(rows: npt.NDArray[np.float32], radius: float, seed: int) -> tuple[Ints, Floats]:
    """Leader of each row and the distance to it: an earlier leader where one is near enough, else itself."""
    leader, distance = np.arange(len(rows)), np.zeros(len(rows))
    from threadpoolctl import threadpool_limits

    short = reduce_columns(rows, MOST_EXACT)  # shortens distances only, so what is near stays near
    index = Growing(short, seed)
    with threadpool_limits(1):  # on blocks so small threads wait for each other four times as long as they work
        for start in range(0, len(rows), _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(rows)))
            found = index.nearest(block)
            away = np.where(found >= 0, _apart(rows, block, found), np.inf)
            near = away <= radius
            leader[block[near]], distance[block[near]] = found[near], away[near]
            rest = block[~near]
            index.add(_lead_block(rows, short, rest, radius, leader, distance))
    return leader, distance


def _lead_block(
    rows: npt.NDArray[np.float32],
    short: npt.NDArray[np.float32],
    block: Ints,
    radius: float,
    leader: Ints,
    distance: Floats,
) -> Ints:
    """Leaders among the rows of one block; the others' entries are filled in."""
    late, early, away = _close_pairs(rows, short, block, radius)
    leads = _first_come(len(block), late, early)
    if len(late):
        kept = leads[early] & ~leads[late]
        order = np.lexsort((early[kept], away[kept], late[kept]))  # the nearest leader, the first of equally near
        follower, first = np.unique(late[kept][order], return_index=True)
        leader[block[follower]] = block[early[kept][order][first]]
        distance[block[follower]] = away[kept][order][first]
    return block[leads]


def _close_pairs(
    rows: npt.NDArray[np.float32], short: npt.NDArray[np.float32], block: Ints, radius: float
) -> tuple[Ints, Ints, Floats]:
    """Pairs within the radius: the later row, the earlier one, their distance."""
    part = short[block].astype(np.float64)
    part -= part.mean(axis=0) if len(part) else 0.0
    square = np.square(part).sum(axis=1)
    squared = square[:, None] + square[None, :] - 2 * part @ part.T
    slack = 1e-6 * max(float(square.max(initial=0)), radius**2)  # distances are measured once more
    late, early = np.nonzero(np.tril(squared <= radius**2 + slack, -1))
    away = _apart(rows, block[late], block[early])
    near = away <= radius
    return late[near], early[near], away[near]


def _first_come(n: int, late: Ints, early: Ints) -> Bools:
    """Rows that lead: those that no earlier leader is near, as if they were asked one after the other."""
    leads, open_ = np.zeros(n, dtype=bool), np.ones(n, dtype=bool)
    while open_.any():
        blocked = np.zeros(n, dtype=bool)
        blocked[late[open_[late] & open_[early]]] = True
        new = open_ & ~blocked
        leads |= new
        open_ &= ~new
        open_[late[new[early]]] = False
    return leads


def _apart(rows: npt.NDArray[np.float32], a: Ints, b: Ints) -> Floats:
    parts = [
        np.sqrt(np.square(rows[a[i : i + _PAIRS]] - rows[b[i : i + _PAIRS]], dtype=np.float64).sum(axis=1))
        for i in range(0, len(a), _PAIRS)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _first_of_log(representative: Ints, logs: Ints) -> Ints:
    """The row that counts for each: the representative in its own log, the first row of the group in another."""
    own = logs == logs[representative] if len(logs) else np.zeros(0, dtype=bool)
    order = np.lexsort((np.arange(len(logs)), logs, representative))
    new = np.ones(len(logs), dtype=bool)
    new[1:] = (np.diff(representative[order]) != 0) | (np.diff(logs[order]) != 0)
    first = np.empty(len(logs), dtype=np.int64)
    first[order] = order[np.flatnonzero(new)[np.cumsum(new) - 1]]
    return np.where(own, representative, first)
