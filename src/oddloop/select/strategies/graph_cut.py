"""Graph cut: picked rows should be similar to many rows, and not to each other.

    f(S) = sum over i, j in S of s_ij  -  redundancy x sum over j, k in S of s_jk

with i over all rows (weighted). Submodular; monotone for a redundancy of up to 1/2 and a symmetric similarity. Picking
ends where nothing left adds anything, which for a larger redundancy may be early. Time O(n) per pick at worst, for the
neighbours of what is picked; memory that of the graph. Deviation from Iyer & Bilmes: rows that are not neighbours count
as similarity 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.pool import Floats, Picks
from oddloop.select.strategies.facility import closed_rows
from oddloop.select.strategies.graph import Graph, as_graph
from oddloop.select.strategies.greedy import lazy_greedy
from oddloop.select.strategies.inputs import weights_of


@dataclass
class GraphCut:
    """What each row would add: all its similarity, less that to what is picked.

    Attributes:
        graph: its row j holds how similar j is to others.
        total: (n,) similarity of each row to all, less its own part of the redundancy.
        redundancy: how much similarity between picks counts against them, twice over.
        picked: (n,) similarity of each row to the rows picked so far; changed by `add`.
    """

    graph: Graph
    total: Floats
    redundancy: float
    picked: Floats

    @staticmethod
    def of(similarity: Any, redundancy: float, weights: npt.ArrayLike | None = None) -> GraphCut:
        """Begin with nothing picked."""
        graph = as_graph(similarity)
        columns, values = graph.columns, graph.values
        itself = graph.sums(np.where(graph.parents() == columns, values, 0.0))
        total = graph.sums(weights_of(weights, len(graph))[columns] * values)
        return GraphCut(graph, total - redundancy * itself, redundancy, np.zeros(len(graph)))

    def gains(self) -> Floats:
        """What each row would add."""
        return self.total - 2.0 * self.redundancy * self.picked

    def gain(self, row: int) -> float:
        """What a row would add."""
        return float(self.total[row] - 2.0 * self.redundancy * self.picked[row])

    def add(self, row: int) -> None:
        """Count what is similar to a row as less needed."""
        columns, values = self.graph.entries(row)
        self.picked[columns] += values


def graph_cut_on(
    similarity: Any,
    budget: float,
    *,
    redundancy: float = 0.5,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    weights: npt.ArrayLike | None = None,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows similar to many and not to each other, by given similarities.

    Args:
        similarity: (n, n) symmetric array, SciPy sparse matrix or `Graph`, 0 or more.
        budget: in the unit of the costs.
        redundancy: 0 or more; how much similarity between picks counts against them. 0 picks the most typical only.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are labelled already; similarity to them counts against a row.
        weights: (n,) how much each row matters as one to be similar to; ones by default.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks, the largest gain first, ties by smallest row.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> near = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    >>> picks = graph_cut_on(near, budget=3)
    >>> picks.rows.tolist(), picks.gains.tolist()
    ([1, 0, 2], [1.5, 0.5, 0.5])
    """
    if not 0 <= redundancy < np.inf:
        raise ConfigError(f"redundancy must be 0 or more and finite; got {redundancy}")
    begin = GraphCut.of(similarity, redundancy, weights)
    closed = closed_rows(preselected, len(begin.graph))
    for row in np.flatnonzero(closed):
        begin.add(int(row))
    return lazy_greedy(
        lambda: GraphCut(begin.graph, begin.total, redundancy, begin.picked.copy()),
        budget,
        costs=costs,
        closed=closed,
        per_cost=per_cost,
        best_single=best_single,
    )
