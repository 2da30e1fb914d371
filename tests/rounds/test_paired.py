"""Two arms on the same scenes: the difference, and an interval that resamples whole logs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import toy
from oddloop.derived_tables import DIFFERENCES
from oddloop.lake import Workspace
from oddloop.rounds.evidence import collect_evidence
from oddloop.rounds.paired import paired_differences
from toy import label_all_picks, run_at


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
