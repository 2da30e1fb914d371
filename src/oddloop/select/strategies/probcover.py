"""ProbCover: rows whose ball of a given radius holds the most rows that no ball holds yet.

Yehuda et al. 2022; for first rounds. As facility location with a similarity of 1 within the radius and 0 beyond. The
radius comes from the data: among rows grouped by k-means, it is the 5 % quantile of the distance to the nearest row of
another group, so that about 95 % of all balls are of one group only, which is the paper's purity of 0.95. Deviations: a
ball holds at most the rows that are joined in the graph; of more than 2,000 rows, evenly spaced ones stand for all
when the radius is chosen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.nearest import nearest
from oddloop.select.pool import Floats, Ints, Picks, Vectors
from oddloop.select.strategies.facility import facility_location
from oddloop.select.strategies.inputs import Inputs
from oddloop.select.strategies.kmeans import kmeans_groups

_QUANTILE = 0.05
_SAMPLE = 2000
_MOST_GROUPS = 50


def probcover(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    radius: float | None = None,
    n_neighbours: int = 128,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows whose balls hold the most rows.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        rng: source of the groups that the radius is chosen by, and of cells beyond 60,000 rows.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        weights: (n,) how much each row counts; ones by default.
        radius: in the units of the vectors; None chooses it by `purity_radius`.
        n_neighbours: of each row in the graph.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks; a pick's gain is the weight of the rows that its ball holds and none before. Ties by smallest row. Ends
        when every row lies in a ball.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [9.0]])
    >>> picks = probcover(line, 3, rng=np.random.default_rng(0), radius=1.0)
    >>> picks.rows.tolist(), picks.gains.tolist()
    ([1, 3], [3.0, 1.0])
    """
    points = Inputs.of(vectors, budget, costs, preselected, weights).points
    return facility_location(
        points,
        budget,
        costs=costs,
        preselected=preselected,
        weights=weights,
        rng=rng,
        kernel="ball",
        scale=purity_radius(points, rng) if radius is None else radius,
        n_neighbours=n_neighbours,
        per_cost=per_cost,
        best_single=best_single,
    )


def purity_radius(points: Vectors, rng: np.random.Generator, *, n_groups: int | None = None) -> float:
    """Radius within which about 95 % of all rows have only rows of their own group.

    Args:
        points: (n, d) finite.
        rng: source of the groups.
        n_groups: of k-means; None takes one per 20 rows, at least 2 and at most 50.

    Returns:
        the radius, above 0; 1 where all rows are equal.

    >>> purity_radius(np.array([[0.0], [1.0], [9.0], [10.0]]), np.random.default_rng(0))
    8.0
    """
    k = min(max(len(points) // 20, 2), _MOST_GROUPS) if n_groups is None else n_groups
    labels = kmeans_groups(points, k, rng).labels
    apart = _to_another_group(points, labels)
    apart = apart[(apart > 0) & np.isfinite(apart)]
    return float(np.quantile(apart, _QUANTILE, method="lower")) if len(apart) else 1.0


def _to_another_group(points: Vectors, labels: Ints) -> Floats:
    """Distance of evenly spaced rows to the nearest row of another group; infinite where there is only one."""
    m = min(len(points), _SAMPLE)
    rows = np.arange(m) * len(points) // max(m, 1)
    result = np.full(m, np.inf)
    for label in np.unique(labels):
        foreign = np.flatnonzero(labels[rows] != label)
        if len(foreign):
            distance = nearest(points[rows[foreign]], points[labels == label])[0]
            result[foreign] = np.minimum(result[foreign], distance)
    return result
