"""Lazy greedy over sparse graphs gives the picks of asking every row every time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import sparse

from oddloop.errors import ConfigError, TableError
from oddloop.select.strategies import (
    FacilityLocation,
    facility_location_on,
    graph_cut_on,
    lazy_greedy,
    saturated_coverage_on,
)

SEEDS = range(200)


def facility_value(s, w, covered=None):
    covered = np.zeros(len(s)) if covered is None else covered
    return lambda rows: float(sum(w[i] * max([covered[i], *(s[i][j] for j in rows)]) for i in range(len(s))))


def cut_value(s, w, redundancy):
    s, w = np.asarray(s), np.asarray(w)
    return lambda rows: float((w @ s[:, rows]).sum() - redundancy * s[np.ix_(rows, rows)].sum())


def saturated_value(s, w, saturation):
    enough = [saturation * sum(row) for row in s]
    return lambda rows: float(sum(w[i] * min(sum(s[i][j] for j in rows), enough[i]) for i in range(len(s))))


def instance(seed: int, symmetric: bool):
    """A pool of up to 14 rows; every second one of few values, powers of two, so that ties abound and are exact."""
    rng = np.random.default_rng(seed)
    n, exact = int(rng.integers(1, 15)), seed % 2 == 0
    s = rng.choice([0.0, 0.25, 0.5, 1.0], size=(n, n)) if exact else rng.random((n, n)) * (rng.random((n, n)) < 0.6)
    s = (s + s.T) / 2 if symmetric else s
    w = rng.choice([0.5, 1.0, 2.0], n) if exact else rng.uniform(0, 2, n)
    costs = rng.choice([0.5, 1.0, 2.0], n) if exact else rng.uniform(0.1, 3.0, n)
    costs = np.ones(n) if seed % 4 < 2 else costs
    preselected = np.flatnonzero(rng.random(n) < 0.15) if seed % 3 else np.zeros(0, dtype=np.int64)
    return s, w, costs, float(rng.uniform(0, costs.sum())), preselected


def given(value, preselected):
    """The value of rows beside the preselected ones."""
    return lambda rows: value([*preselected.tolist(), *rows])


def assert_same(picks, expected, check_picks, costs, budget, preselected) -> None:
    rows, gains = expected
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains, rtol=1e-9, atol=1e-12)
    check_picks(picks, costs, budget, closed=preselected.tolist())


@pytest.mark.parametrize("per_cost", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_facility_location_by_the_plain_algorithm(greedy_naive, check_picks, seed: int, per_cost: bool) -> None:
    s, w, costs, budget, preselected = instance(seed, symmetric=False)
    covered = np.random.default_rng(seed).choice([0.0, 0.25, 0.5], len(s)) if seed % 5 == 0 else None
    value = given(facility_value(s, w, covered), preselected)
    options = {"costs": costs, "preselected": preselected, "covered": covered, "weights": w, "per_cost": per_cost}
    picks = facility_location_on(sparse.csr_array(s) if seed % 3 else s, budget, **options)
    expected = greedy_naive(value, costs, budget, closed=preselected.tolist(), per_cost=per_cost)
    assert_same(picks, expected, check_picks, costs, budget, preselected)


@pytest.mark.parametrize("seed", SEEDS)
def test_graph_cut_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    s, w, costs, budget, preselected = instance(seed, symmetric=True)
    redundancy, per_cost = [0.0, 0.25, 0.5, 1.0][seed // 4 % 4], seed % 8 > 3
    value = given(cut_value(s, w, redundancy), preselected)
    options = {"costs": costs, "preselected": preselected, "weights": w, "per_cost": per_cost}
    picks = graph_cut_on(s, budget, redundancy=redundancy, **options)
    expected = greedy_naive(value, costs, budget, closed=preselected.tolist(), per_cost=per_cost)
    assert_same(picks, expected, check_picks, costs, budget, preselected)


@pytest.mark.parametrize("seed", SEEDS)
def test_saturated_coverage_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    s, w, costs, budget, preselected = instance(seed, symmetric=False)
    saturation, per_cost = [0.125, 0.25, 0.5, 1.0][seed // 4 % 4], seed % 8 > 3
    value = given(saturated_value(s, w, saturation), preselected)
    options = {"costs": costs, "preselected": preselected, "weights": w, "per_cost": per_cost}
    picks = saturated_coverage_on(s, budget, saturation=saturation, **options)
    expected = greedy_naive(value, costs, budget, closed=preselected.tolist(), per_cost=per_cost)
    assert_same(picks, expected, check_picks, costs, budget, preselected)


@pytest.mark.parametrize("seed", range(30))
def test_value_is_within_the_bound_of_the_best(seed: int) -> None:
    # the best of all sets of three, by trying all
    s = np.random.default_rng(seed).random((9, 9))
    value = facility_value(s, np.ones(9))
    best = max(value(list(rows)) for rows in itertools.combinations(range(9), 3))
    assert facility_location_on(s, 3).gains.sum() >= (1 - 1 / np.e) * best


@pytest.mark.parametrize("seed", range(30))
def test_value_under_costs_is_within_its_bound(seed: int) -> None:
    rng = np.random.default_rng(seed)
    s, costs = rng.random((8, 8)) ** 4, rng.uniform(0.2, 5, 8)
    value, budget = facility_value(s, np.ones(8)), 6.0
    sets = (rows for k in range(9) for rows in itertools.combinations(range(8), k))
    best = max(value(list(rows)) for rows in sets if costs[list(rows)].sum() <= budget)
    picks = facility_location_on(s, budget, costs=costs, per_cost=True)
    assert picks.gains.sum() >= (1 - 1 / np.e) / 2 * best


class TestBestSingle:
    # row 0 adds 1 for 0.1, so 10 per cost; row 1 adds 9 for 10, so 0.9, and no longer fits after row 0
    S = np.diag((1.0, 9.0, 0.5))
    COSTS = (0.1, 10.0, 5.0)

    def test_a_cheap_row_does_not_shut_out_a_dear_one(self) -> None:
        picks = facility_location_on(self.S, 10.0, costs=self.COSTS, per_cost=True)
        assert picks.rows.tolist() == [1]
        assert picks.gains.tolist() == [9.0]

    def test_what_is_left_of_the_budget_is_spent(self) -> None:
        # 10.05 leaves 0.05 after row 1, 10.1 leaves enough for row 0, which then comes first by ratio
        assert facility_location_on(self.S, 10.1, costs=self.COSTS, per_cost=True).rows.tolist() == [0, 1]
        dear = np.diag((1.0, 9.0, 0.5, 0.25))
        picks = facility_location_on(dear, 10.05, costs=[0.1, 10.0, 5.0, 0.05], per_cost=True)
        assert picks.rows.tolist() == [1, 3]

    def test_not_asked_for(self) -> None:
        picks = facility_location_on(self.S, 10.0, costs=self.COSTS, per_cost=True, best_single=False)
        assert picks.rows.tolist() == [0, 2]


@pytest.mark.parametrize("per_cost", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_any_prefix_is_the_answer_to_a_smaller_budget(seed: int, per_cost: bool) -> None:
    s, w, costs, budget, _ = instance(seed, symmetric=True)
    options = {"costs": costs, "weights": w, "per_cost": per_cost, "best_single": False}
    for strategy in (facility_location_on, graph_cut_on, saturated_coverage_on):
        rows = strategy(s, budget, **options).rows
        for k, spent in enumerate(np.cumsum(costs[rows]).tolist(), start=1):
            assert strategy(s, spent, **options).rows.tolist() == rows[:k].tolist()


@pytest.mark.parametrize("seed", range(1, 80, 2))
def test_the_order_of_rows_only_changes_ties(seed: int) -> None:
    s, w, costs, budget, _ = instance(seed, symmetric=True)
    order = np.random.default_rng(seed).permutation(len(s))
    for strategy in (facility_location_on, graph_cut_on, saturated_coverage_on):
        plain = strategy(s, budget, costs=costs, weights=w)
        shuffled = strategy(s[np.ix_(order, order)], budget, costs=costs[order], weights=w[order])
        np.testing.assert_allclose(shuffled.gains, plain.gains)
        if strategy is not saturated_coverage_on:  # there, all that fills the last room is worth the same
            assert order[shuffled.rows].tolist() == plain.rows.tolist()


def test_rows_without_cost_go_first_by_ratio() -> None:
    picks = facility_location_on(np.diag([3.0, 1.0, 2.0]), 1.0, costs=[1.0, 0.0, 0.0], per_cost=True)
    assert picks.rows.tolist() == [1, 2, 0]


def test_few_rows_are_asked() -> None:
    asked = []

    class Counted(FacilityLocation):
        def gain(self, row: int) -> float:
            asked.append(row)
            return super().gain(row)

    s = sparse.random_array((2000, 2000), density=0.01, rng=np.random.default_rng(0), format="csr")
    begin = FacilityLocation.of(s)
    picks = lazy_greedy(lambda: Counted(begin.graph, begin.weights, begin.best.copy()), 100)
    assert len(picks.rows) == 100
    assert len(asked) < 100 * 2000 / 10


def test_nothing_one_and_all_equal() -> None:
    for strategy in (facility_location_on, graph_cut_on, saturated_coverage_on):
        assert strategy(np.zeros((0, 0)), 5.0).rows.tolist() == []
        assert strategy([[1.0]], 5.0).rows.tolist() == [0]
        assert strategy([[1.0]], 0.5).rows.tolist() == []
        assert strategy([[1.0]], 5.0, preselected=[0]).rows.tolist() == []
        assert strategy(np.zeros((3, 3)), 5.0).rows.tolist() == []
    # one of several equal rows stands for all
    assert facility_location_on(np.ones((4, 4)), 4.0).rows.tolist() == [0]


def test_huge_and_narrow_similarities() -> None:
    s = np.random.default_rng(0).choice([0.0, 0.25, 0.5, 1.0], size=(12, 12))
    rows = facility_location_on(s, 6).rows.tolist()
    assert facility_location_on(s * 2.0**900, 6).rows.tolist() == rows
    assert facility_location_on(s * 2.0**-900, 6).rows.tolist() == rows
    assert facility_location_on(s.astype(np.float16), 6).rows.tolist() == rows


def test_the_callers_arrays_stay_as_they_are() -> None:
    s, covered, weights = np.random.default_rng(0).random((9, 9)), np.full(9, 0.25), np.ones(9)
    before = s.copy(), covered.copy(), weights.copy()
    facility_location_on(s, 4, covered=covered, weights=weights, preselected=[3])
    for now, then in zip((s, covered, weights), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"similarity": np.ones((2, 3))}, TableError, r"similarity must be square, rows by rows; got shape \(2, 3\)"),
        ({"similarity": [[np.nan]]}, TableError, "similarity must be finite and 0 or more; shift or clip"),
        ({"similarity": [[-1.0]]}, TableError, "similarity must be finite and 0 or more"),
        ({"costs": [1.0]}, TableError, "there are 2 rows and 1 costs; give one cost per row"),
        ({"costs": [1.0, -1.0]}, TableError, "costs must be finite and 0 or more; row 1"),
        ({"weights": [1.0, np.inf]}, TableError, "weights must be finite and 0 or more; row 1 has inf"),
        ({"weights": [1.0]}, TableError, r"weights must be one number per row, 2 of them; got shape \(1,\)"),
        ({"covered": [np.nan, 0.0]}, TableError, "covered must be finite and 0 or more; row 0 has nan"),
        ({"preselected": [2]}, TableError, "preselected must be rows 0 to 1; got 2 to 2"),
        ({"preselected": [0.5]}, TableError, "preselected must be row numbers"),
        ({"budget": np.nan}, ConfigError, "budget must be 0 or more; got nan"),
    ],
)
def test_what_cannot_be_is_refused(options, error, message) -> None:
    with pytest.raises(error, match=message):
        facility_location_on(**{"similarity": np.eye(2), "budget": 1.0, **options})


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="redundancy must be 0 or more and finite; got -1"):
        graph_cut_on(np.eye(2), 1, redundancy=-1)
    with pytest.raises(ConfigError, match="saturation must be above 0, at most 1; got 0"):
        saturated_coverage_on(np.eye(2), 1, saturation=0)
    with pytest.raises(TableError, match="closed must be one truth value per row, 2 of them"):
        lazy_greedy(lambda: FacilityLocation.of(np.eye(2)), 1, closed=np.zeros(3, dtype=bool))
