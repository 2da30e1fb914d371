"""How quotas, worth, the random control and exploration take turns under one budget.

Quotas come first, scarcest first, then what is worth most per cost; after each pick the control and exploration catch
up with their shares of what is spent (`shares`). All is done once more with the best single scene first where that one
alone is worth more than all others together, unless a quota then lacks scenes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from oddloop.config import GapDrivenConfig
from oddloop.select.gap_driven.picking import Picking
from oddloop.select.gap_driven.shares import draw_control, draw_exploration
from oddloop.select.pool import Bools, Floats, Ints, Picks
from oddloop.select.quotas import Counter, Quota
from oddloop.select.redundancy import Redundancy
from oddloop.select.strategies import FacilityLocation
from oddloop.select.strategies.graph import Graph

QUOTA, COVER, EXPLORE, CONTROL = "quota", "cover", "explore", "control"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Problem:
    """What is to be picked from, and how.

    Attributes:
        graph: similarities of all candidates.
        weights: (n,) how much each matters.
        own: (n,) how much there is to learn in each itself.
        covered: (n,) how well the labelled scenes stand for each.
        prices: (n,) costs.
        budget: in the unit of the costs.
        quotas: what must, and may, be picked.
        config: shares of the rules.
        redundancy: what is taken off beside labelled and picked rows.
        fair_sample: (n,) rows that control and exploration may draw; None for all.
    """

    graph: Graph
    weights: Floats
    own: Floats
    covered: Floats
    prices: Floats
    budget: float
    quotas: tuple[Quota, ...]
    config: GapDrivenConfig
    redundancy: Redundancy | None = None
    fair_sample: Bools | None = None

    def objective(self) -> FacilityLocation:
        """How well each candidate is stood for before any pick."""
        return FacilityLocation(self.graph, self.weights, self.covered.copy())

    def start(self) -> Picking:
        """A selection without picks."""
        counter, redundancy = Counter(self.quotas, len(self.prices)), self.redundancy
        return Picking(self.objective(), self.own, self.prices, self.budget, counter, redundancy and redundancy.copy())


def pick_in_turns(problem: Problem, rng: np.random.Generator) -> tuple[Picks, Counter]:
    """Picks in order with the rule that let each in, and how far quotas are filled."""
    free = problem.start().open
    affordable = free & (problem.prices <= problem.budget)
    # Drawn among all, so that a smaller budget gives the first of the same picks; then what is too dear goes.
    fair = free if problem.fair_sample is None else free & problem.fair_sample
    drawn = draw_control(fair, rng), draw_exploration(fair, problem.covered, rng)
    control, explore = (rows[affordable[rows]] for rows in drawn)
    picking = _run(problem, control, explore)
    single = np.where(affordable, problem.objective().gains(), 0.0)
    if not _only_draws(problem.config) and single.max(initial=0.0) > picking.picks().gains.sum() * (1 + _ROUNDING):
        other = _run(problem, control, explore, first=int(np.argmax(single)))
        picking = other if _missing(other) <= _missing(picking) else picking  # quotas come before what is worth most
    return picking.picks(), picking.counter


def _missing(picking: Picking) -> int:
    return sum(shortfall.minimum - shortfall.n_picked for shortfall in picking.counter.shortfalls())


def _run(problem: Problem, control: Ints, explore: Ints, first: int = -1) -> Picking:
    picking, config = problem.start(), problem.config
    drawn = ((CONTROL, config.control_share, deque(control.tolist())),
             (EXPLORE, config.exploration_share, deque(explore.tolist())))  # fmt: skip
    every = np.ones(len(picking.open), dtype=bool)
    cover: Iterator[tuple[int, str]] = ((row, COVER) for row in picking.by_worth(every))
    if _only_draws(config):
        rule, _, rows = max(drawn, key=lambda one: one[1])
        cover = _by_chance(picking, rule, rows)
    for row, rule in chain([(first, COVER)] if first >= 0 else [], _for_quotas(picking), cover):
        picking.take(row, rule)
        for name, share, rows in drawn:
            _catch_up(picking, name, share, rows)
    return picking


def _only_draws(config: GapDrivenConfig) -> bool:
    return config.control_share + config.exploration_share > 1 - 1e-9  # shares such as 0.9 and 0.1 are rounded


def _by_chance(picking: Picking, rule: str, rows: deque[int]) -> Iterator[tuple[int, str]]:
    """The next drawn row that can be picked, until one does not fit."""
    while rows and (picking.fits(rows[0]) or not picking.open[rows[0]]):
        if picking.open[row := rows.popleft()]:
            yield row, rule
        else:
            picking.draw(row, rule, keeps=CONTROL)


def _for_quotas(picking: Picking) -> Iterator[tuple[int, str]]:
    for quota in picking.counter.by_scarcity():
        mine = np.zeros(len(picking.open), dtype=bool)
        mine[picking.counter.quotas[quota].rows] = True
        rows = chain(picking.by_worth(mine), picking.by_cost(mine))
        while picking.counter.wanted(quota) and (row := next(rows, None)) is not None:
            yield row, QUOTA


def _catch_up(picking: Picking, rule: str, share: float, rows: deque[int]) -> None:
    while rows and picking.is_behind(rule, share):
        if not picking.draw(rows.popleft(), rule, keeps=CONTROL):
            rows.clear()
