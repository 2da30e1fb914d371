"""The evidence of whole rounds: two arms with models on halves, recorded once, told by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.derived_tables import LIFTS
from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState
from toy import label_all_picks, run_at


def make_arm(folder: Path, policy: str, evidence: str) -> Workspace:
    """A workspace with a training and six held-out logs."""
    config = toy.CONFIG.replace('policy = "uncertainty"', f'policy = "{policy}"') + f"\n[evidence]\n{evidence}\n"
    workspace = toy.make_workspace(folder, config=config, train="")
    scenes = toy.scenes_table()
    split = pa.array(["pool" if int(log[3:]) < 2 else "eval" for log in scenes["log_id"].to_pylist()])
    toy.write(folder / "lake/scenes", scenes.set_column(scenes.column_names.index("split"), "split", split))
    return workspace


def rounds_at(folder: Path) -> dict[str, RoundState]:
    ledger = open_ledger(Workspace.open(folder))
    try:
        return {state.round_id: state for state in ledger.rounds()}
    finally:
        ledger.close()


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both arms after one round, the control first."""
    place = tmp_path_factory.mktemp("arms")
    control, policy = place / "control" / "ws", place / "policy" / "ws"
    make_arm(control, "random", "splits = 1")
    make_arm(policy, "uncertainty", f'splits = 1\ncontrol = "{control}"')
    for folder in (control, policy):
        run_at(folder)
        label_all_picks(folder, "r001")
        run_at(folder)
    return control, policy


def test_an_arm_is_weighed_against_its_control_at_equal_cost(arms: tuple[Path, Path]) -> None:
    _, policy = arms
    evidence = rounds_at(policy)["r001"].evidence
    assert evidence["source"] == "control"
    assert evidence["verdict"] in ("helped", "did_not", "cannot_tell")
    assert evidence["judged"]["cost"] == evidence["judged"]["other_cost"] == 1.5  # half of three scenes at 1.0
    assert evidence["lift"]["n_logs"] == 6
    assert "It rests on 6 held-out logs (36 scenes), 4 trainings, 3 and 3 picks." in evidence["sentence"]
    assert evidence["change"]["lift"] == pytest.approx(evidence["change"]["value"] - evidence["change"]["other_value"])
    table = Workspace.open(policy).storage.read_table(f"derived/evidence/{evidence['digest']}/lifts.parquet")
    assert table.schema.equals(LIFTS.schema())
    assert {"previous", "control"} == set(table["comparison"].to_pylist())


def test_the_control_itself_has_nothing_to_be_compared_with(arms: tuple[Path, Path]) -> None:
    evidence = rounds_at(arms[0])["r001"].evidence
    assert evidence["verdict"] == "cannot_tell"
    assert "nothing to compare them with" in evidence["sentence"]


def test_what_is_weighed_is_not_weighed_again(arms: tuple[Path, Path]) -> None:
    assert [step.name for step in run_at(arms[1]).steps if step.computed] == []


def test_a_proposal_foresees_once_a_round_was_picked(arms: tuple[Path, Path]) -> None:
    rounds = rounds_at(arms[1])
    assert rounds["r001"].proposal["forecast"] is None
    forecast = rounds["r002"].proposal["forecast"]
    assert forecast["low"] < forecast["value"] < forecast["high"]
    assert forecast["now"] == rounds["r001"].evaluation["overall"][0]["value"]


def test_the_command_tells_what_the_ledger_holds(arms: tuple[Path, Path]) -> None:
    told = CliRunner().invoke(app, ["rounds", "evidence", "-w", str(arms[1])])
    assert told.exit_code == 0
    assert f"r001: {rounds_at(arms[1])['r001'].evidence['sentence']}" in told.stdout.replace("\n", " ")
    as_json = CliRunner().invoke(app, ["rounds", "evidence", "r001", "-w", str(arms[1]), "--json"])
    assert json.loads(as_json.stdout)["verdict"] == rounds_at(arms[1])["r001"].evidence["verdict"]
    unknown = CliRunner().invoke(app, ["rounds", "evidence", "r007", "-w", str(arms[1])])
    assert unknown.exit_code == 1


@pytest.mark.system
def test_the_control_share_of_one_workspace_is_compared_with_its_picks(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    make_arm(folder, "gap_driven", "splits = 1\nwithin = true")
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace("budget = 3.0", "budget = 5.0\n[select.gap_driven]\ncontrol_share = 0.5"))
    run_at(folder)
    label_all_picks(folder, "r001")
    run_at(folder)
    evidence = rounds_at(folder)["r001"].evidence
    assert evidence["source"] == "within"
    if "judged" in evidence:  # else fewer than two picks were drawn as control, and the sentence says so
        assert evidence["judged"]["cost"] == pytest.approx(evidence["judged"]["other_cost"], abs=0.5)
    else:
        assert "control_share" in evidence["sentence"]
