"""Two arms on the same scenes: the difference, and an interval that resamples whole logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import toy
from oddloop.derived_tables import DIFFERENCES
from oddloop.lake import Workspace
from oddloop.rounds.evidence import collect_evidence
from oddloop.rounds.paired import MIN_LOGS, Paired, paired_differences
from toy import label_all_picks, run_at


def paired(policy: list[float], control: list[float], logs: list[int], support: list[float] | None = None) -> Paired:
    weights = np.array([support or [1.0] * len(policy)] * 2)
    values = np.array([policy, control]) * weights
    return Paired(pa.array([f"s{i}" for i in range(len(policy))]), np.array(logs), values, weights)


def everywhere(one: Paired) -> np.ndarray:
    return np.ones(len(one.logs), dtype=bool)


def test_the_difference_is_of_means_weighted_by_support() -> None:
    # policy (1x1 + 4x3)/4 = 3.25, control (2x1 + 4x3)/4 = 3.5
    one = paired([1.0, 4.0], [2.0, 4.0], [0, 1], support=[1.0, 3.0])
    found = one.compare(everywhere(one), np.random.default_rng(0))
    assert (found["policy_value"], found["control_value"], found["difference"]) == (3.25, 3.5, -0.25)
    assert (found["n_scenes"], found["n_logs"], found["ci_low"], found["ci_high"]) == (2, 2, None, None)


def test_what_is_equally_hard_for_both_cancels_out() -> None:
    # Logs differ by whole metres, the arms by .1 everywhere: the paired interval has no width.
    level = [1.0, 5.0, 9.0, 2.0, 7.0, 3.0]
    one = paired([x - 0.1 for x in level], level, list(range(6)))
    found = one.compare(everywhere(one), np.random.default_rng(0))
    assert found["ci_low"] == pytest.approx(-0.1)
    assert found["ci_high"] == pytest.approx(-0.1)


def test_the_interval_agrees_with_a_loop_over_draws() -> None:
    rng = np.random.default_rng(3)
    logs = np.repeat(np.arange(8), 5)
    one = paired(*rng.normal(3, 1, (2, 40)).tolist(), logs.tolist(), rng.uniform(1, 9, 40).tolist())
    found = one.compare(everywhere(one), np.random.default_rng(1))
    draws = np.random.default_rng(1).multinomial(8, np.full(8, 1 / 8), size=2000)
    replicates = []
    for draw in draws:
        rows = [row for log, times in enumerate(draw) for _ in range(times) for row in np.flatnonzero(logs == log)]
        sums, supports = one.values[:, rows].sum(axis=1), one.supports[:, rows].sum(axis=1)
        replicates.append(sums[0] / supports[0] - sums[1] / supports[1])
    assert [found["ci_low"], found["ci_high"]] == pytest.approx(np.quantile(replicates, [0.025, 0.975]).tolist())


def test_equal_arms_differ_by_nothing() -> None:
    one = paired([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0], list(range(MIN_LOGS)))
    found = one.compare(everywhere(one), np.random.default_rng(0))
    assert (found["difference"], found["ci_low"], found["ci_high"]) == (0.0, 0.0, 0.0)


def test_two_workspaces_are_compared_after_the_last_common_round(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "a" / "ws", tmp_path / "b" / "ws"
    for folder in (ours, theirs):
        toy.make_workspace(folder, train="")
        run_at(folder)
    label_all_picks(ours, "r001")
    run_at(ours)
    policy, control = Workspace.open(ours), Workspace.open(theirs)
    table = paired_differences(policy, control, "accuracy", np.random.default_rng(0))
    assert table.schema.equals(DIFFERENCES.schema())
    rows = {row["segment_id"]: row for row in table.to_pylist()}
    # The control has only round zero, and there both arms have the same model.
    assert rows["all"] == {
        "metric": "accuracy",
        "segment_id": "all",
        "round": 0,
        "difference": 0.0,
        "n_scenes": 12,
        "n_logs": 2,
        "policy_value": rows["all"]["control_value"],
        "control_value": rows["all"]["control_value"],
        "ci_low": None,
        "ci_high": None,  # 2 logs are too few
    }
    assert rows["weather=rain"]["n_scenes"] == 6
    assert "weather=clear & rain=no_rain" in rows

    evidence = collect_evidence({"uncertainty": policy, "random": control}, "accuracy").to_pylist()
    curve = {(r["arm"], r["round"]): r["cost"] for r in evidence if r["segment_id"] == "all"}
    # Six scenes at .8 before oddloop, then three at 1.0
    assert curve == pytest.approx({("random", 0): 4.8, ("uncertainty", 0): 4.8, ("uncertainty", 1): 7.8})


def test_arms_without_a_common_round_give_no_rows(tmp_path: Path) -> None:
    ours, theirs = toy.make_workspace(tmp_path / "a" / "ws", train=""), toy.make_workspace(tmp_path / "b" / "ws")
    assert paired_differences(ours, theirs, "accuracy", np.random.default_rng(0)).num_rows == 0
