"""Sources against the data sets' own readers, and the sun against an astronomer's package."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from exchange.sources import argoverse2_folder as av2_files
from exchange.sources import commonroad_folder as cr_files
from exchange.sources import motion_folder as motion_files
from exchange.sources import nuscenes_folder as nuscenes_files
from oddloop.exchange.attributes import sun_elevation_deg
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.exchange.sources.argoverse2_motion import SIZES_M
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace
from oracles.peers import load

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
WHY = "{name} is not installed; `make test-all` installs it into .venv-sources ({{error}})"


def ingest(source: str, folder: Path, scene_s: float = 20.0) -> Workspace:
    workspace = Workspace.create(folder.parent / "ws", "")
    ingest_source(make_source(source, folder, scene_s), folder, workspace)
    return workspace


def read(workspace: Workspace, table: str) -> pa.Table:
    return workspace.storage.read_table(f"lake/{table}/part-00000.parquet")


def test_the_sun_stands_where_astral_puts_it() -> None:
    astral = load("astral", WHY.format(name="astral"))
    sun = load("astral.sun", WHY.format(name="astral"))
    rng = np.random.default_rng(0)
    n = 2000
    time_s = rng.integers(0, 2_500_000_000, n)  # 1970 to 2049
    latitude, longitude = rng.uniform(-89, 89, n), rng.uniform(-180, 180, n)
    ours = sun_elevation_deg(time_s * 10**9, latitude, longitude)
    theirs = [
        sun.elevation(astral.Observer(a, b), dt.datetime.fromtimestamp(int(t), dt.UTC), with_refraction=False)
        for t, a, b in zip(time_s, latitude, longitude, strict=True)
    ]
    assert np.abs(ours - theirs).max() < 0.02


@pytest.mark.skipif(not av2_files.REAL.exists(), reason=av2_files.WHY_SKIPPED)
def test_sensor_logs_are_what_av2_reads(tmp_path: Path) -> None:
    load("av2", WHY.format(name="av2"))
    cuboids = load("av2.structures.cuboid", WHY.format(name="av2"))
    io = load("av2.utils.io", WHY.format(name="av2"))
    folder = av2_files.lay_out_real_logs(tmp_path / "av2")
    workspace = ingest("argoverse2", folder)
    objects, scenes = read(workspace, "objects"), read(workspace, "scenes").to_pylist()
    for scene in scenes:
        log = next(folder.glob(f"*/{scene['log_id']}"))
        theirs = cuboids.CuboidList.from_feather(log / "annotations.feather")
        ours = objects.filter(pc.equal(objects["scene_id"], scene["scene_id"]))
        assert ours.num_rows == len(theirs)
        assert scene["n_frames"] == len({c.timestamp_ns for c in theirs.cuboids})
        assert ours["category"].to_pylist() == [c.category for c in theirs.cuboids]
        centres = np.array([c.xyz_center_m for c in theirs.cuboids])
        assert np.allclose(np.stack([ours[k].to_numpy() for k in ("x_m", "y_m", "z_m")], 1), centres, atol=1e-4)
        headings = np.array([np.arctan2(*c.dst_SE3_object.rotation[1::-1, 0]) for c in theirs.cuboids])
        assert np.allclose(np.cos(ours["heading_rad"].to_numpy() - headings), 1.0, atol=1e-6)
        poses = io.read_city_SE3_ego(log)
        places = np.array([poses[t].translation[:2] for t in sorted(poses)])
        way = np.hypot(*np.diff(places[::17], axis=0).T).sum()  # every 0.1 s or so
        assert scene["distance_m"] == pytest.approx(way, rel=0.05)


def test_a_made_up_scenario_arrives_whole(tmp_path: Path) -> None:
    load("commonroad", WHY.format(name="commonroad-io"))
    workspace = ingest("commonroad", cr_files.write_folder(tmp_path / "cr"))
    assert [f for f in find_faults(workspace) if f.code != "undeclared-metric"] == []
    first = read(workspace, "scenes").to_pylist()[0]
    expected = {
        "scene_id": "DEU_Test-1_1_T-1",
        "log_id": "DEU_Test-1",
        "duration_s": 0.5,
        "n_frames": 5,
        "tags": ["comfort", "two_lane", "urban"],
        "lane_count": "2",
        "curvature": "straight",
        "junction": "none",
        "n_vehicles_per_frame": 1.0,
        "traffic_density": "low",  # one vehicle on 0.2 km of lane: 5 a km
        "categories": ["car"],
    }
    assert {k: v for k, v in first.items() if k != "start_ns"} == expected
    track = read(workspace, "tracks").slice(2, 1).to_pylist()[0]
    assert (track["x_m"], track["speed_mps"], track["length_m"]) == (2.0, 10.0, 4.5)


@pytest.mark.skipif(not cr_files.REAL.exists(), reason=cr_files.WHY_SKIPPED)
def test_real_scenarios_are_what_commonroad_reads_and_their_table_says(tmp_path: Path) -> None:
    load("commonroad", WHY.format(name="commonroad-io"))
    reader = load("commonroad.common.file_reader", WHY.format(name="commonroad-io"))
    folder = cr_files.lay_out_real(tmp_path / "cr")
    workspace = ingest("commonroad", folder)
    assert find_faults(workspace) == []
    tracks, scenes = read(workspace, "tracks"), read(workspace, "scenes").to_pylist()
    assert len(scenes) == 13
    table = pq.read_table(cr_files.REAL.parent / "tracks.parquet")
    for scene in scenes:
        scenario, _ = reader.CommonRoadFileReader(str(next(folder.rglob(f"{scene['scene_id']}.xml")))).open()
        ours = tracks.filter(pc.equal(tracks["scene_id"], scene["scene_id"]))
        later = [o.prediction.trajectory.state_list for o in scenario.dynamic_obstacles if o.prediction]
        n_states = len(scenario.dynamic_obstacles) + sum(map(len, later))
        assert ours.num_rows == n_states
        assert len(ours["agent_id"].unique()) == len(scenario.dynamic_obstacles)
        theirs = table.filter(pc.equal(table["scene_id"], scene["scene_id"]))
        theirs = theirs.append_column("agent_id", theirs["object_id"].cast(pa.string()))
        theirs = theirs.sort_by([("step", "ascending"), ("agent_id", "ascending")])
        for mine, other in (("x_m", "x"), ("y_m", "y"), ("heading_rad", "heading"), ("speed_mps", "speed")):
            assert np.allclose(ours[mine].to_numpy(), theirs[other].to_numpy(), atol=1e-3)
        assert np.allclose(ours["length_m"].to_numpy(), theirs["length"].to_numpy(), atol=1e-3)


def turn_at_random(version: Path, table: str, seed: int) -> None:
    """Give every row of a table a rotation of its own, mostly about the vertical."""
    rng = np.random.default_rng(seed)
    rows = json.loads((version / f"{table}.json").read_text())
    for row in rows:
        quaternion = np.array([1.0, 0.0, 0.0, 0.0]) + rng.normal(0.0, [1.0, 0.02, 0.02, 1.0])
        row["rotation"] = (quaternion / np.linalg.norm(quaternion)).tolist()
    (version / f"{table}.json").write_text(json.dumps(rows))


def test_nuscenes_tables_are_what_its_devkit_reads(tmp_path: Path) -> None:
    devkit = load("nuscenes.nuscenes", WHY.format(name="nuscenes-devkit"))
    prediction = load("nuscenes.prediction", WHY.format(name="nuscenes-devkit"))
    folder = nuscenes_files.write_version(tmp_path / "n")
    for seed, table in enumerate(("ego_pose", "sample_annotation")):
        turn_at_random(folder / "v1.0-mini", table, seed)
    theirs = devkit.NuScenes("v1.0-mini", str(folder), verbose=False)
    workspace = ingest("nuscenes", folder)
    objects = {(row["frame_id"], row["object_id"]): row for row in read(workspace, "objects").to_pylist()}
    assert len(objects) == len(theirs.sample_annotation)
    for sample in theirs.sample:
        _, boxes, _ = theirs.get_sample_data(sample["data"]["LIDAR_TOP"])  # its lidar sits at the ego's origin
        for box in boxes:
            row = objects[sample["token"], theirs.get("sample_annotation", box.token)["instance_token"]]
            assert np.allclose([row["x_m"], row["y_m"], row["z_m"]], box.center, atol=1e-4)
            assert np.allclose([row["width_m"], row["length_m"], row["height_m"]], box.wlh)
    helper = prediction.PredictHelper(theirs)
    for future in read(workspace, "futures").to_pylist():
        known = helper.get_future_for_agent(future["agent_id"], future["frame_id"], 6.0, in_agent_frame=False)
        assert np.allclose(future["xy"], known, atol=1e-4)


@pytest.mark.skipif(not av2_files.REAL.exists(), reason=av2_files.WHY_SKIPPED)
def test_a_motion_scenario_is_what_av2_reads(tmp_path: Path) -> None:
    reader = load("av2.datasets.motion_forecasting.scenario_serialization", WHY.format(name="av2"))
    schema = load("av2.datasets.motion_forecasting.data_schema", WHY.format(name="av2"))
    folder = motion_files.lay_out_real(tmp_path / "av2")
    theirs = reader.load_argoverse_scenario_parquet(next(folder.rglob("scenario_*.parquet")))
    workspace = ingest("argoverse2-motion", folder)
    (scene,), frames = read(workspace, "scenes").to_pylist(), read(workspace, "frames").to_pylist()
    assert (scene["city"], scene["log_id"]) == (theirs.city_name, theirs.slice_id)
    assert abs(scene["start_ns"] - theirs.timestamps_ns[0]) < 100
    assert max(abs(f["timestamp_ns"] - t) for f, t in zip(frames, theirs.timestamps_ns, strict=True)) < 100
    states = {t.track_id: next((s for s in t.object_states if s.timestep == 49), None) for t in theirs.tracks}
    objects = {o["object_id"]: o for o in read(workspace, "objects").to_pylist()}
    assert set(objects) == {track for track, state in states.items() if state is not None and track != "AV"}
    rows = read(workspace, "tracks").to_pylist()
    tracks = {(row["agent_id"], row["frame_id"][-3:]): (row["x_m"], row["y_m"]) for row in rows}
    road_users = [t for t in theirs.tracks if t.object_type.value in SIZES_M]
    places = {(t.track_id, f"{s.timestep:03}"): s.position for t in road_users for s in t.object_states}
    assert tracks == places
    assert scene["object_types"] == sorted({t.object_type.value for t in theirs.tracks})
    ego = states["AV"]
    for track, row in objects.items():
        offset = np.array(states[track].position) - ego.position
        assert np.hypot(row["x_m"], row["y_m"]) == pytest.approx(np.hypot(*offset), abs=1e-3)
        assert row["speed_mps"] == pytest.approx(np.hypot(*states[track].velocity), abs=1e-4)
    scored = {
        t.track_id: [s.position for s in t.object_states if s.timestep > 49]
        for t in theirs.tracks
        if t.category in (schema.TrackCategory.SCORED_TRACK, schema.TrackCategory.FOCAL_TRACK)
    }
    futures = {row["agent_id"]: row["xy"] for row in read(workspace, "futures").to_pylist()}
    assert set(futures) == {track for track, path in scored.items() if len(path) == 60}
    assert all(np.allclose(futures[track], scored[track], atol=1e-3) for track in futures)


def test_forecasts_are_what_av2_reads_of_a_submission(tmp_path: Path) -> None:
    submission = load("av2.datasets.motion_forecasting.eval.submission", WHY.format(name="av2"))
    folder = motion_files.write_folder(tmp_path / "av2")
    theirs = submission.ChallengeSubmission.from_parquet(folder / "forecasts/m1/val.parquet")
    (ours,) = read(ingest("argoverse2-motion", folder), "predictions/trajectory/m1").to_pylist()
    probs, tracks = theirs.predictions["s1"]
    assert np.allclose(ours["mode_probs"][0], probs)
    assert np.allclose(ours["modes"][0], tracks["focal"])
