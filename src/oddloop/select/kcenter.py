"""Greedy k-center: always the scene farthest from all that is labelled or picked.

The radius (largest distance of a scene to its nearest centre) is at most twice the best possible (Gonzalez 1985); as a
"core-set" for active learning: Sener & Savarese 2018. Deviation: scenes have unequal costs, and one that no longer fits
the budget is skipped, whereupon the factor holds only for the scenes that fit. Growth: see `cover`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_budget, check_costs, most_that_fit
from oddloop.select.cover import Cover
from oddloop.select.frame import check_vectors
from oddloop.select.pool import Picks, Pool


def kcenter(
    vectors: npt.ArrayLike, costs: npt.ArrayLike, budget: float, *, preselected: npt.ArrayLike | None = None
) -> Picks:
    """Pick rows that lie far from each other and from `preselected`.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        costs: (n,) cost of each row, finite, 0 or more.
        budget: in the unit of the costs.
        preselected: (m, d) vectors of what is labelled already; they count as centres and cost nothing.

    Returns:
        picks, farthest first, ties by smallest row. A pick's gain is its distance to the nearest centre when it was
        picked, which never rises. Without `preselected` the first pick is the row nearest to the mean, without a gain.
        Picking ends early when every row left coincides with a centre, for such a row adds nothing that vectors can
        tell. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or costs or budget are not usable.

    >>> line = np.array([[0.0], [1.0], [5.0], [6.0], [20.0]])
    >>> picks = kcenter(line, np.ones(5), budget=3, preselected=[[0.0]])
    >>> picks.rows.tolist(), picks.gains.tolist()
    ([4, 3, 1], [20.0, 6.0, 1.0])
    """
    points, prices, limit = check_vectors(vectors, "vectors"), check_costs(costs), check_budget(budget)
    fixed = points[:0] if preselected is None else check_vectors(preselected, "preselected")
    if len(points) != len(prices) or (len(fixed) and fixed.shape[1] != points.shape[1]):
        raise TableError(f"vectors {points.shape}, costs {prices.shape} and preselected {fixed.shape} do not match")
    cover = Cover(points, fixed if len(fixed) else points[:0], most_that_fit(prices, limit))
    rows: list[int] = []
    gains: list[float] = []
    spent = 0.0
    cover.close(prices > limit)
    while (row := cover.farthest()) is not None:
        rows.append(row)
        gains.append(cover.distance(row))
        spent += float(prices[row])
        cover.add(row)
        cover.close(spent + prices > limit)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


def pick_kcenter(pool: Pool, budget: float, _rng: np.random.Generator) -> Picks:
    """`kcenter` over the candidates of a pool that have a vector, given the labelled scenes."""
    rows = np.flatnonzero(pool.has_vector)
    vectors = pool.vectors if len(rows) == len(pool) else pool.vectors[rows]
    picks = kcenter(vectors, pool.costs[rows], budget, preselected=pool.labelled_vectors)
    return Picks(rows[picks.rows], picks.gains)
