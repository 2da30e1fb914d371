"""The compiled loops of grouping; imported by `oddloop.compiled.import_loops` only, since it imports numba."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.compiled import compile_loop

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@compile_loop
def shared_neighbours(neighbours: Ints, weight: npt.NDArray[np.float32]) -> None:
    """Jaccard overlap of the neighbour lists of each row and each of its neighbours, into `weight` (n, k).

    A list holds its own row; -1 ends it where there are fewer neighbours than k.
    """
    n, k = neighbours.shape
    mark = np.full(n, -1, dtype=np.int64)
    for i in range(n):
        own = 0
        for a in range(k):
            if neighbours[i, a] >= 0:
                mark[neighbours[i, a]] = i
                own += 1
        for a in range(k):
            j = neighbours[i, a]
            common, other = 0, 0
            if j < 0:
                weight[i, a] = 0.0
                continue
            for b in range(k):
                if neighbours[j, b] >= 0:
                    other += 1
                    common += mark[neighbours[j, b]] == i
            weight[i, a] = common / (own + other - common)


@compile_loop
def _weigh(i: int, indptr: Ints, indices: Ints, data: Floats, community: Ints, weight: Floats, touched: Ints) -> int:
    """Sum the edges of a node by community into `weight`; lists the communities in `touched`, and counts them."""
    n_touched = 0
    for e in range(indptr[i], indptr[i + 1]):
        c = community[indices[e]]
        if indices[e] != i:
            if weight[c] == 0.0:
                touched[n_touched] = c
                n_touched += 1
            weight[c] += data[e]
    return n_touched


@compile_loop
def _best(own: int, touched: Ints, weight: Floats, volume: Floats, pull: float) -> int:
    """Community of greatest gain; a tie goes to the smaller number."""
    best, most = own, weight[own] - pull * volume[own]
    for c in touched:
        gain = weight[c] - pull * volume[c]
        if gain > most + 1e-12 or (gain >= most and c < best):
            best, most = c, gain
    return best


@compile_loop
def move_nodes(
    indptr: Ints, indices: Ints, data: Floats, strength: Floats, total: float, resolution: float, passes: int
) -> Ints:
    """Louvain's first phase: move nodes to the neighbouring community of greatest modularity until none moves.

    Nodes go in order, and a tie goes to the community of the smaller number, so the result is the same every time.
    """
    n = len(indptr) - 1
    community, volume = np.arange(n), strength.copy()
    weight, touched = np.zeros(n), np.empty(n, dtype=np.int64)
    waiting = np.ones(n, dtype=np.bool_)
    for _ in range(passes):
        n_moved = 0
        for i in range(n):
            if not waiting[i]:
                continue
            waiting[i] = False
            own = community[i]
            n_touched = _weigh(i, indptr, indices, data, community, weight, touched)
            volume[own] -= strength[i]
            pull = resolution * strength[i] / total
            best = _best(own, touched[:n_touched], weight, volume, pull)
            weight[touched[:n_touched]] = 0.0
            volume[best] += strength[i]
            if best != own:
                community[i] = best
                n_moved += 1
                for e in range(indptr[i], indptr[i + 1]):
                    if community[indices[e]] != best:
                        waiting[indices[e]] = True
        if n_moved == 0:
            break
    return community
