"""Learning curves through the training hook: really trained, resumed after a kill, kept, and judged."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import TrainError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.curves import POINTS_FILE, find_curves, run_curves
from oddloop.rounds.diagnosis import run_diagnosis
from oddloop.rounds.run import run_stages

SCRIPT = '''\
"""Ridge regression by scikit-learn on a column of the scenes; errors of held-out scenes as metrics."""
import sys
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from sklearn.linear_model import Ridge

labelled, output, model_id, seed, lake, calls = sys.argv[1:7]
with open(calls, "a") as file:
    file.write(model_id + "\\n")
if Path(calls).with_name("stop").exists() and len(Path(calls).read_text().split()) > 2:
    sys.exit("out of memory")
scenes = pq.read_table(lake + "/scenes/part-0.parquet")
ids = scenes["scene_id"].to_pylist()
x = scenes["ego_speed_mean_mps"].to_numpy()
features = np.stack([np.sin(k * x / 9) for k in range(1, 9)], axis=1)
truth = 1.0 + np.sin(x / 9) + 0.1 * np.sin(x * 1000)
train = np.isin(ids, pq.read_table(labelled)["scene_id"].to_pylist())
predicted = Ridge(0.1).fit(features[train], truth[train]).predict(features)
out = Path(output)
frames = pq.read_table(lake + "/frames/part-0.parquet")
(out / "predictions/classification").mkdir(parents=True)
half = pa.array([[[0.5, 0.5]]] * frames.num_rows, pa.list_(pa.list_(pa.float32())))
pq.write_table(pa.table({"frame_id": frames["frame_id"], "scene_id": frames["scene_id"], "probs": half}),
               out / "predictions/classification/part-0.parquet")
held = np.array(scenes["split"].to_pylist()) == "eval"
if "nometrics" in sys.argv:
    sys.exit(0)
(out / "metrics").mkdir()
pq.write_table(pa.table({"scene_id": np.array(ids)[held].tolist(), "model_id": [model_id] * int(held.sum()),
    "stack": ["planning"] * int(held.sum()), "metric": ["off_m"] * int(held.sum()),
    "value": np.abs(predicted - truth)[held], "support": [4] * int(held.sum())}), out / "metrics/part-0.parquet")
'''
CURVES = """
[metrics.off_m]
better = "lower"
target = 0.2

[coverage.curves]
sizes = 2
seeds = 2
smallest_share = 0.3
"""
ALL = ["curve_1_0", "curve_1_1", "curve_0_0", "curve_0_1"]


def make_workspace(folder: Path, flags: str = "", parallel: int = 1) -> Workspace:
    """Every log of the pool is labelled; the metric is really the error of a regression on those scenes."""
    folder.mkdir(parents=True)
    script, calls = folder.parent / "ridge.py", folder.parent / "calls.txt"
    script.write_text(SCRIPT)
    given = "{labelled} {output} {model_id} {seed}"
    command = f"{sys.executable} {script} {given} {folder}/lake {calls} {flags}"
    workspace = toy.make_workspace(
        folder, config=f"{toy.CONFIG}{CURVES}parallel = {parallel}\n[train]\ncommand = '{command}'\n"
    )
    ids = toy.scenes_table()["scene_id"]
    n = len(ids)
    labels = {"scene_id": ids, "labelled_at_ns": [1] * n, "round_id": pa.nulls(n, pa.string()), "cost": [1.0] * n}
    toy.write(folder / "lake/labels", pa.table(labels))
    return workspace


def calls(workspace: Workspace) -> list[str]:
    return (workspace.storage.local_path().parent / "calls.txt").read_text().split()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose curves were run once."""
    workspace = make_workspace(tmp_path_factory.mktemp("curves") / "ws")
    assert run_curves(workspace, toy.shell()).computed
    return workspace


def test_every_size_and_seed_is_trained_once(workspace: Workspace) -> None:
    curves = run_curves(workspace, toy.shell())
    assert (calls(workspace), curves.computed) == (ALL, False)
    points = curves.storage.read_table(POINTS_FILE).to_pylist()
    everything = {(p["size"], p["seed"]): p["n_scenes"] for p in points if p["segment_id"] == "all"}
    assert {n for (size, _), n in everything.items() if size == 1} == {36}  # 6 logs of the pool x 6 scenes
    assert all(6 <= n <= 12 for (size, _), n in everything.items() if size == 0)  # 30 % of 6 is 1 or 2 of each log
    assert {p["log_id"] for p in points} == {"log6", "log7"}


def test_only_metrics_are_kept(workspace: Workspace) -> None:
    (folder, *_) = (workspace.storage.local_path("derived/train_curve")).iterdir()
    kept = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    assert kept == ["labelled.parquet", "manifest.json", "output/metrics/part-0.parquet", "train.log"]


def test_what_ended_before_a_failure_is_not_trained_again(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "ws")
    (tmp_path / "stop").touch()
    with pytest.raises(TrainError, match="out of memory"):
        run_curves(workspace, toy.shell())
    assert calls(workspace) == ALL[:3]
    (tmp_path / "stop").unlink()
    run_curves(workspace, toy.shell())
    assert calls(workspace) == [*ALL[:3], *ALL[2:]]


