"""A sparse graph of which rows are similar: each row's nearest neighbours, both ways.

Every kernel is a falling function of Euclidean distance with values of 0 to 1; rows that are not among each other's
nearest neighbours count as 0, so a graph of n neighbours is the full matrix. Neighbours are exact up to 60,000 rows and
found in cells beyond (see `oddloop.neighbours`); their distances are always exact. Memory O(n k), never n x n; time
that of the search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.neighbours import MOST_EXACT, nearest_neighbours, reduce_columns
from oddloop.select.frame import Frame, blocks
from oddloop.select.pool import Floats, Ints, Vectors

Rows = npt.NDArray[np.int32]
Kernel = Literal["gaussian", "linear", "ball"]
KERNELS: dict[Kernel, Callable[[Floats, float], Floats]] = {
    "gaussian": lambda distance, scale: np.exp(-0.5 * (distance / scale) ** 2),
    "linear": lambda distance, scale: np.maximum(1.0 - distance / scale, 0.0),
    "ball": lambda distance, scale: (distance <= scale).astype(np.float64),
}


@dataclass(frozen=True)
class Graph:
    """Similarities as a square sparse matrix, row after row.

    Attributes:
        starts: (n + 1,) int64 where each row begins.
        columns: (m,) int32, rising within a row.
        values: (m,) float32 or float64, 0 or more.
        scale: unit of distance of the kernel that made the values; NaN where they were given.
    """

    starts: Ints
    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.floating]
    scale: float = float("nan")

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.starts) - 1

    def parents(self) -> Ints:
        """(m,) row of each value."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def sums(self, values: Floats) -> Floats:
        """(n,) sum over each row of one number per entry."""
        return np.asarray(np.bincount(self.parents(), weights=values, minlength=len(self)), dtype=np.float64)

    def entries(self, row: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.floating]]:
        """Columns and values of one row."""
        part = slice(self.starts[row], self.starts[row + 1])
        return self.columns[part], self.values[part]


def as_graph(similarity: Any) -> Graph:
    """A graph of similarities: a `Graph`, an (n, n) array, or a SciPy sparse matrix.

    Entry (i, j) tells how well row j stands for row i; the matrix need not be symmetric.

    Raises:
        TableError: not square, or a similarity is NaN, infinite or negative.

    >>> as_graph([[1.0, 0.0], [0.5, 1.0]]).columns.tolist()
    [0, 1, 1]
    """
    if isinstance(similarity, Graph):
        return similarity
    from scipy import sparse  # here: slow to load

    if not sparse.issparse(similarity):
        similarity = np.asarray(similarity, dtype=np.float64)
    if similarity.ndim != 2 or similarity.shape[0] != similarity.shape[1]:
        raise TableError(f"similarity must be square, rows by rows; got shape {similarity.shape}")
    by_candidate = sparse.csr_array(similarity.T)
    by_candidate.sort_indices()
    values = by_candidate.data.astype(np.float64)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise TableError("similarity must be finite and 0 or more; shift or clip it first")
    return Graph(by_candidate.indptr.astype(np.int64), by_candidate.indices.astype(np.int32), values)


def similarity_graph(
    points: Vectors, *, kernel: Kernel = "gaussian", scale: float | None = None, n_neighbours: int = 64, seed: int = 0
) -> Graph:
    """Join each row with its nearest neighbours.

    Args:
        points: (n, d) float of any width, finite.
        kernel: `gaussian`, exp(-d^2 / (2 scale^2)); `linear`, 1 - d / scale but not below 0; `ball`, 1 up to `scale`.
        scale: in the units of the points; None takes the median distance of all joined rows for `gaussian`, and twice
            that for the others, since the largest would be that of an outlier; where it is 0, the largest; else 1.
        n_neighbours: of each row, the row itself counted; rows are joined if either is a neighbour of the other.
        seed: of the cells that very many rows are searched in.

    Returns:
        a symmetric graph with 1 on its diagonal, float32.

    Raises:
        ConfigError: the kernel is not known, the scale is not above 0, or there are no neighbours.

    >>> graph = similarity_graph(np.array([[0.0], [1.0], [4.0]]), kernel="linear", scale=2.0)
    >>> [graph.entries(row)[1].tolist() for row in range(3)]
    [[1.0, 0.5], [0.5, 1.0], [1.0]]
    """
    _check(kernel, scale, n_neighbours)
    if not len(points):
        return Graph(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.float32))
    frame = Frame.of(points, points[:0])
    found = _neighbours(points, frame, n_neighbours, seed)
    distance = _distances(points, frame, found)
    unit = _scale(kernel, distance, found) if scale is None else scale / frame.scale
    values = np.empty(found.shape, dtype=np.float32)
    for part in blocks(*found.shape):
        values[part] = KERNELS[kernel](distance[part], unit)
    del distance
    return _symmetric(found, values, unit * frame.scale)


def _check(kernel: str, scale: float | None, n_neighbours: int) -> None:
    if kernel not in KERNELS:
        raise ConfigError(f"kernel = {kernel!r} is not known; known: {', '.join(KERNELS)}")
    if scale is not None and not 0 < scale < np.inf:
        raise ConfigError(f"scale must be above 0 and finite; got {scale}")
    if n_neighbours < 1:
        raise ConfigError(f"n_neighbours must be 1 or more; got {n_neighbours}")


def _neighbours(points: Vectors, frame: Frame, n_neighbours: int, seed: int) -> Rows:
    """(n, k) each row's neighbours, itself among them; -1 where there are fewer."""
    found = nearest_neighbours(reduce_columns(frame.scan(points), MOST_EXACT), n_neighbours, seed).astype(np.int32)
    # A row with many equals may not be found among them.
    lost = np.flatnonzero((found != _own(found)).all(axis=1))
    found[lost, -1] = lost
    return found


def _own(found: Rows) -> Rows:
    return np.arange(len(found), dtype=np.int32)[:, None]


def _distances(points: Vectors, frame: Frame, found: Rows) -> Floats:
    """(n, k) how far the neighbours are in the frame; infinite where there are fewer."""
    distance = np.empty(found.shape)
    for part in blocks(len(found), found.shape[1] * points.shape[1]):
        apart = frame.exact(points[found[part]]) - frame.exact(points[part])[:, None, :]
        distance[part] = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart))
    distance[found < 0] = np.inf
    return distance


def _scale(kernel: Kernel, distance: Floats, found: Rows) -> float:
    between = distance[(found >= 0) & (found != _own(found))]
    if not len(between):
        return 1.0
    scale = float(np.median(between)) * (1.0 if kernel == "gaussian" else 2.0)
    return scale or float(between.max()) or 1.0


def _symmetric(found: Rows, values: npt.NDArray[np.float32], scale: float) -> Graph:
    from scipy import sparse  # here: slow to load

    n, k = found.shape
    columns = np.where(found >= 0, found, _own(found)).ravel()  # values of 0, which are dropped
    # SciPy holds columns as wide as starts.
    starts = np.arange(0, n * k + 1, k, dtype=np.int32 if n * k < 2**30 else np.int64)
    directed = sparse.csr_array((values.ravel(), columns, starts), shape=(n, n))
    del columns
    directed.sum_duplicates()
    directed.eliminate_zeros()
    # Both directions of a pair hold the same number, so the larger of both is the union.
    both = directed.maximum(directed.T.tocsr())
    both.sort_indices()
    return Graph(both.indptr.astype(np.int64), both.indices.astype(np.int32, copy=False), both.data, scale)
