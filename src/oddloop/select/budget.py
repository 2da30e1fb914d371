"""The budget rule of every policy: walk in the policy's order, take what still fits, skip what does not.

The sum of the costs never exceeds the budget, compared without any tolerance. A skipped scene is skipped for good,
since the rest of the budget only shrinks. So with costs above 0 the first k picks are just what their own cost as
budget would pick. Time O(n) per run of scenes that fit, a few runs in practice; memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.select.pool import Floats, Ints


def check_costs(costs: npt.ArrayLike) -> Floats:
    """Costs as (n,) float64.

    Raises:
        TableError: not one-dimensional, or a cost is NaN, infinite or negative.
    """
    values = np.asarray(costs, dtype=np.float64)
    if values.ndim != 1:
        raise TableError(f"costs must be one number per scene; got shape {values.shape}")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise TableError(f"costs must be finite and 0 or more; row {bad[0]} costs {values[bad[0]]:g}")
    return values


def check_budget(budget: float) -> float:
    """The budget as float; infinity picks all.

    Raises:
        ConfigError: NaN or negative.
    """
    if not budget >= 0:
        raise ConfigError(f"budget must be 0 or more; got {budget}")
    return float(budget)


def walk(order: npt.ArrayLike, costs: npt.ArrayLike, budget: float) -> Ints:
    """Take rows in the given order as long as they fit the budget.

    Args:
        order: row numbers, each at most once, best first.
        costs: (n,) cost of each row, 0 or more.
        budget: what all taken rows may cost together, in the unit of the costs.

    Returns:
        the rows taken, in order.

    Raises:
        TableError, ConfigError: costs or budget are not usable.

    >>> walk([2, 0, 1, 3], costs=[5.0, 1.0, 6.0, 2.0], budget=9.0).tolist()
    [2, 1, 3]
    """
    prices, limit = check_costs(costs), check_budget(budget)
    rest, taken, spent = np.asarray(order, dtype=np.int64), [], 0.0
    while len(rest := rest[spent + prices[rest] <= limit]):
        # Added up one by one from what is spent, so that rounding is the same as in a plain loop.
        running = np.cumsum(np.concatenate([[spent], prices[rest]]))[1:]
        n = int(np.searchsorted(running, limit, side="right"))
        taken.append(rest[:n])
        spent, rest = float(running[n - 1]), rest[n:]
    return np.concatenate([np.zeros(0, dtype=np.int64), *taken])


def most_that_fit(costs: Floats, budget: float) -> int:
    """How many rows any selection under the budget can hold, at most."""
    return int(np.searchsorted(np.cumsum(np.sort(costs)), budget, side="right"))
