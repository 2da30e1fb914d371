"""The nearest of the rows seen so far: exact for few rows, in cells of all of them for many.

For rows that are taken one block after the other, each compared with those before. What is nearly the same lies in the
same cell or the next, so few cells are visited. Time and memory as `search`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.neighbours.search import MOST_EXACT, trained_cells

Ints = npt.NDArray[np.int64]
_PROBES = 4
_BATCH = 65_536


class Growing:
    """An index over rows of `points`, empty at first.

    >>> index = Growing(np.array([[0.0], [1.0], [9.0]], dtype=np.float32), seed=0)
    >>> index.add(np.array([0, 2]))
    >>> index.nearest(np.array([1])).tolist()
    [0]
    """

    def __init__(self, points: npt.NDArray[np.float32], seed: int) -> None:
        import faiss  # here: slow to load

        self._points = points
        self._cell: Ints | None = None
        if len(points) <= MOST_EXACT:
            self._index: Any = faiss.IndexIDMap(faiss.IndexFlatL2(points.shape[1]))
            return
        self._index = trained_cells(points, seed)
        self._index.nprobe = _PROBES
        find = self._index.quantizer.search  # once for all rows, and for both uses
        parts = [find(points[i : i + _BATCH], _PROBES)[1] for i in range(0, len(points), _BATCH)]
        self._cell = np.concatenate(parts).astype(np.int64)

    def add(self, rows: Ints) -> None:
        """Take rows in."""
        if not len(rows):
            return
        from faiss.contrib.ivf_tools import add_preassigned

        part = np.ascontiguousarray(self._points[rows])
        if self._cell is None:
            self._index.add_with_ids(part, rows)
        else:
            add_preassigned(self._index, part, np.ascontiguousarray(self._cell[rows, 0]), rows)

    def nearest(self, rows: Ints) -> Ints:
        """The nearest row taken in so far, for each of these; -1 where there is none."""
        from faiss.contrib.ivf_tools import search_preassigned

        part = np.ascontiguousarray(self._points[rows])
        if self._cell is None:
            found = self._index.search(part, 1)[1]
        else:
            found = search_preassigned(self._index, part, 1, np.ascontiguousarray(self._cell[rows]))[1]
        nearest: Ints = found[:, 0]
        return nearest
