"""From a library's order to picks under the budget, which no library knows.

A library is asked for as many scenes as the budget pays for at most, and its order is walked as by any policy: what
does not fit is skipped. Where scenes have unequal costs and something that was not named still fits, it is asked for
twice as many, from the start and with the same seed. Time and memory are the library's own, at most log2(n) times.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oddloop.select.adapters.question import CannotAnswerError, Question, Strategy, numpy_seed, two_classes
from oddloop.select.budget import check_budget, check_costs, most_that_fit, walk
from oddloop.select.pool import NO_PICKS, Bools, Floats, Ints, Picks, Pool


def pick_by_library(strategy: Strategy, target: Any, pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """Picks in the order of a library's strategy.

    Args:
        strategy: how it is asked, and what it needs.
        target: the library's function or class.
        pool: the candidates; rows without what the strategy needs are never picked.
        budget: in the cost unit.
        rng: gives the seed.

    Returns:
        picks without gains, for the libraries' own numbers are not comparable. Nothing usable, no picks.

    Raises:
        CannotAnswerError: the answer holds a row twice, or one that there is not.
    """
    rows = np.flatnonzero(_usable(strategy, pool))
    costs, limit = check_costs(pool.costs)[rows], check_budget(budget)
    seed = int(rng.integers(2**31))
    count = most_that_fit(costs, limit)
    if not count:
        return NO_PICKS
    while True:
        with numpy_seed(seed):
            order = _check(strategy.order(target, _question(strategy, pool, rows, seed), count), len(rows))
        taken = walk(order, costs, limit)
        if len(order) < count or not _more_fits(order, taken, costs, limit):
            return Picks(rows[taken], np.full(len(taken), np.nan))
        count = min(2 * count, len(rows))


def _usable(strategy: Strategy, pool: Pool) -> Bools:
    usable: Bools = np.ones(len(pool), dtype=bool)
    if strategy.scores:
        usable &= pool.score_valid & np.isfinite(pool.score)
    if strategy.needs_vectors:
        usable &= pool.has_vector
    return usable


def _question(strategy: Strategy, pool: Pool, rows: Ints, seed: int) -> Question:
    """A fresh copy each time, since a library may have written into the last one."""
    width = slice(None) if strategy.needs_vectors else slice(0)
    score = pool.score[rows].astype(np.float64) if strategy.scores else np.zeros(len(rows))
    return Question(
        vectors=pool.vectors[rows, width].astype(np.float64),
        labelled=pool.labelled_vectors[:, width].astype(np.float64),
        probs=two_classes(score),
        seed=seed,
    )


def _check(answer: Any, n: int) -> Ints:
    order = np.asarray(answer)
    if order.ndim != 1 or (len(order) and order.dtype.kind not in "iu"):
        raise CannotAnswerError(f"the library answered with no list of row numbers: {answer!r:.80}")
    order = order.astype(np.int64)
    outside = order[(order < 0) | (order >= n)]
    if len(outside):
        raise CannotAnswerError(f"the library answered with row {outside[0]} of {n} candidates")
    found, counts = np.unique(order, return_counts=True)
    if (counts > 1).any():
        raise CannotAnswerError(f"the library answered with candidate {found[counts > 1][0]} more than once")
    return order


def _more_fits(order: Ints, taken: Ints, costs: Floats, limit: float) -> bool:
    """Whether a candidate that the library has not named yet would still fit."""
    unnamed = np.ones(len(costs), dtype=bool)
    unnamed[order] = False
    return bool(unnamed.any() and costs[unnamed].min() <= limit - costs[taken].sum())
