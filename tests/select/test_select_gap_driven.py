"""The default policy: as a naive pass over all pairs picks, with quotas filled, shares kept and nothing twice."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.config import GapDrivenConfig
from oddloop.errors import ConfigError, TableError
from oddloop.select.gap_driven import gap_driven
from oddloop.select.gap_driven.importance import importance, own_worth
from oddloop.select.quotas import Quota

PLAIN = GapDrivenConfig(control_share=0.0, exploration_share=0.0)


def pool(seed: int, n: int = 40, *, ties: bool = False):
    rng = np.random.default_rng(seed)
    vectors = rng.integers(0, 4, size=(n, 2)).astype(float) if ties else rng.normal(size=(n, 2))
    return vectors, rng.uniform(0.5, 3, n), rng.normal(size=n), vectors[rng.integers(n, size=3)] + 0.1


def naive(vectors, budget, costs, labelled, score, need, quotas=()):
    """All pairs, all rows asked at every step, by the formulas."""
    n = len(vectors)
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    near = np.argsort(apart, axis=1, kind="stable")[:, :8]  # a tenth of all, 8 at least, itself among them
    joined = np.zeros((n, n), dtype=bool)
    joined[np.repeat(np.arange(n), 8), near.ravel()] = True
    scale = np.median(apart[joined & ~np.eye(n, dtype=bool)])
    similar = np.where(joined | joined.T, np.exp(-0.5 * (apart / scale) ** 2), 0)
    to_labelled = np.linalg.norm(vectors[:, None] - labelled[None], axis=2).min(axis=1)
    best = np.exp(-0.5 * (to_labelled / scale) ** 2)
    rank = np.array([(score <= s).mean() for s in score])
    weight = need * ((1 - best.mean()) + best.mean() * 4 * rank**3)
    ranked = np.array([2 * (score <= s).mean() for s in score])
    own = (1 - best.mean()) + best.mean() * (ranked if score.min() < 0 else score / score.mean())
    rows, spent = [], 0.0
    wanted = {i: q.minimum for i, q in enumerate(quotas)}
    order = sorted((i for i in wanted if wanted[i]), key=lambda i: (len(quotas[i].rows) / wanted[i], quotas[i].name))
    while True:
        closed = {
            r for q in quotas if q.maximum is not None and len(set(rows) & set(q.rows)) >= q.maximum for r in q.rows
        }
        fits = [r for r in range(n) if r not in rows and r not in closed and spent + costs[r] <= budget]
        due = [i for i in order if len(set(rows) & set(quotas[i].rows)) < wanted[i] and set(fits) & set(quotas[i].rows)]
        fits = [r for r in fits if r in quotas[due[0]].rows] if due else fits
        worth = {r: own[r] * (weight * np.maximum(similar[r] - best, 0)).sum() / costs[r] for r in fits}
        worth = {r: w for r, w in worth.items() if w > 1e-12}
        if not worth:
            return rows
        top = max(worth.values())
        row = min(r for r, w in worth.items() if w >= top * (1 - 1e-6))
        rows.append(row)
        spent += costs[row]
        best = np.maximum(best, similar[row])


@pytest.mark.parametrize("seed", range(18, 24))  # of the first sixty, 21 finds it where the half depends on the budget
def test_picks_are_those_of_the_plain_algorithm(seed: int) -> None:
    vectors, costs, score, labelled = pool(seed)
    need = np.random.default_rng(seed).choice([0.5, 1.0, 4.0], 40)
    score = np.abs(score) if seed % 3 else score
    quotas = (Quota("a", np.arange(5), 2), Quota("b", np.arange(3, 30), 1, 3)) if seed % 2 else ()
    found = gap_driven(
        vectors, 12.0, costs=costs, preselected=labelled, score=score, need=need, quotas=quotas, config=PLAIN
    )
    assert found.picks.rows.tolist() == naive(vectors, 12.0, costs, labelled, score, need, quotas)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ties", [False, True])
def test_no_row_twice_and_never_over_budget_at_any_prefix(seed: int, ties: bool) -> None:
    vectors, costs, score, labelled = pool(seed, ties=ties)
    rng = np.random.default_rng(seed)
    picks = gap_driven(vectors, 20.0, costs=costs, preselected=labelled, score=score, rng=rng).picks
    assert len(set(picks.rows.tolist())) == len(picks.rows) == len(picks.gains) == len(picks.rules)
    assert (np.cumsum(costs[picks.rows]) <= 20.0).all()
    assert ties or 20.0 - costs[picks.rows].sum() < np.delete(costs, picks.rows).min()  # a twin adds nothing


@pytest.mark.parametrize("seed", range(10))
def test_order_of_rows_changes_nothing_but_ties(seed: int) -> None:
    vectors, costs, score, labelled = pool(seed)
    order = np.random.default_rng(seed).permutation(40)
    rows = gap_driven(vectors, 9.0, costs=costs, preselected=labelled, score=score, config=PLAIN).picks.rows
    other = gap_driven(
        vectors[order], 9.0, costs=costs[order], preselected=labelled, score=score[order], config=PLAIN
    ).picks.rows
    assert order[other].tolist() == rows.tolist()


def test_control_is_a_random_sample_and_gets_its_share() -> None:
    rng = np.random.default_rng(0)
    vectors, costs = rng.normal(size=(400, 3)), rng.uniform(1, 2, 400)
    config = GapDrivenConfig(control_share=0.2, exploration_share=0.0)
    shares, counts = [], np.zeros(400)
    for seed in range(60):
        picks = gap_driven(vectors, 60.0, costs=costs, config=config, rng=np.random.default_rng(seed)).picks
        control = picks.rows[np.array(picks.rules) == "control"]
        shares.append(costs[control].sum() / 60.0)
        counts[control] += 1
    assert 0.18 < np.mean(shares) < 0.25
    # What merit likes is drawn no more often than anything else: about 60 x 8.5 draws over 400 rows.
    merit = gap_driven(vectors, 60.0, costs=costs, config=PLAIN).picks.rows
    rate, se = counts[merit].mean(), counts.std() / np.sqrt(len(merit))
    assert abs(rate - counts.mean()) < 3 * se


@pytest.mark.parametrize("seed", range(40))
def test_control_is_the_beginning_of_one_random_order(seed: int) -> None:
    """At the end of the budget it neither skips what is dear nor takes in what merit or exploration has picked."""
    rng = np.random.default_rng(seed)
    vectors, costs, score = rng.normal(size=(200, 4)), rng.uniform(1, 3, 200), rng.random(200)
    config = GapDrivenConfig(control_share=0.2, exploration_share=0.2)
    picks = gap_driven(
        vectors, 40.0, costs=costs, score=score, preselected=vectors[:20], config=config, rng=np.random.default_rng(9)
    ).picks
    same = np.random.default_rng(9)
    same.integers(2**31 - 1)  # the seed of the graph is drawn before
    order = same.permutation(200)
    control = picks.rows[np.array(picks.rules) == "control"]
    assert len(control) > 0
    assert set(control.tolist()) == set(order[: len(control)].tolist())


@pytest.mark.parametrize(("control", "exploration"), [(1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5)])
def test_shares_of_all_leave_nothing_to_merit(control: float, exploration: float) -> None:
    rng = np.random.default_rng(5)
    vectors, costs = rng.normal(size=(60, 4)), rng.uniform(1, 3, 60)
    config = GapDrivenConfig(control_share=control, exploration_share=exploration)
    picks = gap_driven(vectors, 30.0, costs=costs, config=config).picks
    assert costs[picks.rows].sum() > 27.0
    assert set(picks.rules) <= {"control", "explore"}


def test_what_is_worth_most_starves_no_quota() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(size=(50, 2)) * 0.1, [[10.0, 10.0]]])
    costs = np.full(51, 100.0)
    costs[3], costs[50] = 10.0, 1.0  # row 3 stands for a crowd and takes the whole budget
    plain = gap_driven(vectors, 10.0, costs=costs, config=PLAIN).picks.rows.tolist()
    found = gap_driven(vectors, 10.0, costs=costs, quotas=[Quota("rare", np.array([50]), 1)], config=PLAIN)
    assert plain == [3]
    assert found.picks.rows.tolist() == [50]
    assert not found.shortfalls


def test_a_quota_is_filled_with_what_adds_nothing_too() -> None:
    vectors = np.concatenate([np.zeros((10, 2)), np.random.default_rng(0).normal(size=(30, 2))])
    quota = Quota("twins of a labelled one", np.arange(10), 3)
    costs = np.arange(40, 0, -1.0)
    found = gap_driven(vectors, 200.0, costs=costs, preselected=vectors[:1], quotas=[quota], config=PLAIN)
    assert found.picks.rows[:3].tolist() == [9, 8, 7]
    assert not found.shortfalls


def test_a_shortfall_says_what_kept_rows_out() -> None:
    vectors = np.random.default_rng(1).normal(size=(40, 2))
    quotas = [Quota("wide", np.arange(10), 0, 1), Quota("in it", np.arange(8), 5), Quota("dear", np.arange(20, 30), 5)]
    found = gap_driven(vectors, 4, quotas=quotas, config=PLAIN)
    assert [s.text for s in found.shortfalls] == [
        "quota in it: 1 of 5, the maximum of another quota keeps out the other 7",
        "quota dear: 3 of 5, the budget did not reach for more of 10",
    ]


def test_quotas_are_filled_scarcest_first_and_shortfalls_are_told() -> None:
    vectors = np.random.default_rng(1).normal(size=(200, 3))
    quotas = (
        Quota("common", np.arange(100), 5),
        Quota("rare", np.array([150, 151]), 4),
        Quota("few", np.arange(190, 200), 3),
    )
    found = gap_driven(vectors, 30, quotas=quotas, config=PLAIN)
    rows = set(found.picks.rows.tolist())
    assert {150, 151} <= rows
    assert len(rows & set(range(100))) >= 5
    assert len(rows & set(range(190, 200))) >= 3
    assert [s.text for s in found.shortfalls] == ["quota rare: 2 of 4, the pool has no more"]
    assert set(found.picks.rows[:2].tolist()) == {150, 151}


def test_a_maximum_is_never_passed() -> None:
    vectors = np.random.default_rng(2).normal(size=(100, 2))
    quotas = (Quota("most", np.arange(80), 0, 3), Quota("none", np.arange(80, 90), 0, 0))
    rows = gap_driven(vectors, 40, quotas=quotas, rng=np.random.default_rng(3)).picks.rows
    assert (rows < 80).sum() == 3
    assert not ((rows >= 80) & (rows < 90)).any()
    assert len(rows) == 13


def test_rare_cells_of_a_large_pool_are_found_without_a_miss() -> None:
    """Joint attributes at .1 % of 20,000 scenes, three of them; one holds less than is wanted."""
    rng = np.random.default_rng(4)
    n = 20_000
    cells = [np.sort(rng.choice(n, size, replace=False)) for size in (20, 20, 6)]
    quotas = tuple(Quota(f"cell{i}", rows, 10) for i, rows in enumerate(cells))
    found = gap_driven(
        rng.normal(size=(n, 8)).astype(np.float32), 100, quotas=quotas, config=GapDrivenConfig(n_neighbours=16)
    )
    taken = set(found.picks.rows.tolist())
    assert [len(taken & set(rows.tolist())) >= k for rows, k in zip(cells, (10, 10, 6), strict=True)] == [True] * 3
    assert [s.text for s in found.shortfalls] == ["quota cell2: 6 of 10, the pool has no more"]


def test_a_scene_worth_more_than_all_cheap_ones_goes_first() -> None:
    # 30 rows in one spot, one dear row amid them; far off, a row that costs next to nothing and stands for itself.
    vectors = np.concatenate([np.zeros((30, 1)), [[99.0]]])
    costs = np.array([10.0] * 30 + [0.01])
    rows = gap_driven(vectors, 10.0, costs=costs, config=PLAIN).picks.rows
    assert rows.tolist() == [0]


def test_the_middle_of_each_group_is_picked() -> None:
    vectors = np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]])
    found = gap_driven(vectors, 2, config=GapDrivenConfig(control_share=0, exploration_share=0, n_neighbours=3))
    assert sorted(found.picks.rows.tolist()) == [1, 4]


def test_typical_first_while_little_is_labelled_and_doubt_later() -> None:
    score = np.array([0.0, 1.0, 2.0, 3.0])
    early = importance(score, np.ones(4, bool), np.ones(4), coverage=0.0, power=3.0)
    late = importance(score, np.ones(4, bool), np.ones(4), coverage=1.0, power=3.0)
    assert early.tolist() == [1.0] * 4
    assert late.tolist() == pytest.approx([4 * r**3 for r in (0.25, 0.5, 0.75, 1.0)])


@pytest.mark.parametrize("coverage", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("score", [0.0, 0.3, -2.0])
def test_equal_scores_weigh_as_much_as_none(coverage: float, score: float) -> None:
    scores, valid = np.full(400, score), np.arange(400) < 300
    weights = importance(scores, valid, np.ones(400), coverage, 3.0) * own_worth(scores, valid, coverage)
    assert weights[300:].tolist() == [1.0] * 100
    assert np.abs(weights[:300] - 1.0).max() < 0.02


@pytest.mark.parametrize("seed", range(10))
def test_tied_scores_share_the_mean_weight_of_their_places(seed: int) -> None:
    scores = np.random.default_rng(seed).integers(0, 5, 40).astype(float)
    order = sorted(range(40), key=lambda row: scores[row])
    place = {row: 4 * ((at + 1) / 40) ** 3 for at, row in enumerate(order)}
    expected = [np.mean([place[other] for other in range(40) if scores[other] == s]) for s in scores]
    found = importance(scores, np.ones(40, bool), np.ones(40), 1.0, 3.0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_scenes_without_vector_or_score_can_be_picked() -> None:
    vectors = np.array([[0.0], [np.nan], [1.0]])
    found = gap_driven(vectors, 3, score=np.array([np.nan, 2.0, 1.0]), config=PLAIN)
    assert sorted(found.picks.rows.tolist()) == [0, 1, 2]
    assert gap_driven(np.zeros((4, 0)), 2, config=PLAIN).picks.rows.tolist() == [0, 1]


@pytest.mark.parametrize("n", [0, 1])
def test_empty_and_one(n: int) -> None:
    assert gap_driven(np.zeros((n, 2)), 5).picks.rows.tolist() == list(range(n))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.array([[0.0], [np.inf]])}, "row 1 holds infinity"),
        ({"vectors": [["a"]]}, "matrix of floats"),
        ({"costs": [1.0, np.nan]}, "row 1 costs nan"),
        ({"score": [1.0]}, "one number per row, 2 of them"),
        ({"need": [1.0, -1.0]}, "row 1 has -1"),
    ],
)
def test_bad_arrays_are_refused(change: dict, message: str) -> None:
    given = {"vectors": np.array([[0.0], [1.0]]), **change}
    with pytest.raises(TableError, match=message):
        gap_driven(given.pop("vectors"), 1, **given)


def test_bad_budgets_and_quotas_are_refused() -> None:
    vectors = np.zeros((2, 1))
    with pytest.raises(ConfigError, match="budget must be 0 or more"):
        gap_driven(vectors, -1)
    with pytest.raises(ConfigError, match="leave no number between"):
        Quota("x", np.arange(2), 3, 2)
    with pytest.raises(ConfigError, match="quotas name row 5, but the pool has 2 rows"):
        gap_driven(vectors, 1, quotas=(Quota("x", np.array([5]), 1),))


def test_half_precision_and_huge_values() -> None:
    vectors, costs, score, labelled = pool(7)
    rows = gap_driven(vectors, 9.0, costs=costs, preselected=labelled, score=score, config=PLAIN).picks.rows
    huge = gap_driven(
        vectors * 1e200, 9.0, costs=costs, preselected=labelled * 1e200, score=score, config=PLAIN
    ).picks.rows
    assert huge.tolist() == rows.tolist()
    half = gap_driven(vectors.astype(np.float16), 9.0, costs=costs, score=score, config=PLAIN).picks.rows
    assert len(half) > 3


@pytest.mark.parametrize("seed", range(18, 24))  # of the first sixty, 21 finds it where the half depends on the budget
def test_a_smaller_budget_gives_the_first_of_the_same_explored(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, labelled, costs = rng.normal(size=(40, 3)), rng.normal(size=(5, 3)), rng.integers(1, 6, 40).astype(float)
    config = GapDrivenConfig(control_share=0.0, exploration_share=1.0)

    def explore(budget: float) -> list[int]:
        chance = np.random.default_rng(seed)
        found = gap_driven(vectors, budget, costs=costs, preselected=labelled, config=config, rng=chance)
        return found.picks.rows.tolist()

    rows = explore(20.0)
    spent = np.cumsum(costs[rows]).tolist()
    assert [explore(budget) for budget in spent] == [rows[: k + 1] for k in range(len(rows))]
