"""nuPlan: what becomes of what, on logs made after the published schema, and what is refused."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from exchange.sources import nuplan_folder as made
from exchange.sources.corruption import some_fast
from exchange.sources.lakes import ingest, read
from oddloop.cli import init
from oddloop.config import VolumeConfig
from oddloop.coverage import compute_exposure, encode_attributes, volume_gaps
from oddloop.errors import SourceError
from oddloop.exchange.attributes.derived import derived_rules
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace

VEGAS = made.LAS_VEGAS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write_folder(tmp_path / "splits")


def test_logs_are_cut_into_scenes_with_their_tags_and_the_sun(folder: Path) -> None:
    workspace = ingest("nuplan", folder)
    assert find_faults(workspace) == []
    scenes = read(workspace, "scenes")
    assert "scenario_types" not in derived_rules(scenes.schema)
    assert {"sun_elevation_deg", "ego_manoeuvre"} <= set(derived_rules(scenes.schema))
    first, second, third, fourth = scenes.to_pylist()
    assert first == {
        "scene_id": f"{VEGAS.name}/00",
        "log_id": VEGAS.name,
        "start_ns": VEGAS.start_us * 1000,
        "duration_s": 20.0,
        "n_frames": 40,
        "vehicle_id": "veh-35",
        "location": "las_vegas",
        "dataset_split": "mini",
        "split": "pool",
        "distance_m": pytest.approx(200.0, abs=1.0),
        "ego_speed_kph": pytest.approx(36.0),
        "ego_manoeuvre": "straight",
        "n_agents_near_per_frame": 2.0,
        "traffic_density": "low",
        "categories": ["pedestrian", "traffic_cone", "vehicle"],
        # An hour after noon: asin(sin 36.1 sin 21.3 + cos 36.1 cos 21.3 cos 14.8), all in degrees.
        "sun_elevation_deg": pytest.approx(70.4, abs=0.2),
        "time_of_day": "day",
        "scenario_types": ["following_lane_with_lead", "high_magnitude_speed"],
    }
    assert [row["scenario_types"] for row in (second, third, fourth)] == [None, None, ["near_pedestrian_on_crosswalk"]]
    assert (third["split"], third["time_of_day"], third["location"]) == ("eval", "night", "sg-one-north")


def test_a_split_is_held_out_also_where_somebody_stands_in_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init.run(str(folder.parent / "ws"), source="nuplan")
    workspace = Workspace.open(folder.parent / "ws")
    monkeypatch.chdir(folder / "val")
    ingest_source(make_source("nuplan", Path(), 20.0), Path(), workspace)
    assert set(read(workspace, "scenes")["split"].to_pylist()) == {"eval"}


def test_boxes_are_seen_from_the_vehicle_and_frames_named_by_their_token(folder: Path) -> None:
    workspace = ingest("nuplan", folder)
    assert read(workspace, "frames")["frame_id"][3].as_py() == VEGAS.token(6, 3).hex()
    objects = read(workspace, "objects")
    assert objects.num_rows == 2 * made.N_SWEEPS * len(made.TRACKS)
    car = objects.to_pylist()[0]
    assert (car["frame_id"], car["object_id"], car["category"]) == ("0000000600000000", "0000000500000000", "vehicle")
    assert [car[f"{side}_m"] for side in ("length", "width", "height")] == [4.5, 2.0, 1.5]
    assert [car["x_m"], car["y_m"], car["z_m"]] == pytest.approx([15.0, 0.0, 1.0])
    assert car["heading_rad"] == pytest.approx(-np.pi / 2)  # it looks east, the vehicle north
    for k, (_, ahead, left) in enumerate(made.TRACKS):
        mine = objects.filter(pa.compute.equal(objects["object_id"], VEGAS.token(5, k).hex()))
        np.testing.assert_allclose(mine["x_m"], ahead, atol=1e-3)
        np.testing.assert_allclose(mine["y_m"], left, atol=1e-3)


def test_tracks_are_of_road_users_and_of_the_ego_vehicle(folder: Path) -> None:
    workspace = ingest("nuplan", folder)
    assert read(workspace, "objects")["speed_mps"].to_pylist()[:3] == [made.SPEED_MPS, made.SPEED_MPS, None]
    tracks = read(workspace, "tracks")
    assert tracks.num_rows == 2 * made.N_SWEEPS * 3  # the cone is no road user
    ego, car, person = tracks.to_pylist()[3:6]  # of the second sweep, after 5 m
    assert ego == {
        "scene_id": f"{VEGAS.name}/00",
        "frame_id": VEGAS.token(6, 1).hex(),
        "agent_id": "ego",
        "timestamp_ns": (VEGAS.start_us + made.SWEEP_US) * 1000,
        "x_m": pytest.approx(664_430.0),
        "y_m": pytest.approx(3_997_655.0 + 1.461),  # the pose is that of the rear axle
        "heading_rad": pytest.approx(np.pi / 2),
        "speed_mps": 10.0,
        "length_m": 5.176,
        "width_m": 2.297,
        "is_ego": True,
    }
    seen = [car[name] for name in ("agent_id", "x_m", "y_m", "heading_rad", "length_m", "width_m", "is_ego")]
    assert seen == [VEGAS.token(5, 0).hex(), 664_430.0, 3_997_670.0, 0.0, 4.5, 2.0, False]
    assert (car["speed_mps"], person["agent_id"]) == (0.0, VEGAS.token(5, 1).hex())  # it looks east and moves north


def test_states_without_a_velocity_are_left_out_and_counted(folder: Path) -> None:
    with closing(sqlite3.connect(folder / f"mini/{VEGAS.name}.db")) as db, db:
        db.execute("UPDATE lidar_box SET vx = NULL WHERE rowid IN (1, 4)")
    workspace = Workspace.create(folder.parent / "ws", "")
    summary = ingest_source(make_source("nuplan", folder, 20.0), folder, workspace)
    assert summary.reasons() == {"tracks: states without a velocity [no-velocity]": 2}
    assert read(workspace, "tracks").num_rows == 2 * made.N_SWEEPS * 3 - 2
    assert read(workspace, "objects").num_rows == 2 * made.N_SWEEPS * 3


def test_gaps_tell_of_rare_types_and_of_types_that_never_occur(folder: Path) -> None:
    workspace = ingest("nuplan", folder)
    scenes, taxonomy = read(workspace, "scenes"), workspace.config.attributes
    encoded = encode_attributes(scenes, taxonomy)
    segments = compute_exposure(scenes, scenes["scene_id"].combine_chunks()[1:2], encoded, 1)
    gaps = volume_gaps(segments, encoded, taxonomy, VolumeConfig(least=2)).to_pylist()
    found = {g["segment_id"].removeprefix("dynamic.scenario_type="): (g["to_label"], g["to_drive"]) for g in gaps}
    types = taxonomy["dynamic.scenario_type"].values
    # Each type of the pool is in one scene that nobody labelled; the one tag in val is held out, so it closes no gap.
    occur = {name: found[name] for name in ("following_lane_with_lead", "high_magnitude_speed")}
    assert set(occur.values()) == {(1.0, 1.0)}
    assert [found[name] for name in types if name not in occur] == [(0.0, 2.0)] * 71


def test_nothing_is_written_beside_the_logs(folder: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    ingest("nuplan", folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_log_with_changes_beside_it_is_refused_and_left_as_it_is(folder: Path, tmp_path: Path) -> None:
    file = folder / f"mini/{VEGAS.name}.db"
    writer = sqlite3.connect(file)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("DELETE FROM scenario_tag")
    writer.commit()
    shutil.copytree(folder, tmp_path / "killed")
    writer.close()  # which merges the changes, so that nothing is beside it
    before = {p: p.read_bytes() for p in (tmp_path / "killed").rglob("*") if p.is_file()}
    with pytest.raises(SourceError, match=rf"{VEGAS.name}.db-wal beside it holds changes that are not in it yet"):
        ingest("nuplan", tmp_path / "killed")
    assert {p: p.read_bytes() for p in (tmp_path / "killed").rglob("*") if p.is_file()} == before
    shutil.rmtree(tmp_path / "ws")
    assert read(ingest("nuplan", folder), "scenes")["scenario_types"].to_pylist()[0] is None


JOURNAL = bytes.fromhex("d9d505f920a163d7")


@pytest.mark.parametrize(("head", "is_open"), [(JOURNAL, True), (bytes(512), False), (b"", False)])
def test_a_log_in_the_middle_of_a_transaction_is_refused(head: bytes, is_open: bool, folder: Path) -> None:
    # Of the three ways in which SQLite ends a transaction, two leave the journal, with zeros ahead or empty.
    (folder / f"mini/{VEGAS.name}.db-journal").write_bytes(head)
    with pytest.raises(SourceError, match="-journal beside it holds changes") if is_open else contextlib.nullcontext():
        ingest("nuplan", folder)


def test_a_log_without_boxes_or_tags_goes(tmp_path: Path) -> None:
    file = made.write_log(tmp_path / "splits/test", VEGAS)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("DELETE FROM lidar_box")
        db.execute("DELETE FROM scenario_tag")
    workspace = ingest("nuplan", tmp_path / "splits")
    assert read(workspace, "scenes")["scenario_types"].to_pylist() == [None, None]
    assert read(workspace, "scenes")["traffic_density"].to_pylist() == ["none", "none"]


LAST = "WHERE rowid = 5"
FAULTS = [
    ("UPDATE lidar_box SET yaw = NULL " + LAST, r"table lidar_box, row 4: `yaw` is null \[null-value\]"),
    ("UPDATE lidar_box SET x = 9e999 " + LAST, r"table lidar_box, row 4: `x` is not a finite number"),
    ("UPDATE ego_pose SET y = 'far' " + LAST, r"column `y` of `ego_pose` holds something that is not double"),
    ("DELETE FROM track WHERE rowid = 3", r"`track_token` 0000000500000002 of `lidar_box` is not in `track`"),
    ("DELETE FROM lidar_pc " + LAST, r"`lidar_pc_token` 0000000600000004 of `lidar_box` is not in `lidar_pc`"),
    ("UPDATE lidar_pc SET ego_pose_token = x'00' " + LAST, r"`ego_pose_token` 00 of `lidar_pc` is not in `ego_pose`"),
    ("UPDATE lidar_pc SET timestamp = (SELECT min(timestamp) FROM lidar_pc) " + LAST, "two of one time"),
    ("DELETE FROM lidar_pc", "no row in `lidar_pc`"),
    ("UPDATE lidar_box SET track_token = x'0000000500000000' " + LAST, "track 0000000500000000 has two boxes at"),
    ("UPDATE ego_pose SET qw = 0, qz = 0 " + LAST, "a quaternion of `ego_pose` is all zeros"),
    ("ALTER TABLE lidar_box RENAME COLUMN yaw TO heading", "no such column: yaw"),
    ("DROP TABLE scenario_tag", "no such table: scenario_tag"),
]


@pytest.mark.parametrize(("statement", "message"), some_fast(FAULTS))
def test_what_is_wrong_is_named(statement: str, message: str, folder: Path) -> None:
    file = folder / f"mini/{VEGAS.name}.db"
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement)
    with pytest.raises(SourceError, match=message) as raised:
        ingest("nuplan", folder)
    assert file.name in str(raised.value)
    assert not (folder.parent / "ws/lake").exists()


def test_a_folder_without_logs_or_with_one_twice(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(SourceError, match=r"no .db file below it; give the folder of a split"):
        list(make_source("nuplan", tmp_path / "none", 20.0).parts())
    for split in ("mini", "trainval"):
        made.write_log(tmp_path / "both" / split, VEGAS)
    with pytest.raises(SourceError, match="is in several of its folders; give the folder of one split"):
        list(make_source("nuplan", tmp_path / "both", 20.0).parts())
