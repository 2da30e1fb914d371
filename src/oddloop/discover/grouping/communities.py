"""Communities of the neighbour graph at every resolution, from fine to coarse.

Edges are weighed by the Jaccard overlap of neighbour lists (Levine et al., PhenoGraph, Cell 2015): of two rows whose
distance is small only by chance few neighbours agree, so bridges between groups are thin even in high dimensions.
Communities maximise modularity at a resolution (Blondel et al. 2008; Reichardt & Bornholdt 2006). The graph of the
finest communities is contracted and moved again at the next coarser resolution, and so on, so layers are nested and all
of them together cost little more than the first. Time and memory O(n k).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array

from oddloop.compiled import import_loops
from oddloop.errors import MissingExtraError

Ints = npt.NDArray[np.int64]
RESOLUTIONS = tuple(2.0**e for e in np.arange(10, -8.25, -0.5).tolist())
"""From groups of a few rows to the graph's connected parts, half an octave apart."""
_PASSES = 20


def neighbour_graph(neighbours: Ints) -> csr_array:
    """Weigh the edges of a neighbour graph by shared neighbours.

    Args:
        neighbours: (n, k) rows, each row among its own neighbours; -1 for none.

    Returns:
        (n, n) symmetric, without a diagonal.

    >>> neighbour_graph(np.array([[0, 1], [1, 0], [2, 1]])).toarray().astype(float).round(2).tolist()
    [[0.0, 2.0, 0.0], [2.0, 0.0, 0.33], [0.0, 0.33, 0.0]]
    """
    loops = import_loops("oddloop.discover.grouping.loops")
    if loops is None:
        raise MissingExtraError("numba cannot be imported, and grouping by layers needs it; install numba")
    n, k = neighbours.shape
    weight = np.zeros((n, k), dtype=np.float32)
    loops.shared_neighbours(neighbours, weight)
    row, column = np.repeat(np.arange(n, dtype=np.int32), k), neighbours.ravel().astype(np.int32)
    kept = (row != column) & (weight.ravel() > 0)
    one_way = csr_array(coo_array((weight.ravel()[kept], (row[kept], column[kept])), shape=(n, n)))
    return csr_array(one_way + one_way.T)


def find_layers(graph: csr_array, resolutions: tuple[float, ...] = RESOLUTIONS) -> list[Ints]:
    """Find nested communities at each resolution.

    Args:
        graph: (n, n) symmetric, weights of 0 or more.
        resolutions: falling.

    Returns:
        per resolution the (n,) community of each row, numbered from 0; every community is a union of those before.
    """
    loops = import_loops("oddloop.discover.grouping.loops")
    assert loops is not None  # noqa: S101  `neighbour_graph` was there first
    total = float(graph.sum(dtype=np.float64)) or 1.0
    community, coarse, layers = np.arange(graph.shape[0]), graph.astype(np.float64), []
    for resolution in resolutions:
        while True:
            strength = np.asarray(coarse.sum(axis=1)).ravel()
            indptr, indices = coarse.indptr.astype(np.int64), coarse.indices.astype(np.int64)
            moved = loops.move_nodes(indptr, indices, coarse.data, strength, total, resolution, _PASSES)
            names, moved = np.unique(moved, return_inverse=True)
            if len(names) == coarse.shape[0]:
                break
            community, coarse = moved[community], _contract(coarse, moved, len(names))
        layers.append(community)
    return layers


def _contract(graph: csr_array, community: Ints, n: int) -> csr_array:
    ones = np.ones(len(community))
    member = csr_array((ones, (np.arange(len(community)), community)), shape=(len(community), n))
    contracted = csr_array(member.T @ graph @ member)
    contracted.sort_indices()
    return contracted
