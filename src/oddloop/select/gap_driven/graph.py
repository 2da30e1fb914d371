"""The graph of candidates: nearest neighbours of those that have a vector; the others stand for themselves alone."""

from __future__ import annotations

import numpy as np

from oddloop.select.pool import Bools, Vectors
from oddloop.select.strategies.graph import Graph, similarity_graph


def candidate_graph(points: Vectors, has_vector: Bools, n_neighbours: int, seed: int) -> Graph:
    """Similarities of all candidates, by a Gaussian kernel as wide as the median distance of neighbours.

    Args:
        points: (m, d) vectors of the candidates that have one, in order.
        has_vector: (n,) which those are.
        n_neighbours: of each in the graph, no more than a tenth of all (8 at least): in a small pool more would make
            everything stand for everything, and a few labels look like full coverage.
        seed: of the cells that very many are searched in.

    >>> graph = candidate_graph(np.zeros((2, 1)), np.array([True, False, True]), 8, seed=0)
    >>> [graph.entries(row)[0].tolist() for row in range(3)]
    [[0, 2], [1], [0, 2]]
    """
    inner = similarity_graph(
        points, kernel="gaussian", n_neighbours=min(n_neighbours, max(len(points) // 10, 8)), seed=seed
    )
    if has_vector.all():
        return inner
    sizes = np.ones(len(has_vector), dtype=np.int64)
    rows = np.flatnonzero(has_vector).astype(np.int32)
    sizes[has_vector] = np.diff(inner.starts)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    columns, values = np.empty(starts[-1], dtype=np.int32), np.ones(starts[-1], dtype=inner.values.dtype)
    of_inner = np.repeat(has_vector, sizes)
    columns[of_inner], values[of_inner] = rows[inner.columns], inner.values
    columns[~of_inner] = np.flatnonzero(~has_vector)
    return Graph(starts, columns, values, inner.scale)
