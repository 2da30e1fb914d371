"""One real Argoverse 2 scenario: its tracks scored, and constant-velocity forecasts of its agents measured."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.lake import Workspace
from oddloop.lake.validate import find_faults
from oddloop.rounds.run import run_stages
from toy import shell

DATA = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
FOUND = sorted((DATA / "av2_test_logs").glob("*scenario*.parquet"))
STEP_NS = 100_000_000
NOW, LATER = 49, 109  # the first 5 s are observed, the next 6 s are to be forecast

pytestmark = pytest.mark.skipif(not FOUND, reason="no Argoverse 2 scenario: set ODDLOOP_TEST_DATA")


def test_a_scenario_goes_through_the_loop(tmp_path: Path) -> None:
    raw = pq.read_table(FOUND[0])
    keep = np.array([kind in ("vehicle", "bus") for kind in raw["object_type"].to_pylist()])
    raw = raw.filter(pa.array(keep)).sort_by([("timestep", "ascending"), ("track_id", "ascending")])
    columns = {name: raw[name].to_numpy() for name in raw.column_names}
    step, name = columns["timestep"], columns["track_id"].astype(str)
    speed = np.hypot(columns["velocity_x"], columns["velocity_y"])
    ids = {"scene_id": ["s"] * len(step), "frame_id": [f"f{i:03d}" for i in step], "agent_id": name}
    state = {"x_m": columns["position_x"], "y_m": columns["position_y"], "heading_rad": columns["heading"]}
    sizes = {"speed_mps": speed, "length_m": np.full(len(step), 4.6), "width_m": np.full(len(step), 1.9)}
    times = {"timestamp_ns": pa.array(step * STEP_NS, pa.int64()), "is_ego": name == "AV"}
    folder = tmp_path / "ws"
    toy.write(folder / "lake/tracks", pa.table({**ids, **state, **sizes, **times}))
    scene = {"scene_id": ["s"], "log_id": ["l"], "start_ns": pa.array([0], pa.int64()), "duration_s": [11.0]}
    toy.write(folder / "lake/scenes", pa.table(scene))

    # agents seen throughout: straight on at the velocity that they have now, against what they did
    xy = np.stack([columns["position_x"], columns["position_y"]], axis=1)
    velocity = np.stack([columns["velocity_x"], columns["velocity_y"]], axis=1)
    whole = [n for n in np.unique(name) if set(range(NOW, LATER + 1)) <= set(step[name == n])]
    now = {n: xy[(name == n) & (step == NOW)][0] for n in whole}
    future = {n: xy[(name == n) & (step > NOW)] - now[n] for n in whole}
    seconds = np.arange(1, LATER - NOW + 1)[:, None] * STEP_NS / 1e9
    straight = {n: velocity[(name == n) & (step == NOW)][0] * seconds for n in whole}
    assert len(whole) >= 5
    path = pa.list_(pa.list_(pa.float32()))
    keys = {"frame_id": ["f049"] * len(whole), "scene_id": ["s"] * len(whole), "agent_id": whole}
    modes = pa.array([[[straight[n].tolist()]] for n in whole], pa.list_(pa.list_(path)))
    probs = pa.array([[[1.0]]] * len(whole), path)
    toy.write(folder / "lake/predictions/trajectory/cv", pa.table({**keys, "mode_probs": probs, "modes": modes}))
    truth = pa.array([future[n].tolist() for n in whole], path)
    toy.write(folder / "lake/futures", pa.table({**keys, "xy": truth}))
    workspace = Workspace.create(folder, '[metrics.min_fde_m]\nbetter = "lower"\n[score.risk]\nvehicles = "ego"\n')
    assert find_faults(workspace) == []

    stages = run_stages(workspace, shell(), until="coverage")
    digest = stages["coverage"].manifest["inputs"]["forecasts"]
    metrics = workspace.storage.read_table(f"derived/forecasts/{digest}/metrics.parquet").to_pylist()
    found = {row["metric"]: row["value"] for row in metrics}
    apart = {n: np.hypot(*(straight[n] - future[n]).T) for n in whole}
    assert found["min_fde_m"] == pytest.approx(np.mean([a[-1] for a in apart.values()]), rel=1e-4)
    assert found["min_ade_m"] == pytest.approx(np.mean([a.mean() for a in apart.values()]), rel=1e-4)
    assert {row["support"] for row in metrics} == {len(whole)}

    (scores,) = stages["score"].storage.read_table("scene_scores.parquet").to_pylist()
    assert scores["risk_hard_braking_max_valid"]
    assert scores["risk_jerk_max"] < 200
    assert scores["n_frames_scored"] == len(np.unique(step))
