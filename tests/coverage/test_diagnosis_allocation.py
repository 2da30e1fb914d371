"""The budget split: equal to SciPy's general solver, within its bounds, and fast."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from oddloop.coverage.diagnosis import AllocationRules, Curves, allocate, round_scenes

PLAIN = AllocationRules(balance=0, exploration=0)


def problem(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    curves = Curves(rng.uniform(0.1, 1, n), rng.uniform(0.2, 3, n), rng.uniform(0, 0.2, n) * (seed % 2))
    caps = np.where(rng.random(n) < 0.3, rng.uniform(1, 60, n), np.inf)
    given_ = {"costs": rng.uniform(0.5, 3, n), "weights": rng.uniform(0.2, 3, n), "caps": caps}
    rules = AllocationRules(float(rng.choice([0, 1, 3])), float(rng.choice([0, 0.2])))
    return curves, rng.uniform(5, 200, n), float(rng.uniform(5, 300)), given_, rules


def objective(curves, n, given_, rules, scenes):
    now, after = curves.error_at(n), curves.error_at(n + scenes)
    level = (now.sum() - now) / (len(now) - 1)
    return float((given_["weights"] * (after + rules.balance * np.maximum(after / level - 1, 0))).sum())


@pytest.mark.parametrize("seed", range(50))
def test_as_good_as_slsqp(seed):
    curves, n, budget, given_, rules = problem(seed)
    costs, caps = given_["costs"], given_["caps"]
    scenes = allocate(curves, n, budget, rules=rules, **given_)
    if costs @ caps <= budget:
        np.testing.assert_array_equal(scenes, caps)
        return
    assert costs @ scenes == pytest.approx(budget, rel=1e-9)
    least = np.minimum(rules.exploration * budget / (len(n) * costs), caps)
    bounds = list(zip(least, np.minimum(caps, budget / costs), strict=True))
    spends = {"type": "eq", "fun": lambda d: costs @ d - budget}
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(5):
        start = np.clip(rng.dirichlet(np.ones(len(n))) * budget / costs, *zip(*bounds, strict=True))
        value = lambda d: objective(curves, n, given_, rules, d)  # noqa: E731
        solved = minimize(value, start, method="SLSQP", bounds=bounds, constraints=[spends], options={"ftol": 1e-15})
        found += [solved.fun] if abs(spends["fun"](solved.x)) < 1e-8 else []
    # SLSQP meets the budget to 1e-8 only, and gains as much; it never finds a clearly better split.
    assert objective(curves, n, given_, rules, scenes) <= min(found) + 1e-9


@given(st.integers(0, 10**6))
def test_within_caps_and_exploration(seed):
    curves, n, budget, given_, rules = problem(seed)
    scenes = allocate(curves, n, budget, rules=rules, **given_)
    assert (scenes <= given_["caps"] * (1 + 1e-12)).all()
    least = np.minimum(rules.exploration * budget / (len(n) * given_["costs"]), given_["caps"])
    assert (scenes >= least * (1 - 1e-12)).all()
    assert given_["costs"] @ scenes <= budget * (1 + 1e-9)


def test_hand_worked():
    # Alike but for their sizes: the budget levels them, 10 + 40 = 30 + 20 = 50.
    alike = Curves(np.full(2, 0.5), np.ones(2), np.zeros(2))
    np.testing.assert_allclose(allocate(alike, [10, 30], 60, rules=PLAIN), [40, 20])
    # Minimise v1/n1 + v2/n2 at a = 1: n is as the root of v, 2 to 1, so 60 and 30 of 90.
    steep = Curves(np.ones(2), np.ones(2), np.zeros(2))
    np.testing.assert_allclose(allocate(steep, [10, 10], 70, weights=[4, 1], rules=PLAIN), [50, 20])
    # A cap of 20 there gives the rest to the other.
    np.testing.assert_allclose(allocate(steep, [10, 10], 70, weights=[4, 1], caps=[20, np.inf], rules=PLAIN), [20, 50])


def test_a_floor_that_stands_high_draws_no_budget():
    # Nothing is left to learn in the first: b = 0.
    curves = Curves(np.full(2, 0.5), np.array([0.0, 1.0]), np.array([0.9, 0.0]))
    np.testing.assert_allclose(allocate(curves, [10, 10], 8, rules=PLAIN), [0, 8])
    np.testing.assert_allclose(allocate(curves, [10, 10], 8, rules=AllocationRules(0, 0.5)), [2, 6])


def test_balance_favours_the_segment_that_lags_behind():
    curves = Curves(np.array([0.5, 0.5]), np.array([1.0, 3.0]), np.zeros(2))
    even = allocate(curves, [100, 100], 50, rules=PLAIN)
    balanced = allocate(curves, [100, 100], 50, rules=AllocationRules(5.0, 0))
    assert balanced[1] >= even[1]


@given(st.integers(0, 10**6))
def test_the_order_of_the_segments_does_not_matter(seed):
    curves, n, budget, given_, rules = problem(seed)
    scenes = allocate(curves, n, budget, rules=rules, **given_)
    turned = {name: values[::-1] for name, values in given_.items()}
    back = Curves(curves.a[::-1], curves.b[::-1], curves.c[::-1])
    again = allocate(back, n[::-1], budget, rules=rules, **turned)[::-1]
    np.testing.assert_allclose(again, scenes, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("budget", [0.0, 1e-9, 1e9])
def test_extreme_budgets(budget):
    curves = Curves(np.array([0.1, 3.0]), np.array([1e-9, 1e9]), np.array([0.0, 5.0]))
    assert allocate(curves, [1, 1e6], budget).sum() == pytest.approx(budget, rel=1e-6, abs=1e-8)


def test_no_segments_and_one():
    nothing = Curves(np.zeros(0), np.zeros(0), np.zeros(0))
    assert allocate(nothing, [], 5).tolist() == []
    assert allocate(Curves(np.ones(1), np.ones(1), np.zeros(1)), [3], 5) == pytest.approx([5])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("curves", {"a": np.nan}),
        ("n_scenes", {"n": 0.0}),
        ("costs", {"costs": [1.0, 0.0]}),
        ("weights", {"weights": [1.0, -1.0]}),
        ("caps", {"caps": [np.nan, 1.0]}),
        ("budget", {"budget": np.inf}),
    ],
)
def test_what_makes_no_sense_is_refused(name, change):
    curves = Curves(np.array([0.5, change.pop("a", 0.5)]), np.ones(2), np.zeros(2))
    n, budget = [5.0, change.pop("n", 5.0)], change.pop("budget", 10.0)
    with pytest.raises(ValueError, match=f"{name}: the value of segment .* is not finite or outside its range"):
        allocate(curves, n, budget, **change)


def test_rules_outside_their_range_are_refused():
    with pytest.raises(ValueError, match="exploration = 2 must lie in"):
        AllocationRules(exploration=2.0)


@given(st.lists(st.floats(0, 50), min_size=1, max_size=9), st.floats(0, 1))
def test_whole_scenes_stay_within_the_budget(scenes, share):
    costs = np.linspace(1, 2, len(scenes))
    wanted = np.array(scenes)
    budget = float(costs @ wanted) * (1 + share)
    whole = round_scenes(wanted, costs, budget)
    assert costs @ whole <= budget + 1e-6
    assert (np.abs(whole - wanted) < 1 + 1e-6).all()


def test_a_hundred_thousand_segments_in_seconds():
    rng = np.random.default_rng(0)
    n = 100_000
    curves = Curves(rng.uniform(0.1, 1, n), rng.uniform(0.2, 3, n), rng.uniform(0, 0.2, n))
    begun = time.process_time()
    scenes = allocate(curves, rng.uniform(5, 200, n), 1e6)
    assert time.process_time() - begun < 10
    assert scenes.sum() == pytest.approx(1e6)
