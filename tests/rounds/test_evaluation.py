"""The evaluation hook: its metrics are the model's, a failure costs no training, and curves are measured by it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import TrainError
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.curves import run_curves
from oddloop.rounds.evaluate_hook import measured_tables
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import evaluate_if_due, train_if_due
from oddloop.tables import METRICS

SCRIPT = """\
import sys, pathlib, pyarrow as pa, pyarrow.parquet as pq
model, scenes, output, model_id, fail = sys.argv[1:]
assert pathlib.Path(model, "predictions").is_dir()
ids = pq.read_table(scenes)["scene_id"].to_pylist()
print("evaluates", len(ids))
if fail == "exit":
    sys.exit("no driver")
ids = {"nothing": [], "orphan": ["nowhere"], "ok": ids}[fail]
n = len(ids)
pathlib.Path(output, "metrics").mkdir()
table = pa.table({"scene_id": pa.array(ids, pa.string()), "model_id": [model_id] * n, "stack": ["perception"] * n,
    "metric": ["accuracy"] * n, "value": [0.25] * n, "support": pa.array([4] * n, pa.int64())})
pq.write_table(table, f"{output}/metrics/m.parquet")
"""


def make(folder: Path, fail: str = "ok") -> Workspace:
    toy.make_workspace(folder, train="")
    script = folder.parent / "evaluate.py"
    script.write_text(SCRIPT)
    command = f"{sys.executable} {script} {{model}} {{scenes}} {{output}} {{model_id}} {fail}"
    text = (folder / "oddloop.toml").read_text()
    head = text.partition("\n[evaluate]")[0]
    (folder / "oddloop.toml").write_text(f"{head}\n[evaluate]\ncommand = '{command}'\n")
    return Workspace.open(folder)


def refail(folder: Path, before: str, after: str) -> Workspace:
    text = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text(text.replace(f" {before}'", f" {after}'"))
    return Workspace.open(folder)


def test_its_metrics_are_those_that_coverage_measures_by(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    toy.run_at(tmp_path / "ws")
    state = open_ledger(workspace).round("r000")
    assert state.status == "closed"
    assert [row["value"] for row in state.evaluation["overall"]] == [0.25]
    folder = tmp_path / "ws/derived/evaluate" / state.evaluation["evaluation"]
    given = pq.read_table(folder / "held_out.parquet").to_pylist()
    assert given[0] == {"scene_id": "log6/s0", "log_id": "log6", "labelled": True}
    assert len(given) == 12
    assert (tmp_path / "ws/rounds/r000/logs/evaluate-attempt-1.log").read_text() == "evaluates 12\n"


def test_what_only_the_training_measured_is_taken_over(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    script = tmp_path / "train.py"
    script.write_text(script.read_text().replace('["accuracy"] * len(held_out)', '["recall"] * len(held_out)'))
    toy.run_at(tmp_path / "ws")
    files = measured_tables(workspace, open_ledger(workspace).round("r000"))
    assert files
    counts = read_table(files, METRICS)["metric"].value_counts().to_pylist()
    assert {c["values"]: c["counts"] for c in counts} == {"accuracy": 12, "recall": 12}


@pytest.mark.parametrize(
    ("fail", "message"),
    [
        ("exit", "evaluation of m000 ended with exit code 1"),
        ("nothing", "evaluation of m000 ended well but wrote no metrics of held-out scenes"),
        ("orphan", r"evaluation of m000 wrote tables that are not right:\n.*m\.parquet, row 0"),
    ],
)
def test_a_failed_evaluation_keeps_the_training_and_is_done_again(tmp_path: Path, fail: str, message: str) -> None:
    folder = tmp_path / "ws"
    make(folder, fail)
    with pytest.raises(TrainError, match=message):
        toy.run_at(folder)
    workspace = refail(folder, fail, "ok")
    assert not workspace.storage.list_folders("derived/evaluate")
    assert train_if_due(workspace, toy.shell()) == {}
    assert evaluate_if_due(workspace, toy.shell())["model_id"] == "m000"
    toy.run_at(folder)
    assert [e.kind for e in open_ledger(workspace).events("r000")] == ["labelled", "trained", "evaluated", "closed"]
    assert evaluate_if_due(workspace, toy.shell()) == {}


def test_an_old_round_keeps_its_evaluation_when_the_command_changes(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    make(folder)
    toy.run_at(folder)
    workspace = refail(folder, "ok", "exit")
    toy.run_at(folder)
    state = open_ledger(workspace).round("r000")
    files = measured_tables(workspace, state)
    assert files
    assert state.evaluation["evaluation"] in files.storage.root


def test_curves_are_measured_by_it(tmp_path: Path) -> None:
    workspace = make(tmp_path / "ws")
    text = (tmp_path / "ws/oddloop.toml").read_text()
    (tmp_path / "ws/oddloop.toml").write_text(text + "\n[coverage.curves]\nsizes = 2\nseeds = 1\nparallel = 2\n")
    assert run_curves(Workspace.open(workspace.storage.url), toy.shell()).manifest["rows"]["trainings"] == 2
    kept = [p for p in (tmp_path / "ws/derived/train_curve").rglob("*.parquet") if "output" in str(p)]
    assert {p.name for p in kept} == {"part-0.parquet"}
    assert {value for p in kept for value in pq.read_table(p)["value"].to_pylist()} == {0.25}


def test_the_command_line_evaluates_what_is_due(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    workspace = make(folder)
    train_if_due(workspace, toy.shell())
    where = ["--workspace", str(folder)]
    assert json.loads(CliRunner().invoke(app, ["evaluate", *where, "--json"]).stdout)["rows"]["metrics"] == 12
    toy.run_at(folder)
    assert "no newly trained model waits" in CliRunner().invoke(app, ["evaluate", *where]).stdout
