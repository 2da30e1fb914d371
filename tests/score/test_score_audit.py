"""The audit of scores against errors: worked numbers, independent ways to the same figures, and what never matters."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import linregress, pearsonr, rankdata, spearmanr

import oddloop.score.audit
from oddloop.derived_tables import AUDIT
from oddloop.score import AuditConfig, AuditRows, audit_scores
from oddloop.score.audit.ranking import Falling, running_sums
from oddloop.score.audit.resampled import Resampled
from oddloop.score.audit.sample import Sample

FAST = AuditConfig(n_bootstrap=50)


def audit(scores, rows, seed=0, config=FAST):
    table = audit_scores(scores, rows, np.random.default_rng(seed), config)
    assert table.schema.equals(AUDIT.schema())
    return {row["score"]: row for row in table.to_pylist()}


def random_rows(n=300, n_logs=12, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(4 if ties else 1000, n)
    return AuditRows(
        errors=rng.poisson(counts / (2 if ties else 500)),
        groups=[f"log{i:02d}" for i in rng.integers(0, n_logs, n)],
        costs=rng.uniform(0.5, 3.0, n),
        counts=counts,
        lengths=rng.uniform(5, 20, n),
    )


# --- worked numbers


def test_errors_found_by_hand() -> None:
    # Total cost 10, total errors 8. By falling score: rows 2, 0, then 1 and 3 together (a tie).
    rows = AuditRows(errors=[2, 1, 4, 1], groups=["a", "b", "c", "d"], costs=[0.5, 4.5, 0.5, 4.5], counts=[1, 2, 3, 4])
    found = audit({"x": [5.0, 1.0, 9.0, 1.0]}, rows)["x"]
    assert found["found_at_5"] == pytest.approx(4 / 8)  # 0.5 pays for row 2
    assert found["found_at_10"] == pytest.approx(6 / 8)  # 1.0 pays for rows 2 and 0
    assert found["found_at_20"] == pytest.approx((6 + 2 * 1 / 9) / 8)  # 1.0 more is a ninth of the tied two
    # Object count takes row 3 first: 0.5, 1.0, 2.0 of its 4.5.
    assert found["gain_at_5"] == pytest.approx(4 / 8 - 0.5 / 4.5 / 8)
    assert found["gain_at_20"] == pytest.approx((6 + 2 / 9) / 8 - 2.0 / 4.5 / 8)


def test_chance_finds_its_share_and_the_count_gains_nothing_on_itself() -> None:
    found = audit({}, random_rows())
    assert [found["random"][f"found_at_{share}"] for share in (5, 10, 20)] == pytest.approx([0.05, 0.10, 0.20])
    assert found["random"]["rank_correlation"] is None
    count = found["object_count"]
    assert (count["gain_at_10"], count["gain_at_10_low"], count["gain_at_10_high"]) == (0.0, 0.0, 0.0)
    assert count["beyond_count"] is None
    assert found.keys() == {"random", "object_count", "scene_length"}


def test_the_errors_themselves_are_a_perfect_score() -> None:
    rows = random_rows()
    found = audit({"x": np.asarray(rows.errors, float)}, rows)["x"]
    assert found["rank_correlation"] == pytest.approx(1.0)
    assert found["beyond_count"] == pytest.approx(1.0)


# --- second ways to the same figures


@pytest.mark.parametrize("ties", [False, True])
def test_rank_correlations_agree_with_scipy(ties: bool) -> None:
    rows = random_rows(ties=ties)
    score = np.random.default_rng(1).poisson(3, 300) + 0.1 * np.asarray(rows.errors)
    found = audit({"x": score}, rows)["x"]
    assert found["rank_correlation"] == pytest.approx(spearmanr(score, rows.errors).statistic, rel=1e-12)
    x, y, z = (rankdata(values) for values in (score, rows.errors, rows.counts))
    residuals = [v - linregress(z, v).slope * z for v in (x, y)]
    assert found["beyond_count"] == pytest.approx(pearsonr(*residuals).statistic, rel=1e-9)


def found_naively(score, errors, costs, share):
    """Rows one by one, those of equal score together, until the money runs out."""
    budget, found = share * sum(costs), 0.0
    for value in sorted(set(score), reverse=True):
        block = [i for i, s in enumerate(score) if s == value]
        cost, n = sum(costs[i] for i in block), sum(errors[i] for i in block)
        if cost > budget:
            return (found + n * budget / cost) / sum(errors)
        budget, found = budget - cost, found + n
    return found / sum(errors)


@pytest.mark.parametrize("ties", [False, True])
def test_every_resample_agrees_with_repeating_its_rows(ties: bool) -> None:
    rows = random_rows(120, 6, ties=ties)
    logs = np.unique(rows.groups, return_inverse=True)[1]
    score = np.random.default_rng(1).poisson(3, 120) + 0.5 * np.asarray(rows.errors)
    draws = np.random.default_rng(2).multinomial(6, np.full(6, 1 / 6), size=8).T
    floats = [np.asarray(v, float) for v in (rows.errors, rows.counts, rows.errors, rows.costs)]
    results = Sample(*floats, draws[logs].astype(float)).judge(score)
    for draw, result in zip(draws.T, results.T, strict=True):
        again = np.repeat(np.arange(120), draw[logs])
        errors, costs = np.asarray(rows.errors)[again], np.asarray(rows.costs)[again]
        assert result[0] == pytest.approx(spearmanr(score[again], errors).statistic, rel=1e-9)
        shares = [found_naively(list(score[again]), errors, costs, share) for share in (0.05, 0.10, 0.20)]
        assert result[2:] == pytest.approx(shares, rel=1e-9)


def test_the_interval_is_the_middle_95_percent_of_resamples_of_whole_logs() -> None:
    rows = random_rows(200, 10)
    score = np.asarray(rows.errors) + np.random.default_rng(1).normal(size=200)
    found = audit({"x": score}, rows, config=AuditConfig(n_bootstrap=4000))["x"]
    rng, groups = np.random.default_rng(9), np.asarray(rows.groups)
    places = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    again = (np.concatenate([places[i] for i in rng.integers(10, size=10)]) for _ in range(2000))
    rhos = [spearmanr(score[i], np.asarray(rows.errors)[i]).statistic for i in again]
    low, high = np.quantile(rhos, [0.025, 0.975])
    assert found["rank_correlation_low"] == pytest.approx(low, abs=0.015)
    assert found["rank_correlation_high"] == pytest.approx(high, abs=0.015)


@given(st.integers(1, 700), st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_running_sums_are_numpys(n: int, width: int) -> None:
    rows = np.random.default_rng(n).normal(size=(n, width))
    assert running_sums(rows) == pytest.approx(np.cumsum(rows, axis=0), abs=1e-9)


# --- what never matters

COLUMN = st.lists(st.integers(-5, 5), min_size=30, max_size=30)


@given(COLUMN, st.permutations(range(30)))
@settings(max_examples=50, deadline=None)
def test_the_order_of_rows_does_not_matter(score: list[int], order: list[int]) -> None:
    rows = random_rows(30, 6, ties=True)
    names = ("errors", "groups", "costs", "counts", "lengths")
    moved = AuditRows(**{name: np.asarray(getattr(rows, name))[order] for name in names})
    assert_same(audit({"x": score}, rows), audit({"x": np.asarray(score)[order]}, moved))


@given(COLUMN)
@settings(max_examples=50, deadline=None)
def test_a_rising_transform_of_a_score_changes_nothing(score: list[int]) -> None:
    rows = random_rows(30, 6, ties=True)
    assert_same(audit({"x": score}, rows), audit({"x": np.exp(score) * 1e6 - 3}, rows))


def assert_same(first, second) -> None:
    for name, row in first.items():
        numbers = {k: v for k, v in row.items() if isinstance(v, float)}
        assert {k: second[name][k] for k in numbers} == pytest.approx(numbers, abs=1e-9)


def test_other_scores_blocks_and_a_second_call_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, rng = random_rows(), np.random.default_rng(1)
    scores = {f"s{i}": rng.normal(size=300) for i in range(3)}
    alone, together = audit({"s1": scores["s1"]}, rows), audit(scores, rows)
    assert alone["s1"] | {"rank": 0} == together["s1"] | {"rank": 0}
    monkeypatch.setattr("oddloop.score.audit.resampled._BLOCK", 1000)
    assert_same(together, audit(scores, rows))


def test_the_callers_arrays_stay_as_they_are() -> None:
    rows, score = random_rows(), np.arange(300.0)
    before = np.copy(rows.costs)
    audit({"x": score}, rows)
    assert np.array_equal(score, np.arange(300.0))
    assert np.array_equal(rows.costs, before)


# --- does it tell a score from a count?


def simulated(seed: int, informative: bool) -> dict[str, object]:
    """Errors grow with objects, and with how hard each scene is, which only an informative score knows."""
    rng = np.random.default_rng(seed)
    n = 1200
    logs = rng.integers(0, 40, n)
    counts = rng.poisson(rng.gamma(4, 5, 40)[logs])
    hardness = rng.gamma(2, 0.5, n)
    rows = AuditRows(rng.poisson(0.2 * counts * hardness), logs, np.ones(n) + 0.1 * counts, counts)
    score = counts * hardness if informative else counts * rng.gamma(20, 0.05, n)
    return audit({"x": score}, rows, seed, AuditConfig(n_bootstrap=300))["x"]


def test_a_score_that_only_counts_objects_has_nothing_beyond_the_count() -> None:
    runs = [simulated(seed, informative=False) for seed in range(10)]
    assert all(run["rank_correlation_low"] > 0.2 for run in runs)  # it looks like a fine score
    covered = sum(run["beyond_count_low"] <= 0 <= run["beyond_count_high"] for run in runs)
    print(f"a pure count: {covered} of 10 intervals beyond the count hold 0")
    assert covered >= 8
    assert sum(run["gain_at_10_low"] > 0 for run in runs) <= 1


def test_an_informative_score_has_something_beyond_the_count() -> None:
    runs = [simulated(seed, informative=True) for seed in range(5)]
    assert all(run["beyond_count_low"] > 0 for run in runs)
    assert all(run["gain_at_10_low"] > 0 for run in runs)
    assert all(run["rank"] == 1 for run in runs)


# --- what is missing


def test_invalid_scores_are_left_out_and_counted() -> None:
    rows = random_rows()
    score = np.asarray(rows.errors, float) + np.random.default_rng(1).uniform(size=300)
    score[:100:2], score[1:100:2] = np.nan, np.inf
    found = audit({"x": score, "y": np.arange(300.0)}, rows)["x"]
    kept = AuditRows(
        **{name: np.asarray(getattr(rows, name))[100:] for name in ("errors", "groups", "costs", "counts")}
    )
    alone = audit({"x": score[100:]}, kept)["x"]
    assert (found["n"], found["n_excluded"]) == (200, 100)
    for name in ("rank_correlation", "beyond_count", "found_at_10", "gain_at_10"):
        assert found[name] == pytest.approx(alone[name], rel=1e-12)


def test_few_logs_give_no_interval() -> None:
    rows = random_rows(100, 4)
    found = audit({"x": np.arange(100.0)}, rows)["x"]
    assert found["n_logs"] == 4
    assert found["rank_correlation"] is not None
    assert [v for k, v in found.items() if k.endswith(("_low", "_high"))] == [None] * 16
    enough = audit({"x": np.arange(100.0)}, rows, config=AuditConfig(n_bootstrap=50, min_logs=4))["x"]
    assert enough["gain_at_10_low"] <= enough["gain_at_10"] <= enough["gain_at_10_high"]


@pytest.mark.parametrize(
    "rows",
    [
        AuditRows([], [], [], [], lengths=[]),  # no rows
        AuditRows([1.0], ["a"], [1.0], [1.0], lengths=[1.0]),  # one row
        AuditRows([0, 0], ["a", "b"], [1, 1], [1, 2], lengths=[1, 2]),  # no errors
        AuditRows([1, 2], ["a", "b"], [0, 0], [1, 2], lengths=[1, 2]),  # nothing costs anything
        AuditRows([1, 2], ["a", "b"], [1, 1], [3, 3], lengths=[1, 1]),  # all alike
    ],
    ids=["no rows", "one row", "no errors", "free", "alike"],
)
def test_what_is_not_defined_is_null(rows: AuditRows) -> None:
    n = len(rows.errors)
    found = audit({"x": np.arange(float(n)), "nothing": np.full(n, np.nan)}, rows)
    assert found["nothing"]["n"] == 0
    assert all(found["nothing"][k] is None for k in ("rank_correlation", "beyond_count", "found_at_10", "gain_at_10"))
    numbers = [v for row in found.values() for v in row.values() if isinstance(v, float)]
    assert np.isfinite(numbers).all()
    if not np.sum(rows.errors) or not np.sum(rows.costs):
        assert found["x"]["found_at_10"] is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"errors": [1.0, -1.0]}, "errors must be 0 or more; got -1"),
        ({"costs": [-2.0, 1.0]}, "costs must be 0 or more; got -2"),
        ({"errors": [1.0, float("nan")]}, "errors must be finite"),
        ({"levels": [1.0, float("inf")]}, "levels must be finite"),
        ({"counts": [1.0]}, r"counts has shape \(1,\), but there are 2 groups"),
        ({"lengths": [1.0, float("nan")]}, "lengths must be finite"),
    ],
)
def test_unusable_rows_are_refused(change: dict[str, object], message: str) -> None:
    good = {"errors": [1.0, 0.0], "groups": ["a", "b"], "costs": [1.0, 1.0], "counts": [1.0, 2.0]}
    with pytest.raises(ValueError, match=message):
        audit({}, AuditRows(**{**good, **change}))


def test_unusable_scores_are_refused() -> None:
    rows = AuditRows([1.0, 0.0], ["a", "b"], [1.0, 1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"score `x` has shape \(3,\)"):
        audit({"x": [1.0, 2.0, 3.0]}, rows)
    with pytest.raises(ValueError, match="name of a baseline: random"):
        audit({"random": [1.0, 2.0]}, rows)


def test_the_table_is_ranked_by_the_lower_end_of_the_gain() -> None:
    rows, rng = random_rows(), np.random.default_rng(3)
    noise = {f"s{i}": np.asarray(rows.errors) + rng.normal(scale=i + 1, size=300) for i in range(6)}
    table = audit_scores(noise, rows, rng, FAST)
    lows = table["gain_at_10_low"].to_pylist()
    assert lows == sorted(lows, reverse=True)
    assert table["rank"].to_pylist() == list(range(1, 10))


def test_ties_share_a_place() -> None:
    assert Falling.of(np.array([2.0, 7.0, 2.0, 7.0])).starts.tolist() == [0, 2]


def test_all_scores_share_the_draws() -> None:
    first, second = (Resampled(random_rows(), 7, np.random.default_rng(5)) for _ in range(2))
    x = {"x": np.arange(300.0)}
    assert np.array_equal(first.judge(x)["x"].gains, second.judge(x)["x"].gains)


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(oddloop.score.audit.__path__)])
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"oddloop.score.audit.{name}")).failed == 0
