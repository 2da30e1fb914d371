"""The highest scores, each less what is taken off beside scenes that are labelled or picked already.

Lazy greedy (`strategies.greedy`): what is left of a score never rises. Time O(n log n) and a few questions per pick;
memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_budget, check_costs
from oddloop.select.pool import Picks
from oddloop.select.redundancy import Redundancy
from oddloop.select.strategies.greedy import BoundQueue


def discounted_top_k(
    score: npt.ArrayLike, valid: npt.ArrayLike, costs: npt.ArrayLike, budget: float, redundancy: Redundancy
) -> Picks:
    """Pick the highest scores that fit the budget, each less what is taken off beside labelled and picked rows.

    Args:
        score: (n,) larger = more worth labelling, in any unit; how far it is above the lowest is what can be taken off.
        valid: (n,) bool; rows that are not valid, and scores that are not finite, are never picked.
        costs: (n,) cost of each row, finite, 0 or more.
        budget: in the unit of the costs.
        redundancy: of these rows first; it is not changed.

    Returns:
        picks in order, ties by smallest row; a pick's gain is its score. Rows of which nothing is left are not picked.

    Raises:
        TableError, ConfigError: shapes differ, or costs or budget are not usable.

    >>> import pyarrow as pa
    >>> from oddloop.config import RedundancyConfig
    >>> from oddloop.select.redundancy import redundancy_of
    >>> logs = pa.table({"log_id": ["a", "a", "b", "c"]})
    >>> redundancy = redundancy_of(logs, np.arange(4), np.arange(0), RedundancyConfig(log=0.5))
    >>> discounted_top_k([9.0, 8.0, 5.0, 0.0], [True] * 4, [1.0] * 4, 2.0, redundancy).rows.tolist()
    [0, 2]
    """
    scores, mask, prices = np.asarray(score, dtype=np.float64), np.asarray(valid, dtype=bool), check_costs(costs)
    if not scores.shape == mask.shape == prices.shape or len(redundancy.factor) < len(scores):
        raise TableError(
            f"score, valid, costs and redundancy differ in shape: {scores.shape}, {mask.shape}, {prices.shape}, "
            f"{redundancy.factor.shape}"
        )
    usable, left = mask & np.isfinite(scores), redundancy.copy()
    above = np.where(usable, scores - scores[usable].min(initial=np.inf), 0.0) + _LEAST * usable
    queue, limit, spent = BoundQueue(above * left.factor[: len(scores)]), check_budget(budget), 0.0
    rows: list[int] = []
    while (row := queue.pop()) is not None:
        if spent + prices[row] > limit:
            continue
        if queue.answered(row) != len(rows):
            queue.push(row, float(above[row] * left.factor[row]), len(rows))
            continue
        rows.append(row)
        spent += float(prices[row])
        left.add(row)
    picked = np.array(rows, dtype=np.int64)
    return Picks(picked, scores[picked])


_LEAST = 1e-300
"""So that the lowest score, too, is picked where the budget pays for all."""
