"""MaxHerding: rows that stand for all others by a Gaussian kernel.

Bae et al. 2024: generalised coverage, the mean over all rows of the largest kernel value to a picked row. It is
facility location with that kernel, and unlike ProbCover hardly depends on its width. Deviation: rows that are not
neighbours count as similarity 0. Time and memory: see `facility`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.pool import Picks
from oddloop.select.strategies.facility import facility_location


def maxherding(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    width: float | None = None,
    n_neighbours: int = 64,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows that stand for all others by a Gaussian kernel.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        weights: (n,) how much each row matters, such as its uncertainty (UncertaintyHerding); ones by default.
        rng: source of the seed of cells, which only matter beyond 60,000 rows.
        width: of the kernel exp(-d^2 / (2 width^2)), in the units of the vectors; None takes the median distance of all
            neighbours.
        n_neighbours: of each row in the graph.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks with the coverage that each added, ties by smallest row. Ends early when no row left adds anything.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    >>> maxherding(line, 2, width=1.0).rows.tolist()
    [1, 3]
    """
    return facility_location(
        vectors,
        budget,
        costs=costs,
        preselected=preselected,
        weights=weights,
        rng=rng,
        kernel="gaussian",
        scale=width,
        n_neighbours=n_neighbours,
        per_cost=per_cost,
        best_single=best_single,
    )
