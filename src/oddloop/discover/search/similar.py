"""Find more like these, and not like those.

A scene's relevance is d- / (d+ + d-), with d+ and d- its distances to the nearest positive and the nearest negative
example (Giacinto, A nearest-neighbor approach to relevance feedback in content based image retrieval, CIVR 2007): 1 at
a positive example, 0 at a negative one. It needs no average of examples, so they may be of several kinds. Without
negative examples the order is that of d+ alone. Exact; time O(n x examples x d), memory O(n).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.discover.arrays import Floats, Ints
from oddloop.errors import TableError

_ROWS = 1 << 15


@dataclass(frozen=True)
class Similar:
    """Scenes that are most like the positive examples.

    Attributes:
        rows: (k,) best first.
        distance: (k,) to the nearest positive example.
        nearest: (k,) which positive example that is.
        relevance: (k,) in [0, 1]; NaN without negative examples.
    """

    rows: Ints
    distance: Floats
    nearest: Ints
    relevance: Floats


def find_similar(
    vectors: npt.NDArray[np.floating],
    positives: npt.NDArray[np.floating],
    negatives: npt.NDArray[np.floating] | None = None,
    *,
    k: int = 20,
    rows: Ints | None = None,
) -> Similar:
    """Find the rows that are most like the positive and least like the negative examples.

    Args:
        vectors: (n, d) finite, in units in which Euclidean distance means something.
        positives: (p, d) examples to be near to, one at least.
        negatives: (q, d) examples to be far from; None for none.
        k: how many are wanted; all where there are fewer.
        rows: rows of `vectors` to search among; None for all.

    Returns:
        the k best, ties by smaller row.

    Raises:
        TableError: shapes differ, there is no positive example, or one is not finite.

    >>> line = np.arange(6.0)[:, None]
    >>> find_similar(line, line[[2]], k=3).rows.tolist()
    [2, 1, 3]
    >>> found = find_similar(line, line[[2]], line[[0]], k=3)
    >>> found.rows.tolist(), found.relevance.tolist()
    ([2, 3, 4], [1.0, 0.75, 0.6666666666666666])
    """
    near, far = _examples(positives, vectors, "positive"), None
    if not len(near):
        raise TableError("give at least one positive example to search by")
    if negatives is not None and len(negatives):
        far = _examples(negatives, vectors, "negative")
    among = np.arange(len(vectors)) if rows is None else np.asarray(rows, dtype=np.int64)
    distance, nearest = _nearest(vectors, among, near)
    relevance = np.full(len(among), np.nan)
    worst = distance
    if far is not None:
        away, _ = _nearest(vectors, among, far)
        both = distance + away
        # A scene that is both a positive and a negative example is as much the one as the other.
        relevance = np.divide(away, both, out=np.full(len(among), 0.5), where=both > 0)
        worst = -relevance
    order = _best(worst, among, k)
    return Similar(among[order], distance[order], nearest[order], relevance[order])


def _best(worst: Floats, among: Ints, k: int) -> Ints:
    """Places of the k least, ties by smaller row; only those that may be among them are sorted."""
    if not 0 < k < len(worst):
        return np.lexsort((among, worst))[:k]
    near = np.flatnonzero(worst <= np.partition(worst, k - 1)[k - 1])
    return near[np.lexsort((among[near], worst[near]))[:k]]


def _examples(examples: npt.NDArray[np.floating], vectors: npt.NDArray[np.floating], what: str) -> Floats:
    matrix = np.asarray(examples, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != vectors.shape[1]:
        raise TableError(f"{what} examples have shape {matrix.shape}; scene vectors have {vectors.shape[1]} numbers")
    if not np.isfinite(matrix).all():
        raise TableError(f"a {what} example holds NaN or infinity")
    return matrix


def _nearest(vectors: npt.NDArray[np.floating], among: Ints, examples: Floats) -> tuple[Floats, Ints]:
    """Distance of each row to its nearest example, and which that is; differences are taken, so that 0 is exact."""
    from scipy.spatial.distance import cdist  # here: slow to load

    distance, which = np.empty(len(among)), np.empty(len(among), dtype=np.int64)
    for start in range(0, len(among), _ROWS):
        part = slice(start, start + _ROWS)
        between = cdist(vectors[among[part]].astype(np.float64), examples)
        which[part] = between.argmin(axis=1)
        distance[part] = between[np.arange(len(between)), which[part]]
    return distance, which
