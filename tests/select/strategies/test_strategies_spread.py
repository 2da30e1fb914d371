"""k-means and its ++, BADGE, ranked batch and robust k-center give the picks of the plain algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.errors import ConfigError, TableError
from oddloop.select import kcenter
from oddloop.select.strategies import (
    badge,
    kmeans_groups,
    kmeans_picks,
    kmeans_plus_plus,
    ranked_batch,
    robust_kcenter,
)
from strategy_pools import distances, make_case

SEEDS = range(200)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def draw_naive(mass, generator) -> int:
    running = np.cumsum(mass / mass.max()).tolist()
    point = generator.random() * running[-1]
    return next((row for row, share in enumerate(running) if share > point and mass[row] > 0), len(mass) - 1)


def plus_plus_naive(squared, first, case, generator):
    """Draws over a full (rows, rows) matrix of squared distances; `first` is a function of what is closed."""
    rows, gains, spent, closed = [], [], 0.0, set()
    far = squared["fixed"].min(axis=1, initial=np.inf)
    while True:
        known = bool(rows) or squared["fixed"].shape[1] > 0
        base = far if known else first
        mass = np.array([0.0 if row in closed else base[row] * case.weights[row] for row in range(len(base))])
        if not (mass > 0).any():
            return rows, gains
        row = draw_naive(mass, generator)
        closed.add(row)
        if spent + case.costs[row] > case.budget:
            continue
        rows.append(row)
        gains.append(np.sqrt(far[row]) if known else np.nan)
        spent += case.costs[row]
        far = np.minimum(far, squared["among"][row])


@pytest.mark.parametrize("seed", SEEDS)
def test_plus_plus_by_the_plain_algorithm(check_picks, seed: int) -> None:
    case = make_case(seed)
    squared = {
        "among": distances(case.points, case.points) ** 2,
        "fixed": distances(case.points, case.fixed) ** 2,
    }
    rows, gains = plus_plus_naive(squared, np.ones(len(case.points)), case, rng())
    options = {"rng": rng(), "costs": case.costs, "preselected": case.fixed, "weights": case.weights}
    picks = kmeans_plus_plus(case.points, case.budget, **options)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains)
    check_picks(picks, case.costs, case.budget)


def test_draws_have_the_chance_of_the_formula() -> None:
    # squared distances 1, 4 and 9 from what is labelled, with weights 1, 1 and 2: 1, 4 and 18 of 23
    generator = rng()
    options = {"rng": generator, "preselected": [[0.0]], "weights": [1.0, 1.0, 2.0]}
    draws = [kmeans_plus_plus([[1.0], [2.0], [3.0]], 1, **options).rows[0] for _ in range(1000)]
    np.testing.assert_allclose(np.bincount(draws) / 1000, np.array([1, 4, 18]) / 23, atol=0.06)


def lloyd_naive(points, begin, fixed, weights):
    centres, before = points[begin].copy(), None
    for _ in range(20):
        labels = distances(points, np.concatenate([fixed, centres])).argmin(axis=1)
        if before is not None and (labels == before).all():
            break
        for g in range(len(centres)):
            of = labels == g + len(fixed)
            if weights[of].sum() > 0:
                centres[g] = np.average(points[of], axis=0, weights=weights[of])
        before = labels
    return np.concatenate([fixed, centres])


@pytest.mark.parametrize("seed", range(1, 400, 2))
def test_kmeans_by_the_plain_algorithm(check_picks, walk_naive, seed: int) -> None:
    # without ties: which of two equally near centres a row joins is free
    case = make_case(seed)
    points, fixed = case.points.astype(float), case.fixed.astype(float)
    k = int((np.cumsum(np.sort(case.costs)) <= case.budget).sum())
    options = {"preselected": fixed, "weights": case.weights}
    if not k:
        assert not len(kmeans_picks(case.points, case.budget, rng=rng(), costs=case.costs, **options).rows)
        return
    centres = lloyd_naive(points, kmeans_plus_plus(points, k, rng=rng(), **options).rows, fixed, case.weights)
    picks = kmeans_picks(case.points, case.budget, rng=rng(), costs=case.costs, **options)
    check_picks(picks, case.costs, case.budget)
    apart = distances(points, centres)
    labels = apart.argmin(axis=1)
    weight = [float(case.weights[labels == g].sum()) for g in range(len(centres))]
    nearest = {g: min(np.flatnonzero(labels == g), key=lambda r, g=g: (apart[r, g], r)) for g in set(labels.tolist())}
    order = sorted((row for g, row in nearest.items() if g >= len(fixed)), key=lambda r: (-weight[labels[r]], r))
    assert picks.rows.tolist() == walk_naive(order, case.costs.tolist(), case.budget)
    np.testing.assert_allclose(picks.gains, [weight[labels[r]] for r in picks.rows])


def test_kmeans_finds_planted_groups() -> None:
    spread = np.random.default_rng(0)
    points = (spread.normal(size=(5, 3)) * 50)[np.repeat(np.arange(5), 30)] + spread.normal(size=(150, 3))
    groups = kmeans_groups(points, 5, rng())
    assert sorted(np.bincount(groups.labels).tolist()) == [30] * 5
    rows = kmeans_picks(points, 5, rng=rng()).rows
    assert sorted((rows // 30).tolist()) == list(range(5))
    # two of them are labelled: their centres stay, and give no picks
    rows = kmeans_picks(points, 3, rng=rng(), preselected=[points[:30].mean(axis=0), points[30:60].mean(axis=0)]).rows
    assert sorted((rows // 30).tolist()) == [2, 3, 4]


@pytest.mark.parametrize("seed", SEEDS)
def test_badge_by_the_plain_algorithm(check_picks, seed: int) -> None:
    case, generator = make_case(seed), np.random.default_rng(seed)
    n, c, d = len(case.points), int(generator.integers(2, 6)), int(generator.integers(1, 5))
    p = generator.dirichlet(np.ones(c), n) if seed % 2 else np.eye(c)[generator.integers(0, c, n)] * 0.5 + 0.5 / c
    h = generator.normal(size=(n, d)) if seed % 2 else generator.integers(-1, 2, size=(n, d)).astype(float)
    gradients = np.array([np.outer(p[i] - np.eye(c)[p[i].argmax()], h[i]).ravel() for i in range(n)])
    among = distances(gradients, gradients) ** 2
    among[among < 1e-12] = 0.0
    lengths = (gradients**2).sum(axis=1)
    preselected = np.flatnonzero(generator.random(n) < 0.1)
    rows, gains, spent, closed, far = [], [], 0.0, set(preselected.tolist()), np.full(n, np.inf)
    for row in preselected:
        far = np.minimum(far, among[row])
    draws = rng()
    while True:
        begun = np.isfinite(far).all()
        base = far if begun else np.where(case.costs <= case.budget, lengths, 0.0)
        mass = np.array([0.0 if row in closed else base[row] * case.weights[row] for row in range(n)])
        if not (mass > 0).any():
            break
        if not begun and len(np.flatnonzero(mass >= mass.max() * (1 - 1e-9))) > 1:
            return  # equal but for rounding: either may be first
        row = draw_naive(mass, draws) if begun else int(mass.argmax())
        closed.add(row)
        if spent + case.costs[row] > case.budget:
            continue
        rows.append(row)
        gains.append(np.sqrt(far[row]) if begun else np.nan)
        spent += case.costs[row]
        far = np.minimum(far, among[row])
    options = {"rng": rng(), "costs": case.costs, "preselected": preselected, "weights": case.weights}
    picks = badge(p, h, case.budget, **options)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains, rtol=1e-6)
    check_picks(picks, case.costs, case.budget, closed=preselected.tolist())


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_badge_never_picks_an_equal_gradient_twice(dtype) -> None:
    # libraries draw the same row twice here, since rounding leaves a distance to itself
    generator = np.random.default_rng(0)
    p = np.repeat(generator.dirichlet(np.ones(6), 5), 8, axis=0).astype(dtype)
    h = np.repeat(generator.normal(size=(5, 7)) * 1e3, 8, axis=0).astype(dtype)
    rows = badge(p, h, 40, rng=rng()).rows
    assert sorted((rows // 8).tolist()) == list(range(5))


def test_badge_does_not_take_the_origin_for_a_centre() -> None:
    # one certain row among uncertain ones: its gradient is near 0, but far from the others, so it may be drawn
    p, h = np.array([[0.5, 0.5], [0.5, 0.5], [1 - 1e-9, 1e-9]]), np.array([[1.0], [1.0], [1.0]])
    assert badge(p, h, 3, rng=rng()).rows.tolist() == [0, 2]


@pytest.mark.parametrize("seed", SEEDS)
def test_ranked_batch_by_the_plain_algorithm(check_picks, seed: int) -> None:
    case = make_case(seed)
    n, points = len(case.points), case.points.astype(float)
    unsure = np.random.default_rng(seed).choice([0.0, 0.25, 0.5, 1.0], n)
    known, rows, gains, spent = list(case.fixed.astype(float)), [], [], 0.0
    while left := [r for r in range(n) if r not in rows and spent + case.costs[r] <= case.budget]:
        if known:
            a = (n - len(rows)) / (n - len(rows) + len(known))
            far = distances(points, known).min(axis=1)
            score = {r: a * (1 - 1 / (1 + far[r])) + (1 - a) * unsure[r] for r in left}
            gains.append(max(score.values()))
            row = min(r for r in left if score[r] == gains[-1])
        else:
            far = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
            row = min(r for r in left if far[r] <= min(far[left]) * (1 + 1e-9))
            gains.append(np.nan)
        rows.append(row)
        known.append(points[row])
        spent += case.costs[row]
    picks = ranked_batch(case.points, unsure, case.budget, costs=case.costs, preselected=case.fixed)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains)
    check_picks(picks, case.costs, case.budget)


@pytest.mark.parametrize("seed", SEEDS)
def test_robust_kcenter_by_the_plain_algorithm(check_picks, seed: int) -> None:
    case, outliers = make_case(seed), [0.0, 0.1, 0.3][seed // 2 % 3]
    n, points = len(case.points), case.points.astype(float)
    known, rows, gains, spent = list(case.fixed.astype(float)), [], [], 0.0
    while fits := [r for r in range(n) if r not in rows and spent + case.costs[r] <= case.budget]:
        if known:
            far = ((points[:, None] - np.array(known)[None]) ** 2).sum(axis=2).min(axis=1)
            waiting = sorted((far[r] for r in range(n) if r not in rows), reverse=True)
            if len(waiting) <= int(outliers * n):
                break
            allowed = waiting[int(outliers * n)]
            inside = [r for r in fits if far[r] <= allowed and far[r] > 0]
            if not inside:
                break
            row = max(inside, key=lambda r: (far[r], -r))
            gains.append(np.sqrt(far[row]))
        else:
            far = ((points - points.mean(axis=0)) ** 2).sum(axis=1)
            row = min(r for r in fits if far[r] <= min(far[fits]) * (1 + 1e-9))
            gains.append(np.nan)
        rows.append(row)
        known.append(points[row])
        spent += case.costs[row]
    picks = robust_kcenter(case.points, case.budget, outliers=outliers, costs=case.costs, preselected=case.fixed)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains)
    check_picks(picks, case.costs, case.budget)


def test_robust_kcenter_leaves_outliers_alone() -> None:
    points = np.random.default_rng(0).normal(size=(200, 3))
    points[17], points[99] = 1000.0, -1000.0
    assert {17, 99} <= set(kcenter(points, np.ones(200), 5).rows.tolist())
    assert not {17, 99} & set(robust_kcenter(points, 50, outliers=0.01).rows.tolist())
    assert robust_kcenter(points, 50, outliers=0).rows.tolist() == kcenter(points, np.ones(200), 50).rows.tolist()


STRATEGIES = {
    "kmeans_plus_plus": lambda points, budget, **o: kmeans_plus_plus(points, budget, rng=rng(), **o),
    "kmeans_picks": lambda points, budget, **o: kmeans_picks(points, budget, rng=rng(), **o),
    "robust_kcenter": robust_kcenter,
    "ranked_batch": lambda points, budget, **o: ranked_batch(points, np.linspace(0, 1, len(points)), budget, **o),
}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
class TestEach:
    def test_nothing_one_and_all_equal(self, strategy) -> None:
        assert strategy(np.zeros((0, 3)), 5).rows.tolist() == []
        assert strategy(np.zeros((0, 3)), 5, preselected=np.zeros((2, 3))).rows.tolist() == []
        assert strategy(np.zeros((1, 3)), 5).rows.tolist() == [0]
        assert strategy(np.zeros((1, 3)), 0).rows.tolist() == []
        assert len(strategy(np.ones((9, 2)), 1).rows) == 1

    def test_huge_and_tiny(self, strategy) -> None:
        points = np.random.default_rng(1).normal(size=(40, 3))
        for factor in (2.0**-400, 2.0**400):
            rows = strategy(points * factor, 10).rows.tolist()
            assert len(set(rows)) == 10

    def test_any_prefix_is_the_answer_to_a_smaller_budget(self, strategy) -> None:
        generator = np.random.default_rng(1)
        points, costs = generator.normal(size=(30, 3)), generator.uniform(0.5, 2, 30)
        rows = strategy(points, 15.0, costs=costs).rows
        if strategy is STRATEGIES["kmeans_picks"]:  # it makes as many groups as the budget pays for
            return
        for k, spent in enumerate(np.cumsum(costs[rows]).tolist(), start=1):
            assert strategy(points, spent, costs=costs).rows.tolist() == rows[:k].tolist()

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"vectors": [[np.nan, 0.0]]}, TableError, "vectors must be finite; row 0"),
            ({"preselected": [[0.0]]}, TableError, "do not match"),
            ({"costs": [1.0, 2.0]}, TableError, "there are 1 rows and 2 costs"),
            ({"budget": np.nan}, ConfigError, "budget must be 0 or more"),
        ],
    )
    def test_what_cannot_be_is_refused(self, strategy, change, error, message) -> None:
        given = {"vectors": [[0.0, 0.0]], "budget": 1.0, **change}
        with pytest.raises(error, match=message):
            strategy(given.pop("vectors"), given.pop("budget"), **given)


def test_the_order_of_rows_only_changes_ties() -> None:
    generator = np.random.default_rng(3)
    points, order, unsure = generator.normal(size=(80, 4)), generator.permutation(80), generator.random(80)
    assert order[robust_kcenter(points[order], 20).rows].tolist() == robust_kcenter(points, 20).rows.tolist()
    shuffled = ranked_batch(points[order], unsure[order], 20).rows
    assert order[shuffled].tolist() == ranked_batch(points, unsure, 20).rows.tolist()


def test_badge_and_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(TableError, match="there are 2 rows of probabilities and 1 of embeddings"):
        badge([[1.0], [1.0]], [[1.0]], 1, rng=rng())
    with pytest.raises(TableError, match="embeddings must be finite; row 0"):
        badge([[1.0]], [[np.inf]], 1, rng=rng())
    with pytest.raises(TableError, match="uncertainty must be finite; row 0 has nan"):
        ranked_batch([[1.0]], [np.nan], 1)
    with pytest.raises(TableError, match="there are 1 rows and 2 uncertainties"):
        ranked_batch([[1.0]], [0.0, 0.0], 1)
    with pytest.raises(ConfigError, match="outliers must be at least 0 and below 1; got 1"):
        robust_kcenter([[1.0]], 1, outliers=1)
    assert badge(np.zeros((0, 3)), np.zeros((0, 2)), 1, rng=rng()).rows.tolist() == []
    assert badge([[1.0]], [[1.0]], 1, rng=rng()).rows.tolist() == []  # certain: there is no gradient
    assert badge([[0.5, 0.5]], [[1e300]], 1, rng=rng()).rows.tolist() == [0]
