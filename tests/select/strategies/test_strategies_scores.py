"""Strategies that need no vectors: drawn by score, stratified, committee; and the targeted form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from oddloop.errors import ConfigError, TableError
from oddloop.select.strategies import committee, draw_by_score, stratified, targeted
from strategy_pools import distances, make_case

SEEDS = range(200)


def instance(seed: int):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    score = rng.choice([-1.0, 0.0, 0.5, 1.0, 2.0], n) if seed % 2 else rng.exponential(size=n)
    costs = np.ones(n) if seed % 4 < 2 else rng.choice([0.5, 1.0, 2.0], n)
    closed = np.flatnonzero(rng.random(n) < 0.2)
    return score, costs, float(rng.uniform(0, costs.sum())), closed


@pytest.mark.parametrize("chance", ["power", "softmax", "rank"])
@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_by_the_plain_algorithm(walk_naive, check_picks, seed: int, chance: str) -> None:
    score, costs, budget, closed = instance(seed)
    noise = np.random.default_rng(seed).gumbel(size=len(score))
    base = {
        "power": [np.log(s) if s > 0 else -np.inf for s in score],
        "softmax": score,
        "rank": [-np.log(1 + sum(other > s for other in score)) for s in score],
    }[chance]
    keys = [(-(b + n / 2.0), -n, row) for row, (b, n) in enumerate(zip(base, noise, strict=True)) if row not in closed]
    picks = draw_by_score(
        score,
        budget,
        rng=np.random.default_rng(seed),
        chance=chance,
        coldness=2.0,
        costs=costs,
        preselected=closed,
    )
    assert picks.rows.tolist() == walk_naive([row for *_, row in sorted(keys)], costs.tolist(), budget)
    assert picks.gains.tolist() == score[picks.rows].tolist()
    check_picks(picks, costs, budget, closed=closed.tolist())


@pytest.mark.parametrize(
    ("chance", "weights"),
    [("power", [1, 4, 9]), ("softmax", np.exp([2.0, 4.0, 6.0])), ("rank", [1 / 9, 1 / 4, 1])],
)
def test_first_draws_have_the_chance_of_the_formula(chance: str, weights) -> None:
    # scores 1, 2 and 3 with coldness 2: squares; e^(2 s); (1 / rank)^2. Four standard errors of 4,000 draws are 0.03
    rng = np.random.default_rng(0)
    firsts = [draw_by_score([1.0, 2.0, 3.0], 1, rng=rng, chance=chance, coldness=2.0).rows[0] for _ in range(4000)]
    share = np.bincount(firsts, minlength=3) / 4000
    np.testing.assert_allclose(share, np.array(weights) / np.sum(weights), atol=0.032)


def test_coldness_at_its_ends() -> None:
    score = np.random.default_rng(1).exponential(size=50)
    top = np.argsort(-score)[:10].tolist()
    for chance in ("power", "softmax", "rank"):
        hot = [
            draw_by_score(score, 10, rng=np.random.default_rng(3), chance=chance, coldness=c).rows.tolist()
            for c in (0.0, np.inf)
        ]
        assert hot[1] == top
        assert hot[0] == np.argsort(-np.random.default_rng(3).gumbel(size=50))[:10].tolist()


def test_scores_without_a_logarithm_come_last() -> None:
    for seed in range(20):
        rows = draw_by_score([0.0, 1e-300, -5.0, 1.0], 4, rng=np.random.default_rng(seed)).rows.tolist()
        assert set(rows[:2]) == {1, 3}


def sainte_lague(groups, n_labelled, shares, order, costs, budget):
    """Seat by seat over the rows in the order drawn, as if all had room; then what fits."""
    waiting = {g: [row for row in order if groups[row] == g] for g in sorted(set(groups))}
    seats, result = dict(n_labelled), []
    while any(waiting.values()):
        group = max((g for g in waiting if waiting[g]), key=lambda g: (shares[g] / (2 * seats.get(g, 0) + 1), -ord(g)))
        result.append(waiting[group].pop(0))
        seats[group] = seats.get(group, 0) + 1
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_stratified_seat_by_seat(walk_naive, check_picks, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    groups = rng.choice(list("abcd"), n, p=[0.5, 0.3, 0.15, 0.05])
    labelled = rng.choice(list("abz"), int(rng.integers(0, 5)))
    costs = np.ones(n) if seed % 3 else rng.choice([0.5, 1.0, 2.0], n)
    weights = {"a": 1.0, "b": 0.5, "z": 3.0} if seed % 2 else None
    shares = {g: float((weights or {}).get(g, (groups == g).sum())) for g in "abcd"}
    budget = float(rng.uniform(0, costs.sum()))
    n_labelled = {g: int((labelled == g).sum()) for g in "abz"}
    order = np.random.default_rng(seed).permutation(n).tolist()
    expected = sainte_lague(groups.tolist(), n_labelled, shares, order, costs, budget)
    picks = stratified(
        groups, budget, rng=np.random.default_rng(seed), costs=costs, preselected=labelled, weights=weights
    )
    assert picks.rows.tolist() == walk_naive(expected, costs.tolist(), budget)
    check_picks(picks, costs, budget)


def test_every_prefix_is_near_its_shares() -> None:
    groups = np.repeat([0, 1, 2], [600, 300, 100])
    rows = stratified(groups, 1000, rng=np.random.default_rng(0)).rows
    counts = np.cumsum(np.eye(3)[groups[rows]], axis=0)
    ideal = np.arange(1, 1001)[:, None] * np.array([0.6, 0.3, 0.1])
    assert np.abs(counts - ideal).max() < 1.0


def entropy(p) -> float:
    return -sum(x * np.log(x) for x in p if x > 0)


def disagreement(members, measure: str) -> float:
    m, c = members.shape
    if measure == "vote_entropy":
        votes = [int(np.argmax(row)) for row in members]
        return entropy([votes.count(k) / m for k in range(c)])
    mean = [sum(row[k] for row in members) / m for k in range(c)]
    kls = [sum(row[k] * np.log(row[k] / mean[k]) for k in range(c) if row[k] > 0) for row in members]
    return float(np.mean(kls) if measure == "mean_kl" else max(kls))


@pytest.mark.parametrize("measure", ["vote_entropy", "mean_kl", "max_kl"])
@pytest.mark.parametrize("seed", SEEDS)
def test_committee_by_its_definition(walk_naive, check_picks, seed: int, measure: str) -> None:
    rng = np.random.default_rng(seed)
    n, m, c = int(rng.integers(1, 12)), int(rng.integers(1, 6)), int(rng.integers(1, 5))
    members = rng.dirichlet(np.ones(c), (n, m)) if seed % 2 else np.eye(c)[rng.integers(0, c, (n, m))]
    score = [disagreement(row, measure) for row in members]
    costs, budget = rng.choice([0.5, 1.0, 2.0], n), float(rng.uniform(0, 2 * n))
    picks = committee(members, budget, measure=measure, costs=costs)
    check_picks(picks, costs, budget)
    np.testing.assert_allclose(picks.gains, np.array(score)[picks.rows], atol=1e-12)
    order = sorted(range(n), key=lambda row: (-round(score[row], 9), row))
    assert [round(score[row], 9) for row in picks.rows] == [
        round(score[row], 9) for row in walk_naive(order, costs.tolist(), budget)
    ] or seed % 2 == 0  # with equal scores and unequal costs, rounding decides which row comes first
    assert not len(picks.rows) or picks.gains.max() <= np.log(max(m, 1)) + 1e-12


def test_committee_ties_by_row() -> None:
    members = np.eye(2)[[[0, 0], [0, 1], [1, 0], [0, 1]]]
    for measure in ("vote_entropy", "mean_kl", "max_kl"):
        assert committee(members, 4, measure=measure, preselected=[2]).rows.tolist() == [1, 3, 0]
        assert committee(members.astype(np.float16), 2, measure=measure).rows.tolist() == [1, 2]
    assert committee(np.zeros((0, 3, 2)), 4).rows.tolist() == []


@pytest.mark.parametrize("seed", SEEDS)
def test_targeted_by_the_plain_algorithm(greedy_naive, check_picks, seed: int) -> None:
    case = make_case(seed, most=15)
    rng = np.random.default_rng(seed)
    like, unlike = rng.normal(size=(2, 2)), rng.normal(size=(int(rng.integers(0, 3)), 2))

    def near(other):
        return np.exp(-(distances(case.points, other) ** 2) / 2)

    wanted = case.weights * near(like).max(axis=1)
    avoided = np.maximum(near(unlike).max(axis=1, initial=0.0), near(case.fixed).max(axis=1, initial=0.0))
    among = near(case.points)

    def value(rows):
        return float((wanted * np.maximum(among[:, rows].max(axis=1, initial=0.0) - avoided, 0)).sum())

    picks = targeted(
        case.points,
        case.budget,
        like=like,
        unlike=unlike if len(unlike) else None,
        costs=case.costs,
        preselected=case.fixed,
        weights=case.weights,
        width=1.0,
    )
    _, gains = greedy_naive(value, case.costs, case.budget, least=1e-6)
    check_picks(picks, case.costs, case.budget)
    np.testing.assert_allclose(picks.gains[: len(gains)], gains, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(picks.gains.sum(), value(picks.rows.tolist()) - value([]), rtol=1e-4, atol=1e-6)


def test_targeted_finds_the_planted_and_not_the_avoided() -> None:
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(c, 0.2, (40, 4)) for c in (0.0, 3.0, 6.0)])
    examples = np.array([[3.0] * 4, [6.0] * 4])
    both = targeted(points, 2, like=examples, width=1.0).rows // 40
    assert sorted(both.tolist()) == [1, 2]
    rows = targeted(points, 1, like=examples, unlike=examples[1:], width=1.0).rows
    assert rows[0] // 40 == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda rng: draw_by_score([np.nan], 1, rng=rng), TableError, "score must be finite; row 0 has nan"),
        (lambda rng: draw_by_score([[1.0]], 1, rng=rng), TableError, r"one number per row; got shape \(1, 1\)"),
        (lambda rng: draw_by_score([1.0], 1, rng=rng, chance="luck"), ConfigError, "known: power, softmax, rank"),
        (lambda rng: draw_by_score([1.0], 1, rng=rng, coldness=-1), ConfigError, "coldness must be 0 or more; got -1"),
        (lambda rng: stratified([["a"]], 1, rng=rng), TableError, "groups must be one name or whole number per row"),
        (lambda rng: stratified([np.nan], 1, rng=rng), TableError, "groups must be one name"),
        (lambda rng: stratified(["a"], 1, rng=rng, weights={"a": -1.0}), TableError, "group a has -1"),
        (lambda rng: committee([[0.5, 0.5]], 1), TableError, r"rows x members x classes; got shape \(1, 2\)"),
        (lambda rng: committee([[[0.5, 0.6]]], 1), TableError, "sum to 1 over classes; row 0 does not"),
        (lambda rng: committee([[[np.nan, 1.0]]], 1), TableError, "row 0 does not"),
        (lambda rng: committee([[[1.0]]], 1, measure="x"), ConfigError, "known: vote_entropy, mean_kl, max_kl"),
        (lambda rng: targeted([[0.0]], 1, like=np.zeros((0, 1))), TableError, "like must hold at least one vector"),
        (lambda rng: targeted([[0.0]], 1, like=[[np.nan]]), TableError, "like must be finite; row 0"),
        (lambda rng: targeted([[0.0]], 1, like=[[0.0, 1.0]]), TableError, r"like \(1, 2\) do not match"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call(np.random.default_rng(0))


def test_nothing_and_huge() -> None:
    rng = np.random.default_rng(0)
    assert draw_by_score([], 5, rng=rng).rows.tolist() == []
    assert stratified([], 5, rng=rng).rows.tolist() == []
    assert targeted(np.zeros((0, 2)), 5, like=[[0.0, 0.0]]).rows.tolist() == []
    for chance, factor in itertools.product(("power", "softmax", "rank"), (1e300, 1e-300)):
        picks = draw_by_score(np.array([1.0, 3.0]) * factor, 5, rng=rng, chance=chance)
        assert sorted(picks.rows.tolist()) == [0, 1]
