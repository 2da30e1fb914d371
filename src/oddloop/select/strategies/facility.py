"""Facility location: each row is stood for by the picked row most similar to it, and the sum of that is to be large.

    f(S) = sum over i of w_i max(c_i, max over j in S of s_ij)

with s_ij how well row j stands for row i, w_i its weight, and c_i how well what is labelled already stands for it.
One objective for many names: facility location (any similarity), MaxHerding (Gaussian kernel; Bae et al. 2024) and
ProbCover (1 within a radius; Yehuda et al. 2022). Monotone and submodular, so greedy picks are worth at least 1 - 1/e
of the best (see `greedy`). Time: one pass over the graph, then a few rows of it per pick; memory that of the graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.nearest import nearest
from oddloop.select.pool import Bools, Floats, Ints, Picks, Vectors
from oddloop.select.strategies.graph import KERNELS, Graph, Kernel, as_graph, similarity_graph
from oddloop.select.strategies.greedy import lazy_greedy
from oddloop.select.strategies.inputs import Inputs, seed_of, weights_of


@dataclass
class FacilityLocation:
    """How well each row is stood for by the rows picked so far.

    Attributes:
        graph: its row j holds how well j stands for others.
        weights: (n,) of the rows that are stood for.
        best: (n,) how well each is stood for; changed by `add`.
    """

    graph: Graph
    weights: Floats
    best: Floats

    @staticmethod
    def of(
        similarity: Any, weights: npt.ArrayLike | None = None, covered: npt.ArrayLike | None = None
    ) -> FacilityLocation:
        """Begin with how well each row is stood for already; 0 by default."""
        graph = as_graph(similarity)
        best = np.zeros(len(graph)) if covered is None else weights_of(covered, len(graph), "covered").copy()
        return FacilityLocation(graph, weights_of(weights, len(graph)), best)

    def gains(self) -> Floats:
        """What each row would add."""
        columns = self.graph.columns
        return self.graph.sums(self.weights[columns] * np.maximum(self.graph.values - self.best[columns], 0.0))

    def gain(self, row: int) -> float:
        """What a row would add."""
        columns, values = self.graph.entries(row)
        return float((self.weights[columns] * np.maximum(values - self.best[columns], 0.0)).sum())

    def add(self, row: int) -> None:
        """Let a row stand for others."""
        columns, values = self.graph.entries(row)
        self.best[columns] = np.maximum(self.best[columns], values)


def facility_location_on(
    similarity: Any,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    covered: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows that stand for all others, by given similarities.

    Args:
        similarity: (n, n) array, SciPy sparse matrix or `Graph`; (i, j) is how well j stands for i, 0 or more.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are labelled already: they stand for others, cost nothing and are not picked.
        covered: (n,) how well each row is stood for by anything else, in the unit of the similarities; 0 by default.
        weights: (n,) how much each row matters; ones by default.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks, the largest gain first, ties by smallest row. Ends early when no row left adds anything.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> near = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    >>> facility_location_on(near, budget=2, preselected=[0]).rows.tolist()
    [1, 2]
    """
    begin = FacilityLocation.of(similarity, weights, covered)
    closed = closed_rows(preselected, len(begin.graph))
    for row in np.flatnonzero(closed):
        begin.add(int(row))
    return lazy_greedy(
        lambda: FacilityLocation(begin.graph, begin.weights, begin.best.copy()),
        budget,
        costs=costs,
        closed=closed,
        per_cost=per_cost,
        best_single=best_single,
    )


def facility_location(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    kernel: Kernel = "linear",
    scale: float | None = None,
    n_neighbours: int = 64,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows that stand for all others, similar rows being each other's nearest neighbours.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        weights: (n,) how much each row matters; ones by default.
        rng: source of the seed of cells, which only matter beyond 60,000 rows.
        kernel: similarity by distance; see `similarity_graph`.
        scale: of the kernel; see `similarity_graph`.
        n_neighbours: of each row in the graph.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        as `facility_location_on`.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    >>> facility_location(line, 2).rows.tolist()
    [2, 3]
    """
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    graph = similarity_graph(given.points, kernel=kernel, scale=scale, n_neighbours=n_neighbours, seed=seed_of(rng))
    covered = similarity_to(given.points, given.fixed, kernel, graph.scale)
    return facility_location_on(
        graph,
        budget,
        costs=given.costs,
        covered=covered,
        weights=given.weights,
        per_cost=per_cost,
        best_single=best_single,
    )


def similarity_to(points: Vectors, others: Vectors, kernel: Kernel, scale: float) -> Floats:
    """(n,) similarity of each point to the most similar of `others`; 0 without any."""
    if not len(others) or not len(points):
        return np.zeros(len(points))
    # As coarse as the similarities of a graph, so that a row labelled already adds exactly nothing.
    return KERNELS[kernel](nearest(points, others)[0], scale).astype(np.float32).astype(np.float64)


def closed_rows(preselected: npt.ArrayLike, n: int) -> Bools:
    """(n,) which rows are preselected.

    Raises:
        TableError: not row numbers, or not of this pool.
    """
    rows: Ints = np.asarray(preselected)
    if rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise TableError(f"preselected must be row numbers; got {preselected!r:.80}")
    if len(rows) and (rows.min() < 0 or rows.max() >= n):
        raise TableError(f"preselected must be rows 0 to {n - 1}; got {rows.min()} to {rows.max()}")
    closed = np.zeros(n, dtype=bool)
    closed[rows.astype(np.int64)] = True
    return closed
