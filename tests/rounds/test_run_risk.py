"""Risk in a workspace: stated by the model, of its candidate paths, and of the lake's tracks."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.config import ScoreConfig, load_config
from oddloop.errors import TableError
from oddloop.lake import Workspace
from oddloop.lake.validate import find_faults
from oddloop.rounds.run import run_stages
from oddloop.score import risk, score_columns, summarize_scenes
from toy import run_at, shell

MODEL = "toy_model"
DATA = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


REAL = DATA / "commonroad_ngsim/tracks.parquet"


def frames() -> pa.Table:
    return toy.frames_table(toy.scenes_table())


def tracks_table(seed: int = 0) -> pa.Table:
    """Two cars in a lane and the ego, in every frame."""
    every = frames()
    n, rng = every.num_rows, np.random.default_rng(seed)
    rows = every.take(pa.array(np.repeat(np.arange(n), 3)))
    place = np.tile([0.0, 12.0, 60.0], n) + rng.uniform(0, 4, 3 * n)
    columns = {
        "agent_id": ["ego", "a", "b"] * n,
        "x_m": place,
        "y_m": np.zeros(3 * n),
        "heading_rad": np.zeros(3 * n),
        "speed_mps": rng.uniform(0, 20, 3 * n),
        "length_m": np.full(3 * n, 4.0),
        "width_m": np.full(3 * n, 2.0),
        "is_ego": [True, False, False] * n,
    }
    return pa.table({**{name: rows[name] for name in ("scene_id", "frame_id", "timestamp_ns")}, **columns})


def configure(folder: Path, section: str) -> None:
    path = folder / "oddloop.toml"
    path.write_text(f"{path.read_text()}\n{section}\n")


def scene_scores(folder: Path) -> pa.Table:
    scored = run_stages(Workspace.open(folder), shell(), until="score")["score"]
    return scored.storage.read_table("scene_scores.parquet")


def computed(folder: Path) -> list[str]:
    return [step.name for step in run_at(folder).steps if step.computed]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    toy.write(tmp_path / "ws/lake/tracks", tracks_table())
    return tmp_path / "ws"


def test_tracks_are_scored_beside_the_model(folder: Path) -> None:
    found = scene_scores(folder)
    assert find_faults(Workspace.open(folder)) == []
    config = Workspace.open(folder).config.score
    frame_scores = risk.score_tracks(tracks_table(), config)
    assert found["risk_ttc_shortfall_max_mean"].equals(summarize_scenes(frame_scores)["risk_ttc_shortfall_max_mean"])
    of_scenes = risk.score_track_scenes(tracks_table(), config).sort_by("scene_id")
    for name in ("risk_time_exposed_max", "risk_hard_braking_sum", "risk_min_distance_shortfall_mean"):
        assert found[name].to_pylist() == of_scenes[name].to_pylist()
    assert found["n_frames_scored"].to_pylist() == [4] * 48
    assert not list(folder.glob("derived/score/*/track_scenes"))


@pytest.mark.parametrize(
    ("section", "again"),
    [
        ("[score.risk]\nttc_s = 3.0", ["score", "discover", "cards", "select", "propose"]),
        ("[score.risk]\nvehicles = 'ego'", ["score", "discover", "cards", "select", "propose"]),
        ("[engine]\nworkers = 1\nbatch_rows = 5", []),
    ],
)
def test_a_threshold_is_a_setting_of_the_scores(folder: Path, section: str, again: list[str]) -> None:
    run_at(folder)
    configure(folder, section)
    assert computed(folder) == again


def test_thresholds_have_no_say_where_there_are_no_tracks(folder: Path) -> None:
    (folder / "lake/tracks/part-0.parquet").unlink()
    run_at(folder)
    configure(folder, "[score.risk]\nttc_s = 3.0")
    assert computed(folder) == []


def test_changed_tracks_are_scored_again(folder: Path) -> None:
    run_at(folder)
    toy.write(folder / "lake/tracks", tracks_table(seed=1))
    assert computed(folder) == ["score", "discover", "cards", "select", "propose"]
    assert computed(folder) == []


def test_batches_do_not_change_a_scene_of_tracks(folder: Path, tmp_path: Path) -> None:
    expected = scene_scores(folder)
    toy.make_workspace(tmp_path / "twin", config=toy.CONFIG + "\n[engine]\nworkers = 1\nbatch_rows = 5\n")
    toy.write(tmp_path / "twin/lake/tracks", tracks_table())
    assert scene_scores(tmp_path / "twin").equals(expected)


def test_a_scene_in_two_files_is_refused(folder: Path) -> None:
    table = tracks_table()
    toy.write(folder / "lake/tracks", table.slice(0, 6))
    toy.write(folder / "lake/tracks", table.slice(6), "part-1.parquet")
    with pytest.raises(TableError, match="a scene_id has two rows in one table"):
        run_at(folder)
    assert {fault.code for fault in find_faults(Workspace.open(folder))} == {"rows-apart"}


def test_stated_risks_and_plans_are_tasks_like_any_other(folder: Path) -> None:
    every = frames()
    n, rng = every.num_rows, np.random.default_rng(0)
    ids = {"frame_id": every["frame_id"], "scene_id": every["scene_id"]}
    toy.write(folder / f"lake/predictions/risk/{MODEL}", pa.table({**ids, "collision_prob": rng.random(n)}))
    plans = pa.array(rng.normal(size=(n, 3, 4, 2)).tolist(), pa.list_(pa.list_(pa.list_(pa.float32()))))
    toy.write(folder / f"lake/predictions/planning/{MODEL}", pa.table({**ids, "candidates": plans}))
    assert find_faults(Workspace.open(folder)) == []
    names = set(scene_scores(folder).column_names)
    assert {
        *("risk_collision_prob_max_mean", "risk_collision_prob_any_p95", "risk_ttc_shortfall_max_mean"),
        *("planning_disagreement_final_mean", "planning_disagreement_average_max", "classification_entropy_mean"),
    } <= names
    ranked = '[select]\nscore = "risk_collision_prob_any_max"'
    (folder / "oddloop.toml").write_text((folder / "oddloop.toml").read_text().replace("[select]", ranked))
    assert run_at(folder).round_id == "r001"


def test_forecasts_are_set_against_the_plan_where_they_share_a_frame(folder: Path) -> None:
    every, rng = frames(), np.random.default_rng(0)
    n = every.num_rows
    ids = every.select(["frame_id", "scene_id"])
    path = pa.list_(pa.list_(pa.float32()))
    ways = rng.normal(0, 4, (n, 1, 2, 3, 2))
    forecasts = ids.append_column("agent_id", pa.array(["a"] * n))
    forecasts = forecasts.append_column("mode_probs", pa.array([[[0.25, 0.75]]] * n, path))
    forecasts = forecasts.append_column("modes", pa.array(ways.tolist(), pa.list_(pa.list_(path))))
    toy.write(folder / f"lake/predictions/trajectory/{MODEL}", forecasts)
    plans = rng.normal(0, 4, (n, 2, 3, 2))
    planned = ids.append_column("candidates", pa.array(plans.tolist(), pa.list_(path)))
    planned = planned.append_column("weights", pa.array([[0.4, 0.6]] * n, pa.list_(pa.float32())))
    # in another order, and none for one scene
    mixed = planned.slice(4).take(pa.array(rng.permutation(n - 4)))
    toy.write(folder / f"lake/predictions/planning/{MODEL}", mixed.slice(0, 100))
    toy.write(folder / f"lake/predictions/planning/{MODEL}", mixed.slice(100), "part-1.parquet")
    assert not [name for name in scene_scores(folder).column_names if "planned" in name]
    configure(folder, "[score.risk]\nshared_frame = true")
    found = scene_scores(folder)["risk_planned_collision_prob_max_mean"].to_pylist()
    probs = np.tile([[[0.25, 0.75]]], (n, 1, 1))
    ways, plans = ways.astype(np.float32), plans.astype(np.float32)
    expected = risk.collision_probability(probs, ways, plans[:, 1], (4.5, 1.9), (4.5, 1.9), "discs")
    assert found[0] is None
    assert found[1:] == pytest.approx(expected.reshape(-1, 4).mean(axis=1)[1:].tolist())


@pytest.mark.skipif(not REAL.exists(), reason="no real tracks: set ODDLOOP_TEST_DATA")
def test_a_lake_of_nothing_but_ngsim_tracks_and_a_stated_risk(tmp_path: Path) -> None:
    """All 137 recorded scenes go through `oddloop score`; each equals the function on its own rows."""
    real = pq.read_table(REAL).sort_by([("scene_id", "ascending"), ("step", "ascending")])
    scene_ids, steps = real["scene_id"].to_pylist(), real["step"].to_numpy()
    frame_ids = [f"{scene}/{step}" for scene, step in zip(scene_ids, steps, strict=True)]
    names = {"x_m": "x", "y_m": "y", "heading_rad": "heading", "speed_mps": "speed"}
    names |= {"length_m": "length", "width_m": "width"}
    tracks = pa.table(
        {
            "scene_id": scene_ids,
            "frame_id": frame_ids,
            "agent_id": [str(i) for i in real["object_id"].to_pylist()],
            "timestamp_ns": pa.array(steps * 100_000_000, pa.int64()),
            **{ours: real[theirs] for ours, theirs in names.items()},
        }
    )
    known = real["scene_id"].unique().to_pylist()
    scenes = {"scene_id": known, "log_id": known, "start_ns": pa.array([0] * len(known), pa.int64())}
    stated = pa.table({"frame_id": frame_ids, "scene_id": scene_ids, "criticality": real["speed"]})
    toy.write(tmp_path / "ws/lake/scenes", pa.table({**scenes, "duration_s": [60.0] * len(known)}))
    toy.write(tmp_path / "ws/lake/tracks", tracks)
    toy.write(tmp_path / f"ws/lake/predictions/risk/{MODEL}", stated)
    Workspace.create(tmp_path / "ws", "")
    assert {f.code for f in find_faults(Workspace.open(tmp_path / "ws"))} <= {"duplicate-key"}  # no agent was named
    found = scene_scores(tmp_path / "ws")
    assert found.num_rows == len(known) == 137
    # nobody collides, so nobody needs more than a hard brake; and traffic is dense enough for headways everywhere
    assert max(found["risk_required_deceleration_max_max"].drop_null().to_pylist()) < 30
    assert sum(found["risk_thw_shortfall_max_mean_valid"].to_pylist()) > 130
    config = Workspace.open(tmp_path / "ws").config.score
    for scene in (known[0], known[70]):
        alone = risk.score_track_scenes(tracks.filter(pc.equal(tracks["scene_id"], scene)), config)
        row = found.filter(pc.equal(found["scene_id"], scene))
        for name in ("risk_time_exposed_sum", "risk_hard_braking_max", "risk_jerk_mean"):
            assert row[name].to_pylist() == pytest.approx(alone[name].to_pylist(), rel=1e-9), name


def test_the_settings_that_the_how_to_shows_exist() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/risk.md").read_text()
    settings, metrics = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert load_config(settings).score.risk.vehicles == "ego"
    assert load_config(metrics).metrics["min_fde_m"].better == "lower"
    scored = {*toy_names(), "risk_criticality", "planning_disagreement_final", "planning_disagreement_average"}
    assert all(f"`{name}`" in page for name in scored)


def toy_names() -> set[str]:
    """Measures of tracks, without their reductions."""
    config = ScoreConfig(reductions=("max",))
    found = [risk.score_tracks(tracks_table(), config), risk.score_track_scenes(tracks_table(), config)]
    return {name.removesuffix("_max") for table in found for name in score_columns(table)}
