"""The diagnosis of a workspace: what it takes from the rounds, that it is made once, and that everybody shows it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import LedgerError
from oddloop.lake import Workspace
from oddloop.report import write_report
from oddloop.rounds.diagnosis import find_worst_gaps, round_history, run_diagnosis
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.run import run_stages
from oddloop.rounds.train_hook import trained_folder

CONFIG = toy.CONFIG.replace('better = "higher"', 'better = "higher"\ntarget = 0.99')


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace after two rounds of labels and trainings."""
    folder = tmp_path_factory.mktemp("diagnosis") / "ws"
    toy.make_workspace(folder, config=CONFIG, train="")
    for number in (1, 2):
        assert toy.run_at(folder).round_id == f"r{number:03d}"
        toy.label_all_picks(folder, f"r{number:03d}")
    toy.run_at(folder)
    return Workspace.open(folder)


def newest(workspace: Workspace) -> str:
    return str(evaluated_rounds(workspace)[-1].evaluation["coverage_digest"])


def test_the_history_has_what_each_round_trained_on_and_measured(workspace: Workspace) -> None:
    rounds = evaluated_rounds(workspace)
    assert [state.number for state in rounds] == [0, 1, 2]
    rows = round_history(workspace, rounds).filter(pc.field("segment_id") == "all").to_pylist()
    labels = toy.labels_table(toy.scenes_table())["scene_id"].to_pylist()
    held_out = set(toy.scenes_table().filter(pc.field("split") == "eval")["scene_id"].to_pylist())
    first = len(set(labels) - held_out)
    picked = [len(state.picks) for state in rounds[1:]]
    assert [row["n_scenes"] for row in rows] == [first, first + picked[0], first + sum(picked)]
    assert [row["round"] for row in rows] == [0, 1, 2]
    assert all(0.5 <= row["value"] <= 0.9 for row in rows)


def test_a_round_whose_coverage_is_gone_is_left_out(workspace: Workspace) -> None:
    rounds = evaluated_rounds(workspace)
    lost = replace(rounds[0], evaluation={**rounds[0].evaluation, "coverage_digest": "0" * 32})
    assert set(round_history(workspace, [lost, rounds[1]])["round"].to_pylist()) == {1}


def test_it_is_made_once_and_again_for_another_target(workspace: Workspace) -> None:
    first = run_diagnosis(workspace, newest(workspace))
    assert not run_diagnosis(workspace, newest(workspace)).computed
    metrics = {"accuracy": replace(workspace.config.metrics["accuracy"], target=0.1)}
    easier = Workspace(workspace.storage, replace(workspace.config, metrics=metrics))
    again = run_diagnosis(easier, newest(workspace))
    assert again.digest != first.digest
    assert set(again.storage.read_table("gaps.parquet")["target"].to_pylist()) == {0.1}


def test_no_target_means_no_gap(workspace: Workspace) -> None:
    without = Workspace(workspace.storage, replace(workspace.config, metrics={}))
    found = run_diagnosis(without, newest(workspace)).storage
    assert [found.read_table(f"{name}.parquet").num_rows for name in ("gaps", "verdicts", "curves")] == [0, 0, 0]


def test_the_command_and_the_report_say_the_same(workspace: Workspace) -> None:
    folder = workspace.storage.local_path()
    called = CliRunner().invoke(app, ["coverage", "-w", str(folder), "--json"], catch_exceptions=False)
    said = json.loads(called.stdout)
    worst = find_worst_gaps(workspace, said["digest"])
    assert pa.Table.from_pylist(said["verdicts"]).num_rows == len(said["gaps"]) >= worst.num_rows > 0
    shown = CliRunner().invoke(app, ["coverage", "-w", str(folder)], catch_exceptions=False).stdout
    assert "Why the gaps exist: the worst" in shown
    page = Path(write_report(workspace).url).read_text()
    assert "Why the gaps exist: data or model?" in page
    assert f"{worst.num_rows} segments may miss the target" in page
    assert not write_report(workspace).written


def test_metrics_of_scenes_that_were_trained_on_are_a_hint_and_no_measurement(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=CONFIG)
    scenes = toy.scenes_table()
    ids, splits = scenes["scene_id"].to_pylist(), scenes["split"].to_pylist()
    value = [0.5 if split == "eval" else i / 100 for i, split in enumerate(splits)]
    metrics = {"scene_id": ids, "value": value, "support": pa.array([4] * len(ids), pa.int64())}
    for name, text in (("model_id", "toy_model"), ("stack", "perception"), ("metric", "accuracy")):
        metrics[name] = [text] * len(ids)
    order = ("scene_id", "model_id", "stack", "metric", "value", "support")
    toy.write(tmp_path / "ws/lake/metrics", pa.table({name: metrics[name] for name in order}))
    covered = run_stages(workspace, toy.shell(), until="coverage")["coverage"]
    hints = covered.storage.read_table("segment_hints.parquet").to_pylist()
    labelled = set(toy.labels_table(scenes)["scene_id"].to_pylist())
    trained = [v for i, v, s in zip(ids, value, splits, strict=True) if i in labelled and s != "eval"]
    assert trained
    found = {row["segment_id"]: row["train_value"] for row in hints}
    assert found["all"] == pytest.approx(sum(trained) / len(trained))
    measured = covered.storage.read_table("segment_metrics.parquet").to_pylist()
    assert [row["value"] for row in measured if row["segment_id"] == "all"] == [0.5]


def test_two_rounds_are_compared_on_the_same_scenes(workspace: Workspace) -> None:
    folder = str(workspace.storage.local_path())
    arguments = ["coverage", "compare", "r002", "r000", "-w", folder]
    said = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    values = {}
    for state in evaluated_rounds(workspace):
        table = trained_folder(workspace, state).read_table("output/metrics/part-0.parquet")
        values[state.round_id] = dict(zip(table["scene_id"].to_pylist(), table["value"].to_pylist(), strict=True))
    everything = next(row for row in said["segments"] if row["segment_id"] == "all")
    mean = {name: sum(found.values()) / len(found) for name, found in values.items()}
    assert everything["difference"] == pytest.approx(mean["r002"] - mean["r000"])
    assert everything["n_scenes"] == len(values["r000"])
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert "accuracy (higher is better) of r002 less r000" in shown
    with pytest.raises(LedgerError, match="r009 is no evaluated round; there are: r000, r001, r002"):
        CliRunner().invoke(app, ["coverage", "compare", "r009", "r000", "-w", folder], catch_exceptions=False)
