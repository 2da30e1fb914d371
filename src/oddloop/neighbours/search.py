"""The nearest neighbours of every row: exact up to `MOST_EXACT` rows, in cells of k-means beyond.

Time O(n^2 d) exact; O(n^1.5 d) in cells, of which each search visits `_PROBES`. Memory: a float32 copy of the rows,
twice in cells, and O(n k). Rows are searched one by one and cells trained in order, so the number of threads changes
nothing.

Exact lists can be kept (`keeping`): a later search takes over those of rows that were there, and finds the same sooner.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.neighbours.exact import Lists, exact_neighbours

MOST_EXACT = 60_000
"""Up to this many rows all pairs are compared."""
_PROBES = 16
_PER_CELL_IN_TRAINING = 40
_TRAINING_PASSES = 6
_BATCH = 65_536


@dataclass
class Kept:
    """Lists that are known of some rows, and those of the first exact search; they change how long it takes only."""

    known: Lists | None
    found: Lists | None = None


_KEPT: ContextVar[Kept | None] = ContextVar("kept", default=None)


@contextlib.contextmanager
def keeping(known: Lists | None) -> Iterator[Kept]:
    """Let the first exact search in here take over lists that are known, and keep those that it finds.

    Not an argument, since it changes no result, and would have to go through all that may search.

    >>> points = np.array([[0.0], [1.0], [3.0]], dtype=np.float32)
    >>> with keeping(None) as kept:
    ...     _ = nearest_neighbours(points[:2], 2, 0)
    >>> with keeping(kept.found):
    ...     nearest_neighbours(points, 2, 0).tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    kept = Kept(known)
    token = _KEPT.set(kept)
    try:
        yield kept
    finally:
        _KEPT.reset(token)


def nearest_neighbours(points: npt.NDArray[np.float32], k: int, seed: int) -> npt.NDArray[np.int64]:
    """Find the k nearest rows of each row, itself among them.

    Args:
        points: (n, d) finite.
        k: neighbours, the row itself counted.
        seed: of the cells; exact search draws nothing.

    Returns:
        (n, min(k, n)) rows, nearest first; -1 where cells hold fewer.

    >>> nearest_neighbours(np.array([[0.0], [1.0], [3.0]], dtype=np.float32), 2, 0).tolist()
    [[0, 1], [1, 0], [2, 1]]
    """
    if len(points) <= MOST_EXACT:
        return _exact(points, k)
    index, found = cells_of(points, seed), np.empty((len(points), k), dtype=np.int64)
    for start in range(0, len(points), _BATCH):
        found[start : start + _BATCH] = index.search(points[start : start + _BATCH], k)[1]
    return found


def _exact(points: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    kept = _KEPT.get()
    if kept is None or kept.found is not None:
        return exact_neighbours(points, k).rows
    found = exact_neighbours(points, k, kept.known)
    kept.found = found.lists
    return found.rows


def cells_of(points: npt.NDArray[np.float32], seed: int) -> Any:
    """Cells of k-means with all rows in them, of which each search visits the nearest few."""
    index = trained_cells(points, seed)
    index.add(points)
    index.nprobe = _PROBES
    return index


def trained_cells(points: npt.NDArray[np.float32], seed: int) -> Any:
    """Cells of k-means over rows in canonical order, with no row in them yet."""
    import faiss  # here: slow to load

    n, d = points.shape
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(d), d, int(4 * np.sqrt(n)))
    index.own_fields = False
    index.cp.seed, index.cp.niter = seed + 1, _TRAINING_PASSES
    index.cp.min_points_per_centroid = 1  # faiss would write to the terminal that there are few, which is known
    # Evenly spaced in canonical order, not drawn: a changed order of rows then trains the same cells.
    n_training = min(n, index.nlist * _PER_CELL_IN_TRAINING)
    index.train(points[np.arange(n_training) * n // n_training])
    return index
