"""Picks of several rules in one order, each prefix of which holds every rule's share of the cost.

One objective is shared: what a control scene already stands for, no quota and no cover pick has to. A row's worth is
what it adds, times its own (`importance.own_worth`) and what is left of it beside scenes that are labelled or picked
(`redundancy`), per unit of cost, asked lazily (`strategies.greedy`). Rows that no
longer fit the budget are skipped for good. Time: one pass over the graph, then a few of its rows per pick; memory that
of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oddloop.select.pool import Bools, Floats, Ints, Picks
from oddloop.select.quotas import Counter
from oddloop.select.redundancy import Redundancy
from oddloop.select.strategies import FacilityLocation
from oddloop.select.strategies.greedy import BoundQueue

_FREE = 1e100


class Picking:
    """A selection as it grows.

    Attributes:
        open: (n,) rows that may still be picked.
        counter: how far quotas are filled.
    """

    def __init__(
        self,
        objective: FacilityLocation,
        own: Floats,
        costs: Floats,
        budget: float,
        counter: Counter,
        redundancy: Redundancy | None = None,
    ) -> None:
        self.open = np.ones(len(costs), dtype=bool)
        self.open[counter.closed_from_the_start()] = False
        self.counter = counter
        self._objective, self._own, self._costs, self._budget = objective, own, costs, budget
        self._redundancy = redundancy
        self._spent = 0.0
        self._of_rule: dict[str, float] = {}
        self._rows: list[int] = []
        self._place: dict[int, int] = {}
        self._gains: list[float] = []
        self._rules: list[str] = []

    def fits(self, row: int) -> bool:
        """Whether the budget still pays for a row."""
        return bool(self._spent + self._costs[row] <= self._budget)

    def take(self, row: int, rule: str) -> None:
        """Pick a row."""
        self._place[row] = len(self._rows)
        self._rows.append(row)
        self._gains.append(self._objective.gain(row))
        self._rules.append(rule)
        self._objective.add(row)
        if self._redundancy is not None:
            self._redundancy.add(row)
        self._spent += float(self._costs[row])
        self._of_rule[rule] = self._of_rule.get(rule, 0.0) + float(self._costs[row])
        self.open[row] = False
        self.open[self.counter.add(row)] = False

    def draw(self, row: int, rule: str, keeps: str) -> bool:
        """Pick a row that was drawn; False where the budget no longer pays for it, and the rule must draw no more.

        Going on would make a sample of cheap rows, and of those that merit has picked. One that was picked already
        counts for the drawing rule from now on, if it is not one of the rule that `keeps` its rows.
        """
        if self.open[row]:
            if not self.fits(row):
                return False
            self.take(row, rule)
        elif row in self._place and self._rules[self._place[row]] != keeps:
            place, cost = self._place[row], float(self._costs[row])
            self._of_rule[self._rules[place]] -= cost
            self._of_rule[rule] = self._of_rule.get(rule, 0.0) + cost
            self._rules[place] = rule
        return True

    def is_behind(self, rule: str, share: float) -> bool:
        """Whether a rule has had less than its share of what is spent."""
        return self._of_rule.get(rule, 0.0) < share * self._spent

    def by_worth(self, rows: Bools) -> Iterator[int]:
        """Rows by what they add per cost, now and after every pick; a row that is not taken is not offered again."""
        gains, free = self._objective.gains() * self._own, self._costs == 0
        gains = gains if self._redundancy is None else gains * self._redundancy.factor
        worth = np.where(free, gains * _FREE, gains / np.where(free, 1.0, self._costs))
        queue = BoundQueue(np.where(rows & self.open, worth, 0.0))
        while (row := queue.pop()) is not None:
            if not self.open[row] or not self.fits(row):
                continue
            if queue.answered(row) != len(self._rows):
                queue.push(row, self._worth(row), len(self._rows))
                continue
            yield row

    def by_cost(self, rows: Bools) -> Iterator[int]:
        """Rows that can be picked, whatever they add, the cheapest first."""
        order = np.argsort(self._costs, kind="stable")
        return (row for row in order[rows[order]].tolist() if self.open[row] and self.fits(row))

    def _worth(self, row: int) -> float:
        """What a row adds per cost; one without cost goes before all others."""
        cost, gain = float(self._costs[row]), self._objective.gain(row) * float(self._own[row])
        gain *= 1.0 if self._redundancy is None else float(self._redundancy.factor[row])
        return gain / cost if cost else gain * _FREE

    def picks(self) -> Picks:
        """What was picked, in order."""
        rows: Ints = np.array(self._rows, dtype=np.int64)
        return Picks(rows, np.array(self._gains, dtype=np.float64), tuple(self._rules))
