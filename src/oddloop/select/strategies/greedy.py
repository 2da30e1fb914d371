"""Lazy greedy: always the row that adds most, without asking every row each time.

What a row adds to a submodular objective never rises while rows are picked, so what it added when it was last asked is
a bound, and only rows whose bound is above the best answer need to be asked again (Minoux 1978). The picks are those of
the plain algorithm, ties by smallest row. For a monotone objective and equal costs their value is at least 1 - 1/e of
the best possible (Nemhauser et al. 1978).

With unequal costs, `per_cost` picks by gain per cost. That alone can be arbitrarily bad: one cheap row of little value
may shut out a dear one that is worth everything. So the best single row goes first where it alone is worth more than
all picks by ratio together; the better of the two is at least (1 - 1/e) / 2 of the best possible (Khuller et al. 1999).
Time: one sort, then a few questions per pick in practice and n at worst; memory O(n).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_budget
from oddloop.select.pool import NO_PICKS, Bools, Floats, Picks
from oddloop.select.strategies.inputs import costs_of

_ROUNDING = 1.0 + 1e-9
"""All gains at once are added up in another order than one alone; as bounds they must not be too small."""


class Objective(Protocol):
    """A submodular set function and the rows that are in the set so far."""

    def gains(self) -> Floats:
        """(n,) what each row would add now, up to rounding."""

    def gain(self, row: int) -> float:
        """What a row would add now; never more than it would have added before."""

    def add(self, row: int) -> None:
        """Put a row into the set."""


def lazy_greedy(
    start: Callable[[], Objective],
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    closed: Bools | None = None,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick the rows that add most to an objective.

    Args:
        start: makes the objective as it is before any pick.
        budget: in the unit of the costs.
        costs: (n,) cost of each row, finite, 0 or more; ones by default.
        closed: (n,) rows that must not be picked.
        per_cost: whether to pick by gain per cost instead of gain; a row without cost then goes before all others.
        best_single: with `per_cost`, whether the best single row may go first, which guards against a bad answer.
            Without, the picks of a smaller budget are a prefix of those of a larger one.

    Returns:
        picks with what each added when it was picked. Rows that no longer fit are skipped; picking ends early when no
        row left adds anything. Any prefix is a valid selection for a smaller budget.

    Raises:
        TableError, ConfigError: costs or budget are not usable.

    >>> from oddloop.select.strategies import FacilityLocation
    >>> near = np.array([[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> picks = lazy_greedy(lambda: FacilityLocation.of(near), budget=2)
    >>> picks.rows.tolist(), picks.gains.tolist()
    ([0, 2], [1.5, 1.0])
    """
    objective, limit = start(), check_budget(budget)
    first = objective.gains()
    prices, open_rows = costs_of(costs, len(first)), _open_rows(closed, len(first))
    open_rows &= prices <= limit
    picks = _run(objective, np.where(open_rows, first, 0.0), prices, limit, per_cost)
    if not (per_cost and best_single and open_rows.any()):
        return picks
    single = int(np.argmax(np.where(open_rows, first, -np.inf)))
    if first[single] <= picks.gains.sum() * _ROUNDING:
        return picks
    return _continue(start(), single, open_rows, prices, limit)


def _open_rows(closed: Bools | None, n: int) -> Bools:
    if closed is None:
        return np.ones(n, dtype=bool)
    if np.shape(closed) != (n,):
        raise TableError(f"closed must be one truth value per row, {n} of them; got shape {np.shape(closed)}")
    return ~np.asarray(closed, dtype=bool)


def _continue(objective: Objective, single: int, open_rows: Bools, prices: Floats, limit: float) -> Picks:
    gain = objective.gain(single)
    objective.add(single)
    bounds = np.where(open_rows, objective.gains(), 0.0)
    bounds[single] = 0.0
    rest = _run(objective, bounds, prices, limit, True, spent=float(prices[single]))
    return Picks(np.concatenate([[single], rest.rows]), np.concatenate([[gain], rest.gains]))


def _run(
    objective: Objective, bounds: Floats, prices: Floats, limit: float, per_cost: bool, spent: float = 0.0
) -> Picks:
    if not (bounds > 0).any():
        return NO_PICKS
    with np.errstate(divide="ignore", invalid="ignore"):
        queue = BoundQueue(np.where(bounds > 0, bounds / prices, 0.0) if per_cost else bounds)
    rows: list[int] = []
    gains: list[float] = []
    while (row := queue.pop()) is not None:
        price = float(prices[row])
        if spent + price > limit:
            continue
        if queue.answered(row) != len(rows):
            queue.push(row, _worth(objective.gain(row), price, per_cost), len(rows))
            continue
        rows.append(row)
        gains.append(objective.gain(row))
        spent += price
        objective.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


def _worth(gain: float, price: float, per_cost: bool) -> float:
    if not per_cost or gain <= 0:
        return gain
    return gain / price if price else np.inf


class BoundQueue:
    """Rows by falling bound, ties by smallest row; those never asked in one sorted array, the others in a heap."""

    def __init__(self, bounds: Floats) -> None:
        order = np.argsort(-bounds, kind="stable")
        self._order = order[bounds[order] > 0]
        self._bounds = bounds[self._order] * _ROUNDING
        self._next = 0
        self._asked: list[tuple[float, int]] = []
        self._when = np.full(len(bounds), -1, dtype=np.int64)

    def pop(self) -> int | None:
        """Take out the row of the highest bound; None where there is none."""
        fresh = self._next < len(self._order)
        if fresh and (not self._asked or self._head() < self._asked[0]):
            self._next += 1
            return int(self._order[self._next - 1])
        return heapq.heappop(self._asked)[1] if self._asked else None

    def _head(self) -> tuple[float, int]:
        return -float(self._bounds[self._next]), int(self._order[self._next])

    def push(self, row: int, bound: float, when: int) -> None:
        """Put a row back with its new bound; one that adds nothing never will."""
        if bound > 0:
            heapq.heappush(self._asked, (-bound, row))
            self._when[row] = when

    def answered(self, row: int) -> int:
        """After how many picks the row's bound was asked for; -1 if never."""
        return int(self._when[row])
