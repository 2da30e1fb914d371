"""Forecast errors in a workspace: metrics of the model wherever `futures` say what happened."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import toy
from oddloop.lake import Workspace
from oddloop.lake.validate import find_faults
from oddloop.rounds.audit import audit
from oddloop.rounds.run import run_stages
from oddloop.score.trajectory_metrics import METRIC_NAMES, forecast_errors
from toy import run_at, shell

MODEL = "toy_model"
RNG = np.random.default_rng(0)
N_AGENTS, N_MODES, N_STEPS = 2, 3, 4
DECLARED = "\n".join(f'[metrics.{name}]\nbetter = "lower"' for name in METRIC_NAMES)
FRAMES = toy.frames_table(toy.scenes_table())
N = FRAMES.num_rows * N_AGENTS
MODES = RNG.normal(0, 3, (N, N_MODES, N_STEPS, 2)).astype(np.float32)
PROBS = RNG.dirichlet(np.ones(N_MODES), N).astype(np.float32)
TRUTH = RNG.normal(0, 3, (N, N_STEPS, 2)).astype(np.float32)
IDS = FRAMES.take(pa.array(np.repeat(np.arange(FRAMES.num_rows), N_AGENTS))).select(["frame_id", "scene_id"])
IDS = IDS.append_column("agent_id", pa.array(["p", "q"] * FRAMES.num_rows))
XY = pa.list_(pa.list_(pa.float32()))


def forecasts() -> pa.Table:
    modes = pa.array([[m] for m in MODES.tolist()], pa.list_(pa.list_(XY)))
    probs = pa.array([[p] for p in PROBS.tolist()], XY)
    return IDS.append_column("mode_probs", probs).append_column("modes", modes)


def futures() -> pa.Table:
    """In another order than the forecasts."""
    table = IDS.append_column("xy", pa.array(TRUTH.tolist(), XY))
    return table.take(pa.array(np.random.default_rng(1).permutation(N)))


def expected() -> dict[tuple[str, str], float]:
    """Mean error by scene and metric."""
    errors = forecast_errors(MODES, PROBS, TRUTH)._asdict()
    scenes = np.array(IDS["scene_id"].to_pylist())
    return {(s, m): float(v[scenes == s].mean()) for m, v in errors.items() for s in np.unique(scenes)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws", config=f"{toy.CONFIG}\n{DECLARED}\n")
    toy.write(tmp_path / f"ws/lake/predictions/trajectory/{MODEL}", forecasts())
    toy.write(tmp_path / "ws/lake/futures", futures())
    return tmp_path / "ws"


def metrics_of(folder: Path) -> pa.Table:
    covered = run_stages(Workspace.open(folder), shell(), until="coverage")["coverage"]
    digest = covered.manifest["inputs"]["forecasts"]
    return Workspace.open(folder).storage.read_table(f"derived/forecasts/{digest}/metrics.parquet")


def computed(folder: Path) -> list[str]:
    return [step.name for step in run_at(folder).steps if step.computed]


def test_forecasts_are_measured_where_the_future_is_known(folder: Path) -> None:
    assert find_faults(Workspace.open(folder)) == []
    found = metrics_of(folder).to_pylist()
    assert {(r["scene_id"], r["metric"]): r["value"] for r in found} == pytest.approx(expected(), rel=1e-6)
    assert {r["support"] for r in found} == {8}
    assert {(r["model_id"], r["stack"]) for r in found} == {(MODEL, "prediction")}


def test_segments_and_the_audit_are_of_these_metrics(folder: Path) -> None:
    covered = run_stages(Workspace.open(folder), shell(), until="coverage")["coverage"]
    rows = covered.storage.read_table("segment_metrics.parquet").to_pylist()
    overall = {row["metric"]: row["value"] for row in rows if row["segment_id"] == "all"}
    held_out = [v for (s, m), v in expected().items() if m == "min_fde_m" and s[:4] in ("log6", "log7")]
    assert set(overall) == {"accuracy", *METRIC_NAMES}
    assert overall["min_fde_m"] == pytest.approx(np.mean(held_out))
    audited = audit(Workspace.open(folder), shell(), "min_fde_m").storage.read_table("audit.parquet")
    assert "trajectory_endpoint_spread_sum_sum" in audited["score"].to_pylist()


def test_only_what_rests_on_them_runs_again(folder: Path) -> None:
    run_at(folder)
    assert computed(folder) == []
    changed = futures().set_column(3, "xy", pa.array((TRUTH + 1).tolist(), XY))
    toy.write(folder / "lake/futures", changed)
    assert computed(folder) == ["coverage", "cards", "select", "propose"]
    toy.write(folder / f"lake/predictions/trajectory/{MODEL}", forecasts().slice(2))
    assert "coverage" in computed(folder)


def test_a_forecast_without_a_known_future_counts_nowhere(folder: Path) -> None:
    known = [s for s in IDS["scene_id"].unique().to_pylist() if s not in ("log7/s1", "log7/s2")]
    some = futures().filter(pc.is_in(futures()["scene_id"], value_set=pa.array([*known, "log7/s2"])))
    gone = pc.and_(pc.equal(some["scene_id"], "log7/s2"), pc.equal(some["agent_id"], "p"))
    xy = [None if is_gone else xy for xy, is_gone in zip(some["xy"].to_pylist(), gone.to_pylist(), strict=True)]
    toy.write(folder / "lake/futures", some.set_column(3, "xy", pa.array(xy, XY)))
    support = {r["scene_id"]: r["support"] for r in metrics_of(folder).to_pylist()}
    assert ("log7/s1" in support, support["log7/s2"], support["log7/s3"]) == (False, 4, 8)


def test_a_metric_that_the_model_brings_is_not_computed(folder: Path) -> None:
    brought = toy.metrics_table(toy.scenes_table())
    n = brought.num_rows
    brought = brought.set_column(3, "metric", pa.array(["min_fde_m"] * n)).set_column(4, "value", pa.array([7.0] * n))
    toy.write(folder / "lake/metrics", brought, "own.parquet")
    covered = run_stages(Workspace.open(folder), shell(), until="coverage")["coverage"]
    rows = covered.storage.read_table("segment_metrics.parquet").to_pylist()
    overall = {row["metric"]: row["value"] for row in rows if row["segment_id"] == "all"}
    assert overall["min_fde_m"] == 7.0
    assert set(overall) == {"accuracy", *METRIC_NAMES}


def test_batches_and_files_change_nothing(folder: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    config = f"{toy.CONFIG}\n{DECLARED}\n[engine]\nworkers = 1\nbatch_rows = 7\n"
    toy.make_workspace(twin, config=config)
    toy.write(twin / f"lake/predictions/trajectory/{MODEL}", forecasts())
    for i in range(3):
        toy.write(twin / "lake/futures", futures().slice(i * 128, 128), f"part-{i}.parquet")
    assert metrics_of(twin).equals(metrics_of(folder))


def test_futures_of_nothing_forecast_measure_nothing(folder: Path) -> None:
    toy.write(folder / "lake/futures", futures().slice(0, 0))
    assert metrics_of(folder).num_rows == 0
    assert run_at(folder).round_id == "r001"


def test_measures_of_trajectories_are_a_setting(folder: Path) -> None:
    text = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text(f"{text}\n[score]\ntrajectory_measures = ['off_mode_risk', 'spread_across']\n")
    scored = run_stages(Workspace.open(folder), shell(), until="score")["score"]
    names = scored.storage.read_table("scene_scores.parquet").column_names
    assert {"trajectory_off_mode_risk_max_mean", "trajectory_spread_across_sum_sum"} <= set(names)
    assert not [name for name in names if "mode_entropy" in name]
