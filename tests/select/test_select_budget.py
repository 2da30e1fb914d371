"""The budget rule: take what fits, skip what does not, never exceed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import ConfigError, TableError
from oddloop.select.budget import most_that_fit, walk


@pytest.mark.parametrize(
    ("order", "costs", "budget", "taken"),
    [
        # all fit
        ([0, 1, 2], [1, 1, 1], 3, [0, 1, 2]),
        # the second is too dear after the first and is skipped, not the end
        ([0, 1, 2], [2, 5, 1], 4, [0, 2]),
        # a skipped one stays skipped even though order says it is best
        ([1, 0, 2], [2, 5, 1], 4, [0, 2]),
        # exactly spent
        ([0, 1], [2, 2], 4, [0, 1]),
        # free scenes fit always, also when nothing is left
        ([0, 1, 2], [1, 0, 0], 1, [0, 1, 2]),
        ([0, 1], [0, 1], 0, [0]),
        # nothing fits; nothing there; no limit
        ([0, 1], [5, 5], 4, []),
        ([], [], 4, []),
        ([1, 0], [5, 5], np.inf, [1, 0]),
        # a part of the rows
        ([2], [1, 1, 1], 9, [2]),
    ],
)
def test_walk(order, costs, budget, taken) -> None:
    assert walk(order, costs, budget).tolist() == taken


prices = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 2.5, 7.0]) | st.floats(0, 1e6), max_size=40)


@settings(deadline=None)
@given(prices, st.floats(0, 1e6) | st.sampled_from([0.0, 0.3, 0.6, 1.0, 3.5]), st.randoms(use_true_random=False))
def test_walk_is_the_plain_loop(walk_naive, costs, budget, chance) -> None:
    order = list(range(len(costs)))
    chance.shuffle(order)
    taken = walk(order, costs, budget).tolist()
    assert taken == walk_naive(order, costs, budget)
    assert sum(costs[row] for row in taken) <= budget
    assert len(taken) <= most_that_fit(np.array(costs, dtype=float), budget)


@settings(deadline=None)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30), st.floats(0.01, 500))
def test_a_prefix_is_what_its_own_cost_would_buy(costs, budget) -> None:
    taken = walk(range(len(costs)), costs, budget)
    running = np.cumsum(np.array(costs)[taken])
    for k in range(1, len(taken) + 1):
        assert walk(range(len(costs)), costs, running[k - 1]).tolist() == taken[:k].tolist()


def test_many_scenes_that_do_not_fit_are_quick() -> None:
    # alternating cheap and dear: the worst case of a walk in runs
    costs = np.tile([1e-3, 60.0], 100_000)
    # 60 for the first dear one, the other 40 for 40,000 cheap ones
    assert len(walk(np.arange(len(costs)), costs, 100.0)) == pytest.approx(40_001, abs=1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.5])
def test_a_cost_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(TableError, match=f"costs must be finite and 0 or more; row 1 costs {bad:g}"):
        walk([0], [1.0, bad], 3.0)


def test_costs_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(TableError, match=r"one number per scene; got shape \(1, 2\)"):
        walk([0], [[1.0, 2.0]], 3.0)


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_a_budget_that_cannot_be_is_refused(bad: float) -> None:
    with pytest.raises(ConfigError, match="budget must be 0 or more"):
        walk([0], [1.0], bad)