def test_a_training_without_metrics_gives_no_point(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="curve_1_0 wrote no metrics of held-out scenes, so it gives no point"):
        run_curves(make_workspace(tmp_path / "ws", "nometrics"), toy.shell())


def test_no_training_command(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"learning curves need trainings; set `command` in \[train\]"):
        run_curves(toy.make_workspace(tmp_path / "ws"), toy.shell())


def test_the_command_line_for_programs_and_for_people(workspace: Workspace) -> None:
    arguments = ["coverage", "curves", "-w", str(workspace.storage.local_path())]
    result = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert sorted(json.loads(result.stdout)) == ["curves", "digest", "gaps", "verdicts"]
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "surely reach their target" in shown.stdout
    assert calls(workspace) == ALL


def test_the_diagnosis_uses_the_curves(workspace: Workspace) -> None:
    held = [s for s in toy.scenes_table().to_pylist() if s["split"] == "eval"]
    metrics = pa.table(
        {
            "scene_id": [s["scene_id"] for s in held],
            "model_id": ["toy_model"] * len(held),
            "stack": ["planning"] * len(held),
            "metric": ["off_m"] * len(held),
            "value": np.full(len(held), 0.5),
            "support": pa.array([4] * len(held), pa.int64()),
        }
    )
    toy.write(workspace.storage.local_path("lake/metrics"), metrics)
    curves = run_curves(workspace, toy.shell())
    covered = run_stages(workspace, toy.shell(), until="coverage")["coverage"]
    found = run_diagnosis(workspace, covered.digest)
    tables = {name: found.storage.read_table(f"{name}.parquet") for name in ("gaps", "verdicts", "curves")}
    assert found.manifest["inputs"]["curves"] == curves.digest
    assert "all" in tables["curves"]["segment_id"].to_pylist()
    assert set(tables["gaps"]["metric"].to_pylist()) == {"off_m"}
    # Two held-out logs are too few for an interval, whatever the curves say.
    assert set(tables["verdicts"]["verdict"].to_pylist()) <= {"eval_limited"}
    assert not run_diagnosis(workspace, covered.digest).computed


def test_finished_curves_are_found_without_training(workspace: Workspace) -> None:
    before, curves = calls(workspace), run_curves(workspace, toy.shell())
    found = find_curves(workspace)
    assert found is not None
    assert (found.digest, calls(workspace)) == (curves.digest, before)
    train = replace(workspace.config.train, command="another")
    assert find_curves(Workspace(workspace.storage, replace(workspace.config, train=train))) is None


def test_curves_stay_evidence_when_labels_change(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(workspace.storage.local_path(), folder)
    labels = pq.read_table(folder / "lake/labels/part-0.parquet")
    toy.write(folder / "lake/labels", labels.slice(0, labels.num_rows - 6))
    found, before = find_curves(Workspace.open(folder)), find_curves(workspace)
    assert found is not None
    assert before is not None
    assert found.digest == before.digest


def test_trainings_side_by_side_give_the_same_points(workspace: Workspace, tmp_path: Path) -> None:
    one = run_curves(workspace, toy.shell())
    other = make_workspace(tmp_path / "ws", parallel=2)
    two = run_curves(other, toy.shell())
    assert two.storage.read_table(POINTS_FILE).equals(one.storage.read_table(POINTS_FILE))
    assert sorted(calls(other)) == sorted(ALL)


def test_scenes_are_split_over_the_values_of_an_attribute(workspace: Workspace) -> None:
    held = [s["scene_id"] for s in toy.scenes_table().to_pylist() if s["split"] == "eval"]
    columns = {"scene_id": held, "value": [0.5] * len(held), "support": pa.array([4] * len(held), pa.int64())}
    names = {"model_id": "toy_model", "stack": "planning", "metric": "off_m"}
    columns |= {name: [text] * len(held) for name, text in names.items()}
    order = ("scene_id", "model_id", "stack", "metric", "value", "support")
    toy.write(workspace.storage.local_path("lake/metrics"), pa.table({name: columns[name] for name in order}))
    arguments = ["coverage", "allocate", "weather", "--scenes", "6", "-w", str(workspace.storage.local_path())]
    said = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert said["metric"] == "off_m"
    assert [row["segment_id"] for row in said["quotas"]] == ["weather=clear", "weather=rain"]
    assert sum(row["quota"] for row in said["quotas"]) == 0  # every scene of the pool is labelled
    assert all(row["quota"] <= row["in_pool"] and row["error_then"] <= row["error_now"] for row in said["quotas"])
    shown = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    assert "The pool holds no scenes for 6 of them: drive for more." in shown
    with pytest.raises(WorkspaceError, match="no learning curve of off_m for values of 'road'"):
        CliRunner().invoke(
            app, ["coverage", "allocate", "road", "--scenes", "6", *arguments[-2:]], catch_exceptions=False
        )
