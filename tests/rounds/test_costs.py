"""Real costs beside predicted ones: when labels come in, in the list of rounds, and in a round's JSON."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.lake import Workspace
from oddloop.rounds.costs import check_costs
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import RoundState
from toy import run_at


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = toy.CONFIG.replace("budget = 3.0", "budget = 10.0")  # 12 scenes for .8 each
    toy.make_workspace(tmp_path / "ws", config=config)
    run_at(tmp_path / "ws")
    return tmp_path / "ws"


def first_round(folder: Path) -> tuple[Workspace, RoundState]:
    workspace = Workspace.open(folder)
    return workspace, open_ledger(workspace).round("r001")


def deliver(folder: Path, costs: list[float | None], n: int = 12) -> str:
    _, state = first_round(folder)
    file = folder.parent / "labels.parquet"
    pq.write_table(pa.table({"scene_id": state.pick_ids[:n], "cost": pa.array(costs, pa.float64())}), file)
    return CliRunner().invoke(app, ["labels", "receive", str(file), "-w", str(folder)]).output


def test_labels_that_come_in_are_held_against_the_prediction(folder: Path) -> None:
    assert check_costs(*_one(folder)) is None
    told = deliver(folder, [1.1, 1.3] * 6)
    # 6 x 2.4 = 14.4 for 12 x .8 = 9.6: 1.5
    assert "Costs of r001: labels cost 1.50 times the prediction [1." in told
    assert "14.4 of 9.6 cost units, 12 scenes in " in told
    # all scenes have 4 frames, and objects are not paid for
    assert "the prices in [cost] are too low; fitted prices: per_frame 0.3" in told
    assert "per_scene cannot be told from these" in told


def _one(folder: Path) -> tuple[Workspace, list[RoundState]]:
    workspace, state = first_round(folder)
    return workspace, [state]


def test_rounds_show_it_and_nothing_is_changed_by_itself(folder: Path) -> None:
    before = (folder / "oddloop.toml").read_bytes()
    deliver(folder, [1.1, 1.3] * 6)
    call = CliRunner().invoke
    assert "Costs: labels cost 1.50 times" in call(app, ["rounds", "-w", str(folder)]).output
    assert "Costs: labels cost 1.50 times" in call(app, ["rounds", "show", "r001", "-w", str(folder)]).output
    shown = json.loads(call(app, ["rounds", "show", "r001", "-w", str(folder), "--json"]).stdout)["costs"]
    assert (shown["finding"], shown["n_scenes"], shown["ratio"]) == ("too_low", 12, pytest.approx(1.5))
    assert shown["prices"][0]["name"] == "per_frame"
    assert shown["prices"][0]["value"] == pytest.approx(0.3)  # 1.2 for 4 frames
    (row,) = json.loads(call(app, ["rounds", "-w", str(folder), "--json"]).stdout)
    assert row["costs"] == shown
    assert (folder / "oddloop.toml").read_bytes() == before


def test_a_part_of_the_labels_counts_and_unknown_costs_are_counted(folder: Path) -> None:
    deliver(folder, [1.0, None, 1.2], n=3)
    found = check_costs(*_one(folder))
    assert found is not None
    assert (found.n_scenes, found.n_unknown, found.real) == (2, 1, pytest.approx(2.2))
    assert found.predicted == pytest.approx(1.6)
    assert found.prices == ()


def test_without_the_snapshot_the_ratio_is_known_and_prices_are_not(folder: Path) -> None:
    deliver(folder, [1.1, 1.3] * 6)
    (folder / "rounds/r001/pool.parquet").unlink()
    found = check_costs(*_one(folder))
    assert found is not None
    assert (found.ratio, found.prices) == (pytest.approx(1.5), ())


def test_picks_sent_back_as_they_were(folder: Path) -> None:
    told = CliRunner().invoke(app, ["labels", "receive", str(folder / "rounds/r001/picks.csv"), "-w", str(folder)])
    assert "Costs of r001: each real cost of 12 scenes is the predicted one; deliver what was paid." in told.output


def test_rounds_add_up(folder: Path) -> None:
    deliver(folder, [1.1, 1.3] * 6)
    run_at(folder)
    workspace = Workspace.open(folder)
    state = open_ledger(workspace).round("r002")
    toy.label_all_picks(folder, "r002")  # for 1.0 each
    run_at(folder)
    both = check_costs(workspace, open_ledger(workspace).rounds())
    assert both is not None
    n = 12 + len(state.picks)
    assert both.n_scenes == n
    assert both.ratio == pytest.approx((14.4 + len(state.picks)) / (0.8 * n))


def test_prices_that_fit_are_printed_and_change_nothing(folder: Path) -> None:
    before = (folder / "oddloop.toml").read_bytes()
    told = CliRunner().invoke(app, ["labels", "costs", "--refit", "-w", str(folder)]).output
    assert told.startswith("# The prices stay: no round is labelled yet.")
    deliver(folder, [1.1, 1.3] * 6)
    run_at(folder)
    told = CliRunner().invoke(app, ["labels", "costs", "--refit", "-w", str(folder)]).output
    printed = tomllib.loads(told)["cost"]
    assert printed == {"per_scene": 0.0, "per_frame": pytest.approx(0.3), "per_object": 0.0}  # 4 frames for 1.2
    assert "per_frame = 0.3  # was 0.2; 95 % interval [" in told
    assert (folder / "oddloop.toml").read_bytes() == before
    told = CliRunner().invoke(app, ["labels", "costs", "-w", str(folder), "--json"]).output
    rounds = json.loads(told)["rounds"]
    assert (rounds["r001"]["n_scenes"], rounds["r001"]["ratio"], rounds["r002"]) == (12, pytest.approx(1.5), None)


def test_refit_predicts_with_them_from_the_next_round_on(folder: Path) -> None:
    config = folder / "oddloop.toml"
    config.write_text(config.read_text().replace("[cost]", "[cost]\nrefit = true"))
    run_at(folder)
    workspace, state = first_round(folder)
    assert [pick["cost"] for pick in state.picks] == pytest.approx([0.8] * 12)  # nothing is known yet
    deliver(folder, [1.1, 1.3] * 6)
    run_at(folder)
    following = open_ledger(workspace).round("r002")
    assert {round(pick["cost"], 9) for pick in following.picks} == {1.2}
    assert following.proposal["config"]["cost"]["per_frame"] == pytest.approx(0.3)
    run_at(folder)
    assert open_ledger(workspace).round("r002").n_events == following.n_events


def test_prices_that_hold_are_not_refitted(folder: Path) -> None:
    config = folder / "oddloop.toml"
    config.write_text(config.read_text().replace("[cost]", "[cost]\nrefit = true"))
    run_at(folder)
    workspace, _ = first_round(folder)
    deliver(folder, [0.4, 0.9, 1.2] * 4)
    run_at(folder)
    assert {round(pick["cost"], 9) for pick in open_ledger(workspace).round("r002").picks} == {0.8}
