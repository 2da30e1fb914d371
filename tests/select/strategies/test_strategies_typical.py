"""TypiClust, ProbCover, MaxHerding and DCoM give the picks of the plain algorithm."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from oddloop.errors import ConfigError, TableError
from oddloop.select.nearest import nearest
from oddloop.select.strategies import competence, dcom, kmeans_groups, maxherding, probcover, purity_radius, typiclust
from oddloop.select.strategies.typiclust import order_by_group, typicality_within
from strategy_pools import distances, make_case

typiclust_module = importlib.import_module("oddloop.select.strategies.typiclust")  # the function has its name
SEEDS = range(200)


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def balls(case, radius):
    """(rows, rows) and (rows, labelled) whether the ball of the second holds the first."""
    return distances(case.points, case.points) <= radius, distances(case.points, case.fixed) <= radius


def cover_value(near, given, weights):
    """Weight of the rows that are near a picked or a labelled row, or the sum of their largest similarity."""
    covered = given.max(axis=1, initial=0.0)
    return lambda rows: float((weights * np.maximum(covered, near[:, rows].max(axis=1, initial=0.0))).sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_probcover_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    case, radius, per_cost = make_case(seed), 1.0, seed % 5 > 2
    value = cover_value(*balls(case, radius), case.weights)
    picks = probcover(
        case.points,
        case.budget,
        rng=rng(),
        costs=case.costs,
        preselected=case.fixed,
        weights=case.weights,
        radius=radius,
        per_cost=per_cost,
    )
    rows, gains = greedy_naive(value, case.costs, case.budget, per_cost=per_cost)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains)
    check_picks(picks, case.costs, case.budget)


@pytest.mark.parametrize("seed", SEEDS)
def test_maxherding_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    case = make_case(seed)
    near, given = (np.exp(-(distances(case.points, p) ** 2) / 2).astype(np.float32) for p in (case.points, case.fixed))
    value = cover_value(near.astype(float), given.astype(float), case.weights)
    options = {"costs": case.costs, "preselected": case.fixed, "weights": case.weights, "width": 1.0}
    picks = maxherding(case.points, case.budget, **options)
    rows, gains = greedy_naive(value, case.costs, case.budget)
    np.testing.assert_allclose(picks.gains[: len(gains)], gains, rtol=1e-5, atol=1e-6)
    if seed % 2:  # on a lattice, sums that are equal in truth differ in the last digit
        assert picks.rows.tolist()[: len(rows)] == rows
    check_picks(picks, case.costs, case.budget)


@pytest.mark.parametrize("seed", SEEDS)
def test_dcom_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    case, radius = make_case(seed), 1.0
    n = len(case.points)
    unsure = np.random.default_rng(seed).permutation(n).astype(float)
    near, given = balls(case, radius)
    covered = given.any(axis=1)
    trust = competence(float(covered.mean()))
    most = max(int((near[:, row] & ~covered).sum()) for row in range(n))
    worth = unsure / (n - 1) if n > 1 else np.ones(n)

    def adds(rows, row):
        newly = int((near[:, row] & ~near[:, rows].any(axis=1) & ~covered).sum())
        return trust * worth[row] + ((1 - trust) / most * newly if most else 0.0)

    options = {"rng": rng(), "costs": case.costs, "preselected": case.fixed, "radius": radius}
    picks = dcom(case.points, 5.0 * unsure - 3.0, case.budget, **options)
    rows, gains = greedy_naive(adds, case.costs, case.budget, least=0.0)
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains, gains)
    check_picks(picks, case.costs, case.budget)


def typicality_naive(points, labels, k):
    result = []
    for row in range(len(points)):
        same = [other for other in range(len(points)) if labels[other] == labels[row] and other != row]
        near = np.sort(distances(points[[row]], points[same])[0])[:k] if same else [np.nan]
        result.append(1 / np.mean(near) if np.mean(near) else np.inf)
    return np.array(result)


@pytest.mark.parametrize("seed", SEEDS)
def test_typicality_by_its_definition(seed: int) -> None:
    case = make_case(seed)
    labels = np.random.default_rng(seed).integers(0, 3, len(case.points))
    expected = typicality_naive(case.points, labels, 4)
    np.testing.assert_allclose(typicality_within(case.points, labels, 4), expected, rtol=1e-6)


def order_naive(labels, typicality, n_labelled):
    """Row by row: the group with the fewest labels, then the largest, then the first; in it the most typical row."""
    left, count, order = set(range(len(labels))), dict(enumerate(n_labelled)), []
    sizes = {g: int((labels == g).sum()) for g in range(len(n_labelled))}
    while left:
        alive = {labels[row] for row in left}
        group = min(alive, key=lambda g: (sizes[g] < 5, count[g], -sizes[g], g))
        row = max((r for r in left if labels[r] == group), key=lambda r: (typicality[r], -r))
        order.append(row)
        left.remove(row)
        count[group] += 1
    return order


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_groups_by_the_plain_algorithm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 40)), int(rng.integers(1, 6))
    labels, n_labelled = rng.integers(0, k, n), rng.integers(0, 3, k)
    typicality = rng.integers(0, 4, n).astype(float)
    assert order_by_group(labels, typicality, n_labelled).tolist() == order_naive(labels, typicality, n_labelled)


@pytest.mark.parametrize("seed", SEEDS)
def test_typiclust_walks_that_order(seed: int, check_picks, walk_naive) -> None:
    case = make_case(seed, most=60)
    n_groups = min(int((np.cumsum(np.sort(case.costs)) <= case.budget).sum()) + len(case.fixed), 500)
    groups = kmeans_groups(case.points, n_groups, rng())
    n_labelled = np.zeros(max(len(groups.centres), 1), dtype=int)
    if len(case.fixed) and len(groups.centres):
        np.add.at(n_labelled, nearest(case.fixed, groups.centres)[1], 1)
    typicality = typicality_within(case.points, groups.labels, 20)
    order = order_naive(groups.labels, np.nan_to_num(typicality, nan=0.0), n_labelled)
    picks = typiclust(case.points, case.budget, rng=rng(), costs=case.costs, preselected=case.fixed)
    assert picks.rows.tolist() == walk_naive(order, case.costs.tolist(), case.budget)
    check_picks(picks, case.costs, case.budget)


def test_typiclust_takes_one_of_each_group_before_a_second() -> None:
    spread = np.random.default_rng(0)
    points = (spread.normal(size=(8, 3)) * 50)[np.repeat(np.arange(8), 20)] + spread.normal(size=(160, 3))
    groups = np.repeat(np.arange(8), 20)
    assert sorted(groups[typiclust(points, 8, rng=rng()).rows]) == list(range(8))
    # two groups are labelled already; their labels come after the six others
    assert sorted(groups[typiclust(points, 6, rng=rng(), preselected=points[[0, 25]]).rows]) == [2, 3, 4, 5, 6, 7]


def radius_naive(points, labels):
    apart = distances(points, points)
    nearest = [min(apart[i, j] for j in range(len(points)) if labels[i] != labels[j]) for i in range(len(points))]
    kept = sorted(a for a in nearest if a > 0)
    return kept[int(np.floor(0.05 * (len(kept) - 1)))]


@pytest.mark.parametrize("seed", range(50))
def test_radius_by_its_definition(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(int(50 + seed), 3))
    labels = kmeans_groups(points, 4, rng()).labels
    assert purity_radius(points, rng(), n_groups=4) == pytest.approx(radius_naive(points, labels))


def test_about_95_percent_of_balls_are_pure() -> None:
    points = np.random.default_rng(0).normal(size=(600, 3))
    labels = kmeans_groups(points, 30, rng()).labels
    inside = distances(points, points) < purity_radius(points, rng(), n_groups=30)
    pure = (~inside | (labels[:, None] == labels[None])).all(axis=1)
    assert 0.94 < pure.mean() < 0.96


def test_competence_is_the_papers() -> None:
    # p = 1 + e^-3; at c = a half of it is left
    assert competence(0.9) == pytest.approx((1 + np.exp(-3)) / 2)
    assert competence(1.0) == 1.0
    values = [competence(c) for c in np.linspace(0, 1, 101)]
    assert values == sorted(values)
    assert values[0] < 1e-11


STRATEGIES = {
    "typiclust": lambda points, budget, **o: typiclust(points, budget, rng=rng(), **o),
    "probcover": lambda points, budget, **o: probcover(points, budget, rng=rng(), **o),
    "maxherding": maxherding,
    "dcom": lambda points, budget, **o: dcom(points, np.arange(len(points)) * 1.0, budget, rng=rng(), **o),
}


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
class TestEach:
    def test_nothing_one_and_all_equal(self, strategy) -> None:
        assert strategy(np.zeros((0, 3)), 5).rows.tolist() == []
        assert strategy(np.zeros((0, 3)), 5, preselected=np.zeros((2, 3))).rows.tolist() == []
        assert strategy(np.zeros((1, 3)), 5).rows.tolist() == [0]
        assert strategy(np.zeros((1, 3)), 0).rows.tolist() == []
        assert len(strategy(np.ones((9, 2)), 1).rows) == 1

    def test_units_do_not_matter(self, strategy) -> None:
        points = np.random.default_rng(1).normal(size=(60, 3))
        rows = strategy(points, 10).rows.tolist()
        for factor in (2.0**-300, 2.0**300):
            assert strategy(points * factor, 10).rows.tolist() == rows

    def test_far_from_the_origin(self, strategy) -> None:
        points = np.round(np.random.default_rng(1).normal(size=(60, 3)), 2)
        assert strategy(points + 1e6, 10).rows.tolist() == strategy(points, 10).rows.tolist()

    def test_same_seed_same_picks(self, strategy) -> None:
        points = np.random.default_rng(1).normal(size=(60, 3))
        first, second = strategy(points, 10), strategy(points.copy(), 10)
        assert first.rows.tobytes() == second.rows.tobytes()
        assert first.gains.tobytes() == second.gains.tobytes()

    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            ({"vectors": [[np.nan, 0.0]]}, TableError, "vectors must be finite; row 0"),
            ({"preselected": [[0.0]]}, TableError, "do not match"),
            ({"costs": [1.0, 2.0]}, TableError, "there are 1 rows and 2 costs"),
            ({"budget": -1}, ConfigError, "budget must be 0 or more"),
        ],
    )
    def test_what_cannot_be_is_refused(self, strategy, change, error, message) -> None:
        given = {"vectors": [[0.0, 0.0]], "budget": 1.0, **change}
        with pytest.raises(error, match=message):
            strategy(given.pop("vectors"), given.pop("budget"), **given)


def test_uncertainty_that_cannot_be_is_refused() -> None:
    points = np.zeros((2, 1))
    with pytest.raises(TableError, match="uncertainty must be finite; row 1 has nan"):
        dcom(points, [0.0, np.nan], 1, rng=rng())
    with pytest.raises(TableError, match=r"uncertainty must be one number per row, 2 of them; got shape \(1,\)"):
        dcom(points, [0.0], 1, rng=rng())
    assert dcom(points, [-1e308, 1e308], 1, rng=rng()).rows.tolist() == [1]


def test_large_groups_are_searched_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(200, 3))
    labels = np.repeat([0, 1], 100)
    points[:30] = points[0]  # more equal rows than neighbours are asked for
    few = typicality_within(points, labels, 20)
    monkeypatch.setattr(typiclust_module, "_FEW", 0)
    np.testing.assert_allclose(typicality_within(points, labels, 20), few, rtol=1e-6)
