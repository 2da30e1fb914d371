"""Log-determinant, BAIT and BatchBALD give the picks of the plain algorithm."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from oddloop.errors import ConfigError, TableError
from oddloop.select.strategies import bait, batchbald, committee, logdet
from oddloop.select.strategies.batchbald import Joint
from strategy_pools import make_case

SEEDS = range(200)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def volume(points, fixed, weights, noise):
    """log det(I + sum of w x x' / noise) beyond what the fixed rows give, by NumPy's determinant."""
    points, d = points.astype(float), points.shape[1]
    begin = np.eye(d) + fixed.astype(float).T @ fixed.astype(float) / noise

    def value(rows):
        x = points[rows] * np.sqrt(weights[rows])[:, None]
        return float(np.linalg.slogdet(begin + x.T @ x / noise)[1] - np.linalg.slogdet(begin)[1])

    return value


def first(values) -> int:
    """Smallest key of the largest value, but for rounding."""
    best = max(values.values())
    return min(row for row, value in values.items() if value >= best - 1e-8 * abs(best) or value == best)


@pytest.mark.parametrize("per_cost", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_logdet_by_determinants(check_picks, seed: int, per_cost: bool) -> None:
    case = make_case(seed, most=12, d=3)
    value = volume(case.points, case.fixed, case.weights, 0.5)
    rows, gains, spent = [], [], 0.0
    while fits := [r for r in range(len(case.points)) if r not in rows and spent + case.costs[r] <= case.budget]:
        gain = {r: value([*rows, r]) - value(rows) for r in fits}
        gain = {r: g for r, g in gain.items() if g > 1e-9}
        if not gain:
            break
        rows.append(first({r: g / case.costs[r] if per_cost else g for r, g in gain.items()}))
        gains.append(gain[rows[-1]])
        spent += case.costs[rows[-1]]
    options = {"costs": case.costs, "preselected": case.fixed, "weights": case.weights}
    picks = logdet(case.points, case.budget, noise=0.5, per_cost=per_cost, **options)
    check_picks(picks, case.costs, case.budget)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains, rtol=1e-6, atol=1e-9)


def test_logdet_is_within_the_bound_of_the_best() -> None:
    for seed in range(20):
        points = np.random.default_rng(seed).normal(size=(9, 3))
        value = volume(points, points[:0], np.ones(9), 1.0)
        best = max(value(list(rows)) for rows in itertools.combinations(range(9), 3))
        assert logdet(points, 3, noise=1.0).gains.sum() >= (1 - 1 / np.e) * best


def trace(points, fixed, weights, prior):
    points = points.astype(float)
    everything = (points * weights[:, None]).T @ points
    begin = prior * np.eye(points.shape[1]) + fixed.astype(float).T @ fixed.astype(float)

    def value(rows):
        known = begin + (points[rows] * weights[rows][:, None]).T @ points[rows]
        return float(np.trace(np.linalg.inv(known) @ everything))

    return value


@pytest.mark.parametrize("seed", SEEDS)
def test_bait_by_inverses(check_picks, walk_naive, seed: int) -> None:
    case = make_case(seed, most=12, d=3)
    value = trace(case.points, case.fixed, case.weights, 1.0)
    rows, spent = [], 0.0
    while fits := [
        r
        for r in range(len(case.points))
        if r not in rows and case.costs[r] <= case.budget and spent + case.costs[r] <= 2 * case.budget
    ]:
        falls = {r: value(rows) - value([*rows, r]) for r in fits}
        if max(falls.values()) <= 1e-10:
            break
        rows.append(first(falls))
        spent += case.costs[rows[-1]]
    left, order, losses = sorted(rows), [], []
    while left:
        rises = {r: value([other for other in left if other != r]) - value(left) for r in left}
        least = min(rises.values())
        gone = max(r for r, rise in rises.items() if rise <= least + 1e-8 * abs(least) + 1e-12)
        order.append(gone)
        losses.append(rises[gone])
        left.remove(gone)
    expected = walk_naive(order[::-1], case.costs.tolist(), case.budget)
    options = {"costs": case.costs, "preselected": case.fixed, "weights": case.weights}
    picks = bait(case.points, case.budget, prior=1.0, **options)
    check_picks(picks, case.costs, case.budget)
    assert picks.rows.tolist() == expected
    loss_of = dict(zip(order, losses, strict=True))
    np.testing.assert_allclose(picks.gains, [loss_of[r] for r in expected], rtol=1e-5, atol=1e-8)


def test_bait_serves_the_pool_better_than_chance() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(300, 6)) * np.array([5, 3, 1, 1, 0.3, 0.1])
    value = trace(points, points[:0], np.ones(300), 1.0)
    at_random = [value(generator.permutation(300)[:10].tolist()) for _ in range(50)]
    assert value(bait(points, 10, prior=1.0).rows.tolist()) < min(at_random)


def information(probabilities, rows) -> float:
    """I(y; m) by counting all combinations of labels."""
    chosen = probabilities[rows]
    joint = 0.0
    for labels in itertools.product(range(probabilities.shape[2]), repeat=len(rows)):
        likely = np.mean(
            [np.prod([p[m, y] for p, y in zip(chosen, labels, strict=True)]) for m in range(chosen.shape[1])]
        )
        joint -= likely * np.log(likely) if likely > 0 else 0.0
    by_chance = -np.where(chosen > 0, chosen * np.log(np.where(chosen > 0, chosen, 1)), 0).sum(axis=2).mean(axis=1)
    return float(joint - by_chance.sum())


def ensemble(seed: int, most: int = 8):
    generator = np.random.default_rng(seed)
    n, m, c = int(generator.integers(1, most)), int(generator.integers(2, 4)), int(generator.integers(2, 4))
    if seed % 2:
        return generator.dirichlet(np.ones(c), (n, m))
    return np.eye(c)[generator.integers(0, c, (n, m))]


@pytest.mark.parametrize("seed", SEEDS)
def test_batchbald_by_counting(check_picks, seed: int) -> None:
    probabilities, generator = ensemble(seed), np.random.default_rng(seed)
    n = len(probabilities)
    costs = generator.choice([0.5, 1.0, 2.0], n) if seed % 4 > 1 else np.ones(n)
    budget, per_cost = float(generator.uniform(0, 4)), seed % 8 > 3
    rows, gains, spent = [], [], 0.0
    while fits := [r for r in range(n) if r not in rows and spent + costs[r] <= budget]:
        now = information(probabilities, rows) if rows else 0.0
        gain = {r: information(probabilities, [*rows, r]) - now for r in fits}
        gain = {r: g for r, g in gain.items() if g > 1e-10}
        if not gain:
            break
        rows.append(first({r: g / costs[r] if per_cost else g for r, g in gain.items()}))
        gains.append(gain[rows[-1]])
        spent += costs[rows[-1]]
    picks = batchbald(probabilities, budget, rng=rng(), costs=costs, per_cost=per_cost, most_exact=3**9)
    check_picks(picks, costs, budget)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains, atol=1e-9)


def test_batchbald_drawn_is_near_counted() -> None:
    # five rows of three classes have 243 combinations; from the second pick on, 9 are too many, so 20,000 are drawn
    probabilities = np.random.default_rng(0).dirichlet(np.full(3, 0.3), (12, 6))
    counted = batchbald(probabilities, 5, rng=rng(), most_exact=3**6)
    joint = Joint(probabilities, 20_000, rng())
    joint.draw()
    total = 0.0
    for row in counted.rows.tolist():
        total += float(joint.gains(np.ones(12, dtype=bool))[row])
        joint.add(row)
    assert total == pytest.approx(information(probabilities, counted.rows.tolist()), abs=0.02)
    drawn = batchbald(probabilities, 5, rng=rng(), most_exact=2000 // 9)
    assert information(probabilities, drawn.rows.tolist()) > 0.95 * counted.gains.sum()


def test_batchbald_of_many_rows_stays_finite() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.full(10, 0.5), (600, 4))
    picks = batchbald(probabilities, 500, rng=rng(), most_exact=50)
    assert np.isfinite(picks.gains).all()
    assert len(picks.rows) > 1


def test_batchbald_first_pick_is_bald_and_equal_rows_do_not_repeat() -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), (30, 5))
    assert batchbald(probabilities, 1, rng=rng()).rows.tolist() == committee(probabilities, 1).rows.tolist()
    # what one certain label tells, its copy tells no more: the second pick is another row
    split = np.eye(2)[[[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 0, 1]]]
    assert batchbald(split, 3, rng=rng()).rows.tolist() == [0, 2]
    assert batchbald(split, 3, rng=rng(), preselected=[1]).rows.tolist() == [2]


STRATEGIES = {"logdet": logdet, "bait": bait}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
class TestEach:
    def test_nothing_one_and_all_equal(self, strategy) -> None:
        assert strategy(np.zeros((0, 3)), 5).rows.tolist() == []
        assert strategy(np.zeros((0, 3)), 5, preselected=np.zeros((2, 3))).rows.tolist() == []
        assert strategy(np.ones((1, 3)), 5).rows.tolist() == [0]
        assert strategy(np.zeros((4, 3)), 5).rows.tolist() == []
        assert strategy(np.ones((9, 2)), 2).rows.tolist() == [0, 1]

    def test_huge_tiny_and_narrow(self, strategy) -> None:
        points = np.random.default_rng(1).integers(-3, 4, size=(40, 3)).astype(float)
        for factor in (2.0**-400, 2.0**400):
            assert len(strategy(points * factor, 10).rows) == 10
        assert strategy(points.astype(np.float16), 10).rows.tolist() == strategy(points, 10).rows.tolist()

    def test_the_order_of_rows_only_changes_ties(self, strategy) -> None:
        generator = np.random.default_rng(3)
        points, order = generator.normal(size=(60, 4)), generator.permutation(60)
        assert order[strategy(points[order], 12).rows].tolist() == strategy(points, 12).rows.tolist()

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"vectors": [[np.nan, 0.0]]}, TableError, "vectors must be finite; row 0"),
            ({"preselected": [[0.0]]}, TableError, "do not match"),
            ({"weights": [-1.0]}, TableError, "weights must be finite and 0 or more"),
            ({"budget": np.nan}, ConfigError, "budget must be 0 or more"),
        ],
    )
    def test_what_cannot_be_is_refused(self, strategy, change, error, message) -> None:
        given = {"vectors": [[0.0, 0.0]], "budget": 1.0, **change}
        with pytest.raises(error, match=message):
            strategy(given.pop("vectors"), given.pop("budget"), **given)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigError, match="noise must be above 0 and finite; got 0"):
        logdet([[1.0]], 1, noise=0)
    with pytest.raises(ConfigError, match="prior must be above 0 and finite; got 0"):
        bait([[1.0]], 1, prior=0)
    with pytest.raises(ConfigError, match="oversample must be 1 or more and finite"):
        bait([[1.0]], 1, oversample=0.5)
    with pytest.raises(ConfigError, match="most_exact must be 1 or more; got 0"):
        batchbald([[[1.0]]], 1, rng=rng(), most_exact=0)
    with pytest.raises(TableError, match="probabilities must be rows x members x classes"):
        batchbald([[1.0]], 1, rng=rng())
    assert batchbald(np.zeros((0, 2, 2)), 1, rng=rng()).rows.tolist() == []


def test_prefixes_of_logdet_and_batchbald() -> None:
    generator = np.random.default_rng(1)
    points, costs = generator.normal(size=(30, 3)), generator.uniform(0.5, 2, 30)
    rows = logdet(points, 15.0, costs=costs).rows
    for k, spent in enumerate(np.cumsum(costs[rows]).tolist(), start=1):
        assert logdet(points, spent, costs=costs).rows.tolist() == rows[:k].tolist()
