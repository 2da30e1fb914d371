"""An index for more vectors than one wants to look through: cells of k-means, of which a search visits a few.

`find_similar` looks at every vector. Beyond a million, `NearIndex` finds the rows near the examples, and `find_similar`
then ranks those exactly. How many cells are visited is chosen when the index is built: the least power of two at which
at least 99 % of the true neighbours of a sample are found; the recall that was measured is kept. The index of one basis
of vectors says nothing of another's. Building is O(n sqrt(n) d), a search O(n d x cells visited / cells).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.discover.arrays import Ints

MOST_EXACT = 1_000_000
"""Up to this many vectors every one is looked at."""
_SAMPLE, _NEIGHBOURS, _RECALL = 200, 50, 0.99
_PER_CELL_IN_TRAINING = 64
Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NearIndex:
    """A built index.

    Attributes:
        content: the index as faiss writes it.
        recall: share of true neighbours that were found in the sample, in [0, 1].
        n_probe: cells that a search visits.
    """

    content: bytes
    recall: float
    n_probe: int

    def near(self, examples: npt.NDArray[np.floating], k: int) -> Ints:
        """Rows that are among the k nearest of any example, ascending; nearly all of them (`recall`)."""
        import faiss  # here: slow to load

        index: Any = faiss.deserialize_index(np.frombuffer(self.content, dtype=np.uint8))
        index.nprobe = self.n_probe
        _, rows = index.search(np.ascontiguousarray(examples, dtype=np.float32), k)
        return np.unique(rows[rows >= 0]).astype(np.int64)


def build_index(vectors: npt.NDArray[np.floating], seed: int = 0) -> NearIndex:
    """Build an index over all rows.

    Args:
        vectors: (n, d) finite; n at least 1.
        seed: of the k-means that makes the cells, and of the sample that recall is measured on.

    Returns:
        the index, the recall that it reaches, and the cells that it visits for that.

    >>> points = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    >>> index = build_index(points)
    >>> index.recall >= 0.99, bool(np.isin([7], index.near(points[[7]], 5))[0])
    (True, True)
    """
    import faiss  # here: slow to load

    points = np.ascontiguousarray(vectors, dtype=np.float32)
    n, d = points.shape
    n_cells = max(1, min(int(4 * np.sqrt(n)), n // _PER_CELL_IN_TRAINING))
    index: Any = faiss.IndexIVFFlat(faiss.IndexFlatL2(d), d, n_cells)
    index.cp.seed, index.cp.niter = seed + 1, 10
    rng = np.random.default_rng(seed)
    training = np.sort(rng.choice(n, size=min(n, n_cells * _PER_CELL_IN_TRAINING), replace=False))
    index.train(points[training])
    index.add(points)
    n_probe, recall = _probes(index, points, rng, n_cells)
    return NearIndex(bytes(faiss.serialize_index(index)), recall, n_probe)


def _probes(index: Any, points: Floats32, rng: np.random.Generator, n_cells: int) -> tuple[int, float]:
    sample = points[rng.choice(len(points), size=min(_SAMPLE, len(points)), replace=False)]
    k = min(_NEIGHBOURS, len(points))
    index.nprobe = n_cells
    truth, _ = index.search(sample, k)
    n_probe = 1
    while True:
        index.nprobe = n_probe
        found, _ = index.search(sample, k)
        # By distance, not by row: of equally near rows any will do.
        recall = float(np.mean(found <= truth[:, -1:]))
        if recall >= _RECALL or n_probe >= n_cells:
            return n_probe, recall
        n_probe = min(2 * n_probe, n_cells)
