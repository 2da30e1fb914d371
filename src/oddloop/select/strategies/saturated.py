"""Saturated coverage: every row should have enough that is similar to it, and more than enough counts for nothing.

    f(S) = sum over i of w_i min(sum over j in S of s_ij, saturation x sum over all j of s_ij)

Monotone and submodular (Lin & Bilmes 2011). Time: one pass over the graph, then a few rows of it per pick; memory that
of the graph. Deviation: rows that are not neighbours count as similarity 0.
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
class SaturatedCoverage:
    """How much each row can still take.

    Attributes:
        graph: its row j holds how well j stands for others.
        weights: (n,) of the rows that are stood for.
        room: (n,) what is missing until each row has enough; changed by `add`.
    """

    graph: Graph
    weights: Floats
    room: Floats

    @staticmethod
    def of(similarity: Any, saturation: float, weights: npt.ArrayLike | None = None) -> SaturatedCoverage:
        """Begin with nothing picked."""
        graph = as_graph(similarity)
        total = np.bincount(graph.columns, weights=graph.values, minlength=len(graph))
        room = np.multiply(total, saturation, dtype=np.float64)
        return SaturatedCoverage(graph, weights_of(weights, len(graph)), room)

    def gains(self) -> Floats:
        """What each row would add."""
        columns = self.graph.columns
        return self.graph.sums(self.weights[columns] * np.minimum(self.graph.values, self.room[columns]))

    def gain(self, row: int) -> float:
        """What a row would add."""
        columns, values = self.graph.entries(row)
        return float((self.weights[columns] * np.minimum(values, self.room[columns])).sum())

    def add(self, row: int) -> None:
        """Let a row fill the room of others."""
        columns, values = self.graph.entries(row)
        self.room[columns] = np.maximum(self.room[columns] - values, 0.0)


def saturated_coverage_on(
    similarity: Any,
    budget: float,
    *,
    saturation: float = 0.1,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    weights: npt.ArrayLike | None = None,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows until every row has enough that is similar to it, by given similarities.

    Args:
        similarity: (n, n) array, SciPy sparse matrix or `Graph`; (i, j) is how well j stands for i, 0 or more.
        budget: in the unit of the costs.
        saturation: above 0, at most 1: the share of all similarity to a row that is enough.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are labelled already: they fill room, cost nothing and are not picked.
        weights: (n,) how much each row matters; ones by default.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks, the largest gain first, ties by smallest row. Ends early when all have enough.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> near = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    >>> picks = saturated_coverage_on(near, budget=3, saturation=0.5)
    >>> picks.rows.tolist(), picks.gains.tolist()
    ([1, 0, 2], [2.0, 0.25, 0.25])
    """
    if not 0 < saturation <= 1:
        raise ConfigError(f"saturation must be above 0, at most 1; got {saturation}")
    begin = SaturatedCoverage.of(similarity, saturation, weights)
    closed = closed_rows(preselected, len(begin.graph))
    for row in np.flatnonzero(closed):
        begin.add(int(row))
    return lazy_greedy(
        lambda: SaturatedCoverage(begin.graph, begin.weights, begin.room.copy()),
        budget,
        costs=costs,
        closed=closed,
        per_cost=per_cost,
        best_single=best_single,
    )
