"""All pairs of points of one frame that are near each other, without comparing every point with every other.

The plane is cut into squares as wide as the radius, and a point is compared with those in its own square and the eight
around it. Time grows with points x log points plus the pairs in neighbouring squares, so linearly where the density
of traffic is bounded; memory with the pairs of a chunk of frames (see `chunks_of_frames`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_float64, to_int64

_HALF_OF_NEIGHBOURS = ((0, 0), (0, 1), (1, -1), (1, 0), (1, 1))
CHUNK = 10_000
"""Points of the frames that are looked at together."""
_WIDER = 1 + 1e-9
"""Squares are a hair wider than the radius, so that rounding cannot put a pair two squares apart."""


def near_pairs(
    x: npt.ArrayLike, y: npt.ArrayLike, offsets: npt.ArrayLike, radius_m: float
) -> tuple[IntArray, IntArray]:
    """Pairs of points of one frame whose distance is at most `radius_m`.

    Args:
        x: (N,) positions in metres; a point that is not finite is in no pair.
        y: (N,) positions in metres.
        offsets: (F+1,) bounds of each frame's points.
        radius_m: above 0.

    Returns:
        (P,) rows of the first and of the second of each pair, each pair once and first < second, sorted.

    Raises:
        ValueError: the radius is not above 0.

    >>> [rows.tolist() for rows in near_pairs([0.0, 1.0, 9.0, 9.5], [0.0] * 4, [0, 2, 4], 2.0)]
    [[0, 2], [1, 3]]
    """
    if not 0 < radius_m < np.inf:
        raise ValueError(f"radius_m must be above 0 and finite; got {radius_m}")
    points = np.stack([to_float64(x), to_float64(y)])
    bounds = to_int64(offsets)
    frame = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
    rows = np.arange(bounds[0], bounds[-1]) if len(bounds) else np.zeros(0, np.int64)
    is_known = np.isfinite(points[:, rows]).all(axis=0)
    rows, frame = rows[is_known], frame[is_known]
    a, b = _candidates(points[:, rows], frame, radius_m)
    a, b = rows[a], rows[b]
    near = np.hypot(points[0, a] - points[0, b], points[1, a] - points[1, b]) <= radius_m
    first, second = np.minimum(a[near], b[near]), np.maximum(a[near], b[near])
    order = np.argsort(first * (int(bounds[-1]) + 1) + second) if len(first) else slice(None)
    return first[order], second[order]


def chunks_of_frames(offsets: IntArray, size: int = CHUNK) -> Iterator[tuple[int, int]]:
    """(first, last + 1) frames of chunks of about `size` points, so that memory does not grow with the table.

    >>> list(chunks_of_frames(np.array([0, 3, 6, 9]), 6))
    [(0, 2), (2, 3)]
    """
    first, n_frames = 0, len(offsets) - 1
    while first < n_frames:
        last = int(np.searchsorted(offsets, offsets[first] + size, side="right")) - 1
        last = min(max(last, first + 1), n_frames)
        yield first, last
        first = last


def _candidates(points: FloatArray, frame: IntArray, radius_m: float) -> tuple[IntArray, IntArray]:
    """Pairs of points in the same or neighbouring squares of a frame, each once."""
    if not len(frame):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    square, width = _squares(points, radius_m)
    # One key per frame and square, with an empty border, so that a neighbour never is in another frame.
    key = (frame * width[0] + square[0]) * width[1] + square[1]
    order = np.argsort(key, kind="stable")
    ranked = key[order]
    pairs = []
    for dx, dy in _HALF_OF_NEIGHBOURS:
        wanted = ranked + dx * width[1] + dy
        low = np.searchsorted(ranked, wanted, side="left")
        high = np.searchsorted(ranked, wanted, side="right")
        if (dx, dy) == (0, 0):
            low = np.arange(1, len(ranked) + 1)
        n = np.maximum(high - low, 0)
        first = np.repeat(np.arange(len(ranked)), n)
        second = np.arange(len(first)) - np.repeat(np.cumsum(n) - n, n) + np.repeat(low, n)
        pairs.append((order[first], order[second]))
    a, b = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return a, b


def _squares(points: FloatArray, radius_m: float) -> tuple[IntArray, IntArray]:
    """(2,N) square of each point, from 1, and (2,) squares in each direction with the border.

    Only squares that hold a point are numbered apart: ranks of coordinates, a gap kept where squares are not adjacent,
    so that a stray point far away does not overflow the key.
    """
    found, widths = [], []
    for axis in points:
        values, inverse = np.unique(np.floor(axis / (radius_m * _WIDER)), return_inverse=True)
        steps = np.minimum(np.diff(values), 2.0).astype(np.int64)
        number = np.concatenate([[1], 1 + np.cumsum(steps)])
        found.append(number[inverse])
        widths.append(int(number[-1]) + 2)
    return np.stack(found), np.array(widths)
