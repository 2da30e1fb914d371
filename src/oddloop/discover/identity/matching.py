"""Which new cluster is which old one: the pairing of greatest summed Jaccard among pairs that overlap enough.

Raw counts would let big clusters take everything, so overlap is Jaccard's. Pairs below the threshold are never made.
Pairs fall into small islands, each solved exactly by the Hungarian method (Kuhn 1955); time is the cube of the largest
island, which at a threshold of one half is a handful of nested clusters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]


def pair_up(jaccard: csr_array, threshold: float) -> Ints:
    """Pair old with new clusters.

    Args:
        jaccard: (o, k) sparse overlap, each in [0, 1].
        threshold: least overlap of a pair, in (0, 1].

    Returns:
        (k,) the old cluster of each new one, -1 where it has none; no old one twice. Ties go to the smaller old and the
        smaller new index.

    >>> pair_up(csr_array(np.array([[0.9, 0.6], [0.0, 0.5]])), 0.5).tolist()
    [0, 1]
    """
    n_old, n_new = jaccard.shape
    pairs = jaccard.tocoo()
    kept = pairs.data >= threshold
    edges = csr_array((pairs.data[kept], (pairs.row[kept], pairs.col[kept])), shape=jaccard.shape)
    partner = np.full(n_new, -1, dtype=np.int64)
    if not edges.nnz:
        return partner
    pairs = edges.tocoo()
    links = (np.ones(pairs.nnz), (pairs.row, pairs.col + n_old))
    graph = csr_array(links, shape=(n_old + n_new, n_old + n_new))
    island = connected_components(graph, directed=False)[1].astype(np.int64)
    for rows, columns in _islands(island[:n_old], island[n_old:], edges):
        overlap = edges[rows][:, columns].toarray()
        # A pair below the threshold must not be worth anything, nor cost a better one.
        row, column = linear_sum_assignment(overlap, maximize=True)
        made = overlap[row, column] > 0
        partner[columns[column[made]]] = rows[row[made]]
    return partner


def _islands(old: Ints, new: Ints, edges: csr_array) -> list[tuple[Ints, Ints]]:
    """Rows and columns of each island that has an edge."""
    used = np.unique(old[np.unique(edges.tocoo().row)])
    by_old, by_new = (np.argsort(part, kind="stable") for part in (old, new))
    spans = [(np.searchsorted(part[order], used, side), order) for part, order in ((old, by_old), (new, by_new))
             for side in ("left", "right")]  # fmt: skip
    (a, order_old), (b, _), (c, order_new), (d, _) = spans
    return [(order_old[a[i] : b[i]], order_new[c[i] : d[i]]) for i in range(len(used))]
