"""The nearest of all rows for each, decided by plain differences, so that lists of before can be merged with new rows.

Matrix products find candidates, a few more than are wanted; their distances are off in the last digits, by how much
depends on how many rows are searched at once. So the candidates are measured again pair by pair, and where one that was
passed over could be as near, more are looked at. What comes out depends on the rows alone: not on threads, on the
library of linear algebra, or on which lists were known before. Of two rows equally far, the one with the smaller mark
comes first; rows alike in every value are one.

Time O(n^2 d), or O(n m d) for m rows that are new or have lost a neighbour; memory O(n (d + k)).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint64]
_BLOCK = 1 << 18
"""Numbers that are measured at a time: 1 MB, which stays in the processor's cache."""
_ENTRIES = 1 << 22
"""Candidates that are held at a time."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Lists(NamedTuple):
    """Neighbours of different rows: (m,) marks of the rows, rising, and (m, k) places among them, nearest first."""

    marks: Marks
    near: Ints


class Found(NamedTuple):
    """(n, k) rows of the points, nearest first, and the lists that they were made of."""

    rows: Ints
    lists: Lists


def exact_neighbours(points: Floats32, k: int, known: Lists | None = None) -> Found:
    """Find the k nearest rows of each row, itself or one alike among them.

    Args:
        points: (n, d) finite.
        k: neighbours, the row itself counted.
        known: the lists of some other rows, of which some may be among these; they change the time only.

    >>> points = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    >>> before = exact_neighbours(points[:2], 2)
    >>> exact_neighbours(points, 2, before.lists).rows.tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    marks, first, which, counts = np.unique(
        mark_rows(points), return_index=True, return_inverse=True, return_counts=True
    )
    different, k_different = points[first], min(k, len(first))
    near = np.full((len(first), k_different), -1, dtype=np.int64)
    if known is not None and known.near.shape[1] == k_different:
        _merge(near, different, marks, known)
    rest, everything = np.flatnonzero((near < 0).any(axis=1)), np.arange(len(different))
    near[rest] = _nearest(different, rest, everything, near[rest, :0], k_different, _spare(k))
    return Found(_spread(near, which.ravel(), counts, min(k, len(points))), Lists(marks, near))


def _spare(k: int) -> int:
    """Candidates beyond those wanted, so that hardly any row needs more."""
    return 8 + k // 4


def mark_rows(points: Floats32) -> Marks:
    """(n,) a number that says which values a row has: of two different rows it is the same once in 2^64."""
    marks = np.empty(len(points), dtype=np.uint64)
    places = (np.arange(points.shape[1], dtype=np.uint64) + np.uint64(1)) * _GOLDEN
    for part in _parts(len(points), points.shape[1]):
        words = np.ascontiguousarray(points[part]).view(np.uint32).astype(np.uint64)
        marks[part] = _mix(words + places).sum(axis=1, dtype=np.uint64)
    return _mix(marks)


def _mix(x: Marks) -> Marks:
    """Spread every bit over all (the finaliser of splitmix64, Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _merge(near: Ints, points: Floats32, marks: Marks, known: Lists) -> None:
    """Fill in the lists of rows that were known and still have all their neighbours, with what the new rows add."""
    at = np.searchsorted(marks, known.marks).clip(max=len(marks) - 1)
    now = np.where(marks[at] == known.marks, at, -1)
    lists = now[known.near]
    stays = (now >= 0) & (lists >= 0).all(axis=1)
    added = np.setdiff1d(np.arange(len(marks)), now)
    near[now[stays]] = _nearest(points, now[stays], added, lists[stays], near.shape[1], _spare(near.shape[1]))


def _nearest(points: Floats32, rows: Ints, among: Ints, known: Ints, k: int, spare: int) -> Ints:
    """The k nearest of some rows, of which some candidates are known and the others are `among` these."""
    near, is_open = np.empty((len(rows), k), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    n = min(k + spare, len(among))
    index = exact_index(np.ascontiguousarray(points[among])) if n else None
    for part in _parts(len(rows), n + known.shape[1], _ENTRIES):
        candidates, least = known[part], np.inf
        if index is not None:
            computed, places = index.search(np.ascontiguousarray(points[rows[part]]), n)
            candidates = np.concatenate([candidates, among[places]], axis=1)
            least = computed[:, -1] if n < len(among) else np.inf
        distance = _measure(points, rows[part], candidates)
        order = np.lexsort((candidates, distance), axis=1)[:, :k]
        near[part] = np.take_along_axis(candidates, order, axis=1)
        furthest = np.take_along_axis(distance, order, axis=1)[:, -1].astype(np.float64)
        is_open[part] = furthest >= least - _slack(points[rows[part]], furthest)
    if is_open.any():  # ends, since at last all rows are candidates
        near[is_open] = _nearest(points, rows[is_open], among, known[is_open], k, 8 * spare)
    return near


def _slack(points: Floats32, furthest: Floats) -> Floats:
    """(r,) by how much rows no further than `furthest` may seem further by matrix products than they are measured.

    |x|^2 + |y|^2 - 2 x.y of d terms in float32 is off by 2 (d + 16) eps (|x|^2 + |y|^2) at most (Higham 2002, section
    3.1), what `_measure` finds by less than half of that, and y is no longer than x and the way between them.
    """
    square = np.einsum("ij,ij->i", points, points, dtype=np.float64)
    longest = np.square(np.sqrt(square) + np.sqrt(furthest))
    return np.asarray(3 * (points.shape[1] + 16) * float(np.finfo(np.float32).eps) * (square + longest))


def _measure(points: Floats32, rows: Ints, others: Ints) -> Floats32:
    """(r, c) squared distance of each row to some others; the same to the bit whatever else is measured."""
    distance = np.empty(others.shape, dtype=np.float32)
    for part in _parts(len(rows), others.shape[1] * points.shape[1]):
        apart = points[others[part]]
        apart -= points[rows[part], None]
        np.einsum("ijk,ijk->ij", apart, apart, out=distance[part])
    return distance


def _spread(near: Ints, which: Ints, counts: Ints, k: int) -> Ints:
    """(n, k) rows of the points for lists of different rows: those alike stand one after the other."""
    members = np.argsort(which, kind="stable")
    starts, cumulated = np.cumsum(counts) - counts, np.cumsum(counts[near], axis=1)
    rows = np.empty((len(near), k), dtype=np.int64)
    every = np.arange(len(near))
    for place in range(k):
        entry = (cumulated <= place).sum(axis=1)
        passed = np.where(entry > 0, cumulated[every, entry - 1], 0)
        rows[:, place] = members[starts[near[every, entry]] + place - passed]
    return rows[which]


def _parts(n: int, width: int, size: int = _BLOCK) -> Iterator[slice]:
    rows = max(size // max(width, 1), 1)
    return (slice(start, start + rows) for start in range(0, n, rows))


def exact_index(points: Floats32) -> Any:
    """An index that compares with every row."""
    import faiss  # here: slow to load

    index = faiss.IndexFlatL2(points.shape[1])
    index.add(points)
    return index
