"""Strategies as policies: over the candidates of a pool, given its labelled scenes and costs.

Those that stand for others pick by gain per cost. Those that end early, because what is left adds nothing, spend the
rest of the budget by `kcenter`, which then finds what lies farthest from all.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from oddloop.select.budget import walk
from oddloop.select.kcenter import kcenter
from oddloop.select.pool import Floats, Ints, Picks, Pool, Vectors
from oddloop.select.strategies.drawn import draw_by_score
from oddloop.select.strategies.facility import facility_location
from oddloop.select.strategies.kmeans import kmeans_picks
from oddloop.select.strategies.logdet import logdet
from oddloop.select.strategies.maxherding import maxherding
from oddloop.select.strategies.plus_plus import kmeans_plus_plus
from oddloop.select.strategies.probcover import probcover
from oddloop.select.strategies.typiclust import typiclust

Strategy = Callable[[Vectors, Floats, Vectors], Picks]
"""(vectors, costs, labelled vectors) to picks."""


def pick_power(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`draw_by_score` by power over the candidates that have a score; scores of 0 or less come last."""
    rows = np.flatnonzero(pool.score_valid & np.isfinite(pool.score))
    return _at(rows, draw_by_score(pool.score[rows], budget, rng=rng, costs=pool.costs[rows]))


def pick_typiclust(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`typiclust` over the candidates that have a vector."""
    return _over_vectors(
        pool, lambda points, costs, fixed: typiclust(points, budget, rng=rng, costs=costs, preselected=fixed)
    )


def pick_kmeans(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`kmeans_picks` over the candidates that have a vector, then `kcenter`."""
    return _then_kcenter(
        pool, budget, lambda points, costs, fixed: kmeans_picks(points, budget, rng=rng, costs=costs, preselected=fixed)
    )


def pick_plus_plus(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`kmeans_plus_plus` over the candidates that have a vector."""
    return _over_vectors(
        pool, lambda points, costs, fixed: kmeans_plus_plus(points, budget, rng=rng, costs=costs, preselected=fixed)
    )


def pick_facility_location(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`facility_location` per cost over the candidates that have a vector, then `kcenter`."""
    return _standing_for_most(facility_location, pool, budget, rng)


def pick_maxherding(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`maxherding` per cost over the candidates that have a vector, then `kcenter`."""
    return _standing_for_most(maxherding, pool, budget, rng)


def pick_probcover(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`probcover` per cost over the candidates that have a vector, then `kcenter`."""
    return _standing_for_most(probcover, pool, budget, rng)


def pick_logdet(pool: Pool, budget: float, _rng: np.random.Generator) -> Picks:
    """`logdet` per cost over the candidates that have a vector; zero vectors are never picked."""
    return _over_vectors(
        pool, lambda points, costs, fixed: logdet(points, budget, costs=costs, preselected=fixed, per_cost=True)
    )


def _standing_for_most(strategy: Callable[..., Picks], pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """By gain per cost alone, so that a smaller budget gives the first of the same picks; then `kcenter`."""
    weights = None if pool.stands_for is None else pool.stands_for[pool.has_vector]
    how = {"rng": rng, "per_cost": True, "best_single": False, "weights": weights}
    return _then_kcenter(
        pool, budget, lambda points, costs, fixed: strategy(points, budget, costs=costs, preselected=fixed, **how)
    )


def _over_vectors(pool: Pool, strategy: Strategy) -> Picks:
    rows = np.flatnonzero(pool.has_vector)
    points = pool.vectors if len(rows) == len(pool) else pool.vectors[rows]
    return _at(rows, strategy(points, pool.costs[rows], pool.labelled_vectors))


def _then_kcenter(pool: Pool, budget: float, strategy: Strategy) -> Picks:
    """The strategy's picks, then those of k-center from what is left of the budget, without gains: other units."""

    def both(points: Vectors, costs: Floats, fixed: Vectors) -> Picks:
        first = strategy(points, costs, fixed)
        rest = np.setdiff1d(np.arange(len(points)), first.rows)
        # A little more, since a difference is rounded; the walk keeps to the budget.
        left = (budget - float(costs[first.rows].sum())) * (1 + 1e-9)
        if not len(rest) or costs[rest].min() > left:
            return first
        known = np.concatenate([fixed.reshape(-1, points.shape[1]), points[first.rows]])
        more = kcenter(points[rest], costs[rest], left, preselected=known)
        rows = walk(np.concatenate([first.rows, rest[more.rows]]), costs, budget)
        gains = np.full(len(rows), np.nan)
        gains[: len(first.rows)] = first.gains
        return Picks(rows, gains)

    return _over_vectors(pool, both)


def _at(rows: Ints, picks: Picks) -> Picks:
    return Picks(rows[picks.rows], picks.gains)
