"""The plainest greedy, and what every strategy's picks must keep to; fixtures that are functions."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from oddloop.select import Picks


def _greedy_naive(value, costs, budget, *, closed=(), per_cost=False, best_single=True, least=1e-12):
    """Ask every row at every step what the whole set would be worth with it: `value(list of rows) -> float`.

    Or, where a difference of two values would lose digits, `value(rows, row) -> float` is what a row adds.
    """
    n, limit = len(costs), budget
    adds = value if len(inspect.signature(value).parameters) == 2 else lambda rows, r: value([*rows, r]) - value(rows)
    rows, gains, spent = _ask_all(adds, costs, limit, [], list(closed), per_cost, n, least)
    if per_cost and best_single:
        singles = {r: adds([], r) for r in range(n) if r not in closed and costs[r] <= limit}
        best = max(singles.values(), default=0.0)
        if best > sum(gains) * (1 + 1e-9):
            single = min(r for r, v in singles.items() if v == best)
            rows, gains, spent = _ask_all(adds, costs, limit, [single], list(closed), True, n, least)
            gains = [best, *gains]
    assert spent <= budget
    return rows, gains


def _ask_all(adds, costs, limit, begin, closed, per_cost, n, least):
    rows, gains, spent = list(begin), [], float(sum(costs[r] for r in begin))
    while True:
        left = [r for r in range(n) if r not in rows and r not in closed and spent + costs[r] <= limit]
        added = {r: adds(rows, r) for r in left}
        added = {r: gain for r, gain in added.items() if gain > least}
        if not added:
            return rows, gains, spent
        worth = {r: (g / costs[r] if costs[r] else np.inf) if per_cost else g for r, g in added.items()}
        best = max(worth.values())
        # Equal but for the rounding of a difference of two values is a tie.
        row = min(r for r in worth if worth[r] == best or worth[r] >= best * (1 - 1e-11 * (least > 0)))
        rows.append(row)
        gains.append(added[row])
        spent += costs[row]


def _check_picks(picks: Picks, costs, budget, *, closed=()) -> None:
    """What every strategy owes: rows of the pool, each once, none preselected, within the budget at every prefix."""
    rows = picks.rows.tolist()
    assert picks.rows.dtype == np.int64
    assert picks.gains.dtype == np.float64
    assert len(picks.gains) == len(rows) == len(set(rows))
    assert set(rows) <= set(range(len(costs))) - set(closed)
    assert (np.cumsum(np.asarray(costs, dtype=np.float64)[picks.rows]) <= budget).all()


@pytest.fixture(scope="session")
def greedy_naive():
    return _greedy_naive


@pytest.fixture(scope="session")
def check_picks():
    return _check_picks
