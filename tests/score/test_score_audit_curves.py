"""Curves of an audit against the audit itself, and numbers worked by hand."""

import doctest

import numpy as np
import pyarrow.compute as pc
import pytest

from oddloop.derived_tables import AUDIT_CURVES
from oddloop.score import AuditConfig, AuditRows, audit_curves, audit_scores, best_scores
from oddloop.score.audit import curves as module
from oddloop.score.audit.curves import COST_SHARES


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    counts = rng.poisson(8, 120)
    errors = rng.poisson(0.4 * counts)
    return AuditRows(errors, np.arange(120) // 10, 1.0 + counts, counts, lengths=rng.uniform(5, 20, 120))


def scores_of(rows):
    rng = np.random.default_rng(1)
    noisy = rows.errors + rng.normal(0, 1, 120)
    gappy = np.where(np.arange(120) % 4 == 0, np.nan, noisy)
    return {"risk_max": noisy, "gappy_max": gappy, "poor_max": rng.random(120)}


def points(curves, score):
    return curves.filter(pc.equal(curves["score"], score)).to_pylist()


def test_they_pass_through_what_the_audit_says(rows):
    scores, config = scores_of(rows), AuditConfig(n_bootstrap=100)
    audit = {row["score"]: row for row in audit_scores(scores, rows, np.random.default_rng(5), config).to_pylist()}
    curves = audit_curves(scores, rows, np.random.default_rng(5), config)
    assert curves.schema.equals(AUDIT_CURVES.schema())
    for name, row in audit.items():
        at = {p["cost_share"]: p for p in points(curves, name)}
        for share, percent in ((0.05, 5), (0.1, 10), (0.2, 20)):
            for what in ("found", "gain"):
                for end in ("", "_low", "_high"):
                    assert at[share][what + end] == pytest.approx(row[f"{what}_at_{percent}{end}"], abs=1e-12)


def test_they_rise_to_everything_and_random_is_the_diagonal(rows):
    curves = audit_curves(scores_of(rows), rows, np.random.default_rng(0), AuditConfig(n_bootstrap=20))
    assert list(dict.fromkeys(curves["score"].to_pylist())) == [
        *("risk_max", "gappy_max", "poor_max"),
        *("random", "object_count", "scene_length"),
    ]
    for name in ("risk_max", "gappy_max", "object_count"):
        found = [p["found"] for p in points(curves, name)]
        assert found == sorted(found)
        assert found[-1] == pytest.approx(1.0)
    assert [p["found"] for p in points(curves, "random")] == pytest.approx(list(COST_SHARES))
    assert [p["gain"] for p in points(curves, "object_count")] == [0.0] * len(COST_SHARES)


def test_few_logs_give_no_bands_and_no_valid_score_no_points(rows):
    few = AuditRows(rows.errors, np.arange(120) // 40, rows.costs, rows.counts)
    curves = audit_curves({"none_max": np.full(120, np.nan)}, few, np.random.default_rng(0), AuditConfig(n_bootstrap=5))
    assert set(curves["found_low"].to_pylist()) == {None}
    assert {p["found"] for p in points(curves, "none_max")} == {None}


def test_the_best_of_each_task_is_among_the_best(rows):
    scores = {f"detection_{name}": value for name, value in scores_of(rows).items()}
    scores["trajectory_poor"] = np.random.default_rng(3).random(120)
    audit = audit_scores(scores, rows, np.random.default_rng(0), AuditConfig(n_bootstrap=50))
    best = best_scores(audit, 1)
    order = [row["score"] for row in audit.to_pylist() if row["kind"] == "score"]
    assert best[0] == order[0]
    assert set(best) == {next(s for s in order if s.startswith(task)) for task in ("detection", "trajectory")}


def test_a_score_in_the_order_of_a_better_one_is_passed_over(rows):
    scores = scores_of(rows)
    scores |= {"risk_twin": 2.0 * scores["risk_max"] + 1.0}
    audit = audit_scores(scores, rows, np.random.default_rng(0), AuditConfig(n_bootstrap=50))
    best = best_scores(audit, 4)
    assert len({"risk_max", "risk_twin"} & set(best)) == 1
    assert len(best) == 3


def test_examples_in_docstrings():
    assert doctest.testmod(module).failed == 0
