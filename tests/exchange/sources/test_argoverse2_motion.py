"""Argoverse 2 motion scenarios: what becomes of what, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange.sources import motion_folder as made
from exchange.sources.argoverse2_folder import REAL, START_NS, WHY_SKIPPED
from exchange.sources.corruption import some_fast
from exchange.sources.lakes import ingest, read
from oddloop.config import ScoreConfig
from oddloop.errors import SourceError
from oddloop.exchange.attributes.derived import derived_rules
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace
from oddloop.score.risk import score_tracks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write_folder(tmp_path / "av2")


def test_a_scenario_is_a_scene(folder: Path) -> None:
    workspace = ingest("argoverse2-motion", folder)
    assert find_faults(workspace) == []
    unlabelled, first = read(workspace, "scenes").to_pylist()
    # 110 steps of 0.1 s at 10 m/s; of the others only the focal car, 20 m ahead, is near and a road user.
    assert first == {
        "scene_id": "s1",
        "log_id": "slice-s1",
        "start_ns": START_NS,
        "duration_s": pytest.approx(11.0),
        "n_frames": 110,
        "city": "austin",
        "dataset_split": "train",
        "split": "pool",
        "distance_m": pytest.approx(109.0),
        "ego_speed_kph": pytest.approx(36.0),
        "ego_manoeuvre": "straight",
        "n_agents_near": 1,
        "traffic_density": "low",
        "object_types": ["pedestrian", "vehicle"],
    }
    assert (unlabelled["scene_id"], unlabelled["split"], unlabelled["duration_s"]) == ("s2", "eval", pytest.approx(5.0))


def test_the_frame_is_where_forecasts_begin(folder: Path) -> None:
    workspace = ingest("argoverse2-motion", folder)
    frames = {row["frame_id"]: row for row in read(workspace, "frames").to_pylist()}
    assert len(frames) == 50 + 110
    assert frames["s1/049"] == {
        "frame_id": "s1/049",
        "scene_id": "s1",
        "timestamp_ns": pytest.approx(START_NS + 49 * 100_000_000, abs=200),
    }
    other, focal = (row for row in read(workspace, "objects").to_pylist() if row["scene_id"] == "s1")
    assert (focal["frame_id"], focal["object_id"], other["object_id"]) == ("s1/049", "focal", "far")
    seen = {k: focal[k] for k in ("x_m", "y_m", "heading_rad", "speed_mps")}
    assert seen == {"x_m": 20.0, "y_m": pytest.approx(0.0, abs=1e-6), "heading_rad": 0.0, "speed_mps": 10.0}


def test_tracks_are_of_all_road_users_with_the_ego_vehicle_and_assumed_sizes(folder: Path) -> None:
    hidden = {"far": {"object_type": "background"}}
    edit(folder / SCENARIO, lambda rows: [row | hidden.get(row["track_id"], {}) for row in rows])
    workspace = ingest("argoverse2-motion", folder)
    assert find_faults(workspace) == []
    tracks = [row for row in read(workspace, "tracks").to_pylist() if row["scene_id"] == "s1"]
    assert [(row["frame_id"], row["agent_id"]) for row in tracks[-2:]] == [("s1/109", "AV"), ("s1/109", "focal")]
    assert len(tracks) == 110 * 2  # what is background has no size and is in nobody's way
    ego = tracks[20]
    assert ego == {
        "scene_id": "s1",
        "frame_id": "s1/010",
        "agent_id": "AV",
        "timestamp_ns": pytest.approx(START_NS + 10**9, abs=200),
        "x_m": 0.0,
        "y_m": 10.0,
        "heading_rad": pytest.approx(np.pi / 2),
        "speed_mps": pytest.approx(10.0),
        "length_m": 4.0,
        "width_m": 2.0,
        "is_ego": True,
    }
    assert derived_rules(read(workspace, "tracks").schema).keys() == {"length_m", "width_m"}


def test_tracks_are_scored_for_risk(folder: Path) -> None:
    workspace = ingest("argoverse2-motion", folder)
    risk = score_tracks(read(workspace, "tracks"), ScoreConfig(reductions=("max",)))
    # 20 m ahead and both 4 m long: 16 m at 10 m/s are 1.6 s, 0.4 s less than the 2 s of the default.
    assert risk["risk_thw_shortfall_max"].to_numpy() == pytest.approx(np.full(50 + 110, 0.4))


def test_forecasts_and_what_happened(folder: Path) -> None:
    workspace = ingest("argoverse2-motion", folder)
    (forecast,) = read(workspace, "predictions/trajectory/m1").to_pylist()
    assert forecast["mode_probs"] == [[0.75, 0.25]]  # likeliest first
    (future,) = read(workspace, "futures").to_pylist()  # the test scenario has none
    assert (future["frame_id"], future["agent_id"], len(future["xy"])) == ("s1/049", "focal", 60)
    assert future["xy"] == forecast["modes"][0][0]


def test_forecasts_of_scenarios_that_are_not_there_are_counted_and_refused_where_that_is_all(folder: Path) -> None:
    for name in ("s1", "s8", "s9"):
        made.write_forecasts(folder / f"forecasts/m2/{name}.parquet", name)
    workspace = Workspace.create(folder.parent / "ws", "")
    summary = ingest_source(make_source("argoverse2-motion", folder, 20.0), folder, workspace)
    assert summary.reasons() == {"predictions/trajectory/m2: of scenario …, which is not here [no-such-scenario]": 4}
    assert read(workspace, "predictions/trajectory/m2")["scene_id"].to_pylist() == ["s1"]
    (folder / "forecasts/m2/s1.parquet").unlink()
    message = "forecasts/m2: none of its 4 results is of a scenario that is here: they are of 's8' and 1 more; copy"
    with pytest.raises(SourceError, match=message):
        ingest_source(make_source("argoverse2-motion", folder, 20.0), folder, workspace)


def edit(file: Path, change: Callable[[list[dict]], object]) -> None:
    table = pq.read_table(file)
    rows = table.to_pylist()
    changed = change(rows)
    pq.write_table(pa.Table.from_pylist(changed if isinstance(changed, list) else rows, table.schema), file)


def shorten(row: dict) -> None:
    for axis in "xy":
        del row[f"predicted_trajectory_{axis}"][30:]


SCENARIO, FORECASTS = "train/s1/scenario_s1.parquet", "forecasts/m1/val.parquet"
FAULTS = [
    (SCENARIO, lambda r: r.append(r[0]), r"scenario_s1.parquet: track AV has two states at timestep 0"),
    (SCENARIO, lambda r: r[5].update(position_x=float("nan")), r"`position_x` is not a finite number"),
    (SCENARIO, lambda r: r[0].update(timestep=110), r"a timestep is not in 0..109"),
    (SCENARIO, lambda r: r[0].update(scenario_id="s9"), "it holds several scenarios"),
    (SCENARIO, lambda r: [x | {"scenario_id": "s9"} for x in r], "s1.parquet: it holds scenario s9; call it so, or"),
    (FORECASTS, lambda r: [], "forecasts/m1: no result is in its files"),
    (SCENARIO, lambda r: [x | {"observed": False} for x in r], "no state is observed"),
    (SCENARIO, lambda r: [x for x in r if x["track_id"] != "AV"], "the ego vehicle, track AV, is not there"),
    (SCENARIO, lambda r: [x | {"end_timestamp": 0.0} for x in r], "it ends before it begins"),
    (SCENARIO, lambda r: [], "it has no states"),
    (FORECASTS, lambda r: r[0]["predicted_trajectory_x"].pop(), "has not as many x as y"),
    (
        FORECASTS,
        lambda r: r[0]["predicted_trajectory_x"].__setitem__(3, float("inf")),
        "holds a number that is not finite",
    ),
    (FORECASTS, lambda r: r[0].update(probability=1.5), "a probability is not in .0, 1."),
    (FORECASTS, lambda r: r + r, "m1: probabilities of track focal of scenario s1 add up to more than 1; is it in two"),
    (FORECASTS, lambda r: shorten(r[0]), "m1: modes of track focal of scenario s1 are not all of one length"),
    (FORECASTS, lambda r: [x | {"track_id": "gone"} for x in r], "m1: track gone of scenario s1 is not there where"),
]


@pytest.mark.parametrize(("file", "change", "message"), some_fast(FAULTS))
def test_what_is_wrong_is_named(file: str, change: Callable[[list[dict]], object], message: str, folder: Path) -> None:
    edit(folder / file, change)
    with pytest.raises(SourceError, match=message):
        ingest("argoverse2-motion", folder)
    assert not (folder.parent / "ws/lake").exists()


def test_forecasts_of_unknown_tracks_are_left_out_alone(folder: Path) -> None:
    made.write_forecasts(folder / "forecasts/m2/a.parquet", "s1", track="gone")
    source, workspace = make_source("argoverse2-motion", folder, 20.0), Workspace.create(folder.parent / "ws", "")
    summary = ingest_source(source, folder, workspace, skip_faulty=True)
    assert (summary.rows["scenes"], summary.rows["predictions/trajectory/m1"]) == (2, 1)
    assert "predictions/trajectory/m2" not in summary.rows
    assert summary.refused["file"].to_pylist() == [str(folder / "forecasts/m2")]


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no scenario_\*.parquet below it"):
        list(make_source("argoverse2-motion", tmp_path, 20.0).parts())


@pytest.mark.skipif(not REAL.exists(), reason=WHY_SKIPPED)
def test_the_real_scenario(tmp_path: Path) -> None:
    workspace = ingest("argoverse2-motion", made.lay_out_real(tmp_path / "av2"))
    assert find_faults(workspace) == []
    (scene,) = read(workspace, "scenes").to_pylist()
    assert (scene["city"], scene["duration_s"]) == ("austin", pytest.approx(11.0, abs=0.01))
    assert read(workspace, "futures").num_rows == 2  # the focal track and the one that is scored beside it


def test_faulty_scenarios_are_left_out_alone(folder: Path, tmp_path: Path) -> None:
    edit(folder / SCENARIO, lambda rows: rows.append(rows[0]))
    workspace = Workspace.create(tmp_path / "ws", "")
    source = make_source("argoverse2-motion", folder, 20.0)
    summary = ingest_source(source, folder, workspace, skip_faulty=True)
    assert read(workspace, "scenes")["scene_id"].to_pylist() == ["s2"]
    assert summary.refused["reason"].to_pylist() == [
        "track AV has two states at timestep 0 [duplicate-state]",
    ]
    with pytest.raises(SourceError, match="two states"):  # what was left out is not forgotten
        ingest_source(source, folder, workspace)
