"""Score, then diversity, then balance: the policy `funnel`.

First the highest scores are kept, a share of all candidates by cost; of these the most diverse go first, each adding
most to how well all that are kept are stood for (facility location); last, groups take turns, always the one that has
cost least so far. What diversity leaves unordered follows by score, and then what was not kept. Time and memory: those
of facility location over the rows kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.select.budget import check_budget, walk
from oddloop.select.policies import top_k
from oddloop.select.pool import NO_PICKS, Floats, Ints, Picks, Pool
from oddloop.select.strategies.facility import facility_location


def funnel(
    score: npt.ArrayLike,
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike,
    keep: float = 0.2,
    groups: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> Picks:
    """Pick diverse rows of high score, in equal parts from each group.

    Args:
        score: (n,) larger = more worth labelling; rows that are not finite are never picked.
        vectors: (n, d) in units in which Euclidean distance means something, finite where the score is.
        budget: in the unit of the costs.
        costs: (n,) cost of each row, finite, 0 or more.
        keep: share of the cost of all rows that those kept by score have, above 0 and at most 1.
        groups: (n,) whole numbers; None for one group.
        preselected: (m, d) vectors of what is labelled already.
        rng: source of the seed of facility location.

    Returns:
        picks in order; a pick's gain is its score. With equal costs the picks of a smaller budget are the first of
            these.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> line = np.array([[0.0], [0.1], [9.0], [5.0]])
    >>> funnel([0.9, 0.8, 0.7, 0.1], line, 2.0, costs=[1, 1, 1, 1], keep=0.75).rows.tolist()
    [1, 2]
    """
    scores, prices = np.asarray(score, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    limit = check_budget(budget)
    if not 0 < keep <= 1:
        raise ConfigError(f"keep must be above 0 and at most 1; got {keep}")
    of_group = np.zeros(len(scores), dtype=np.int64) if groups is None else np.asarray(groups)
    if of_group.shape != scores.shape:
        raise TableError(f"groups must be one number per row, {len(scores)} of them; got shape {of_group.shape}")
    ranked = top_k(scores, np.isfinite(scores), prices, np.inf).rows
    if not len(ranked):
        return NO_PICKS
    kept = ranked[: max(int(np.searchsorted(np.cumsum(prices[ranked]), prices[ranked].sum() * keep, "right")), 1)]
    diverse = facility_location(
        np.asarray(vectors)[kept], np.inf, costs=prices[kept], preselected=preselected, rng=rng,
        per_cost=True, best_single=False,
    ).rows  # fmt: skip
    order = np.concatenate([kept[diverse], np.delete(kept, diverse), ranked[len(kept) :]])
    rows = _in_turns(order, of_group, prices, limit)
    return Picks(rows, scores[rows])


def pick_funnel(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`funnel` over the candidates of a pool that have a score and a vector."""
    return funnel(
        np.where(pool.score_valid & pool.has_vector, pool.score, np.nan),
        pool.vectors,
        budget,
        costs=pool.costs,
        keep=pool.funnel.keep,
        groups=pool.groups,
        preselected=pool.labelled_vectors if len(pool.labelled_vectors) else None,
        rng=rng,
    )


def _in_turns(order: Ints, groups: Ints, prices: Floats, budget: float) -> Ints:
    """Rows in order, the group that has cost least first, as long as they fit the budget."""
    if len(np.unique(groups[order])) == 1:
        return walk(order, prices, budget)
    queues = {int(group): list(order[groups[order] == group][::-1]) for group in np.unique(groups[order])}
    cost_of, spent, taken = dict.fromkeys(queues, 0.0), 0.0, []
    cheapest = prices[order].min()
    while queues and spent + cheapest <= budget:  # after that nothing fits
        group = min(queues, key=lambda one: (cost_of[one], one))
        row = int(queues[group].pop())
        if not queues[group]:
            del queues[group]
        if spent + prices[row] > budget:
            continue
        taken.append(row)
        spent += float(prices[row])
        cost_of[group] += float(prices[row])
    return np.array(taken, dtype=np.int64)
