"""Policies that need no geometry: the highest scores, and chance.

Both are usable on bare arrays. Time O(n log n), memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_costs, walk
from oddloop.select.discounted import discounted_top_k
from oddloop.select.pool import Picks, Pool


def top_k(score: npt.ArrayLike, valid: npt.ArrayLike, costs: npt.ArrayLike, budget: float) -> Picks:
    """Pick the highest scores that fit the budget.

    Args:
        score: (n,) larger = more worth labelling, in any unit.
        valid: (n,) bool; rows that are not valid, and scores that are not finite, are never picked.
        costs: (n,) cost of each row, finite, 0 or more.
        budget: in the unit of the costs.

    Returns:
        picks by falling score, ties by smallest row; a pick's gain is its score. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, or costs or budget are not usable.

    >>> top_k([0.2, 0.9, 0.9, 0.5], [True, True, True, False], [1, 1, 1, 1], budget=2).rows.tolist()
    [1, 2]
    """
    scores, mask, prices = np.asarray(score, dtype=np.float64), np.asarray(valid, dtype=bool), check_costs(costs)
    if not scores.shape == mask.shape == prices.shape:
        raise TableError(f"score, valid and costs differ in shape: {scores.shape}, {mask.shape}, {prices.shape}")
    usable = mask & np.isfinite(scores)
    order = np.argsort(-scores, kind="stable")
    rows = walk(order[usable[order]], prices, budget)
    return Picks(rows, scores[rows])


def random(costs: npt.ArrayLike, budget: float, rng: np.random.Generator) -> Picks:
    """Pick rows by chance: the control that every other policy is measured against.

    Args:
        costs: (n,) cost of each row, finite, 0 or more.
        budget: in the unit of the costs.
        rng: source of the one permutation that is drawn.

    Returns:
        picks in the order drawn, without gains. No rows, no picks.

    Raises:
        TableError, ConfigError: costs or budget are not usable.

    >>> len(random([1.0, 1.0, 1.0], budget=2.0, rng=np.random.default_rng(0)).rows)
    2
    """
    prices = check_costs(costs)
    rows = walk(rng.permutation(len(prices)), prices, budget)
    return Picks(rows, np.full(len(rows), np.nan))


def pick_by_score(pool: Pool, budget: float, _rng: np.random.Generator) -> Picks:
    """`top_k` over a pool, less what is taken off beside labelled and picked scenes."""
    if pool.redundancy is not None:
        return discounted_top_k(pool.score, pool.score_valid, pool.costs, budget, pool.redundancy)
    return top_k(pool.score, pool.score_valid, pool.costs, budget)


def pick_at_random(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`random` over a pool."""
    return random(pool.costs, budget, rng)
