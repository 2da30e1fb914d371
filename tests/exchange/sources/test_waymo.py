"""Waymo: what the files say is what the lake says; protobuf numbers and checksums against bytes written by hand."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange.sources import waymo_folder as waymo
from oddloop.errors import MissingExtraError, SourceError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.exchange.sources.tfrecord import masked_crc, read_records, scan_records
from oddloop.exchange.sources.waymo_messages import scenario_class
from oddloop.lake.scan import read_table
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace
from oddloop.tables import FRAMES, FUTURES, OBJECTS, SCENES, TRACKS

SPECS = {"scenes": SCENES, "frames": FRAMES, "objects": OBJECTS, "tracks": TRACKS, "futures": FUTURES}


@pytest.fixture
def needs_protobuf() -> None:
    try:
        scenario_class(), masked_crc(b"")
    except MissingExtraError as error:
        pytest.skip(f"{error}; `make test-all` installs it")


def ingest(name: str, folder: Path, tmp_path: Path) -> dict[str, pa.Table]:
    workspace = Workspace.create(tmp_path / "ws", "")
    ingest_source(make_source(name, folder, 2.0), folder, workspace)
    assert [fault for fault in find_faults(workspace) if fault.code != "undeclared-metric"] == []
    return {
        name: read_table(workspace.table(name), spec) for name, spec in SPECS.items() if workspace.table(name).files
    }


def test_perception_segments_become_scenes_frames_and_objects(tmp_path: Path) -> None:
    waymo.write_perception(tmp_path / "data")
    waymo.write_segment(tmp_path / "data/testing", "cc", n_frames=20, boxes=False)
    lake = ingest("waymo", tmp_path / "data", tmp_path)
    scenes = {row["scene_id"]: row for row in lake["scenes"].to_pylist()}
    assert sorted(scenes) == ["aa/00", "aa/01", "bb/00", "cc/00"]
    first = scenes["aa/00"]
    assert (first["time_of_day"], first["weather"], first["location"]) == ("Night", "sunny", "location_sf")
    assert (first["split"], scenes["bb/00"]["split"], scenes["cc/00"]["dataset_split"]) == ("pool", "eval", "testing")
    assert first["start_ns"] == waymo.START_US * 1000
    assert first["ego_speed_kph"] == pytest.approx(28.8)
    assert first["categories"] == ["TYPE_PEDESTRIAN", "TYPE_SIGN", "TYPE_VEHICLE"]
    assert lake["frames"].num_rows == 40 + 25 + 20
    assert lake["objects"].num_rows == 3 * (40 + 25)
    assert set(lake["objects"]["n_points"].to_pylist()) == {7}


@pytest.mark.parametrize("spoil", ["other segment", "times", "three numbers"])
def test_components_that_do_not_belong_together_are_refused(tmp_path: Path, spoil: str) -> None:
    folder = tmp_path / "data/training"
    waymo.write_segment(folder, "aa")
    if spoil == "other segment":
        waymo.write_segment(tmp_path / "other", "bb")
        (tmp_path / "other/lidar_box/bb.parquet").rename(folder / "lidar_box/aa.parquet")
    elif spoil == "times":
        waymo.write_segment(tmp_path / "other", "aa", n_frames=50)
        (tmp_path / "other/lidar_box/aa.parquet").rename(folder / "lidar_box/aa.parquet")
    else:
        key = {"key.segment_context_name": ["aa"], "key.frame_timestamp_micros": [waymo.START_US]}
        short = pa.array([[1.0, 2.0, 3.0]], pa.list_(pa.float64()))
        waymo.write(folder / "vehicle_pose/aa.parquet",
                    pa.table({**key, f"{waymo.POSE}.world_from_vehicle.transform": short}))  # fmt: skip
    said = {"other segment": "other than one segment: aa, bb", "times": "without a pose", "three numbers": "4 by 4"}
    with pytest.raises(SourceError, match=said[spoil]):
        ingest("waymo", tmp_path / "data", tmp_path)


@pytest.mark.parametrize("component", ["lidar_box", "stats"])
def test_a_segment_of_a_labelled_split_must_have_what_others_have(tmp_path: Path, component: str) -> None:
    waymo.write_perception(tmp_path / "data")
    waymo.write_segment(tmp_path / "data/training", "cc")
    (tmp_path / f"data/training/{component}/cc.parquet").unlink()
    with pytest.raises(SourceError, match=rf"{component}/cc.parquet: the file is not there; copy it again"):
        ingest("waymo", tmp_path / "data", tmp_path)
    (tmp_path / f"data/training/{component}/aa.parquet").unlink()
    (tmp_path / f"data/training/{component}").rmdir()  # not copied at all
    shutil.rmtree(tmp_path / "ws")
    assert ingest("waymo", tmp_path / "data", tmp_path)["scenes"].num_rows == 5


@pytest.mark.parametrize("kind", [-1, 5])
def test_a_box_of_a_type_that_is_not_published_is_refused(tmp_path: Path, kind: int) -> None:
    waymo.write_segment(tmp_path / "data/training", "aa")
    file = tmp_path / "data/training/lidar_box/aa.parquet"
    table = pq.read_table(file)
    at = table.column_names.index(f"{waymo.BOX}.type")
    waymo.write(file, table.set_column(at, table.field(at), pa.array([kind] * len(table), pa.int8())))
    with pytest.raises(SourceError, match=rf"aa.parquet: a box has type {kind}, .* \(120 rows\)"):
        ingest("waymo", tmp_path / "data", tmp_path)


@pytest.mark.usefixtures("needs_protobuf")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: setattr(s.tracks[1], "object_type", 5), "scenario aa: a track has type 5, which is not published"),
        (lambda s: setattr(s.tracks[1], "object_type", -1), "scenario aa: a track has type -1, which is not published"),
        (lambda s: s.tracks_to_predict.add(track_index=9), "scenario aa: tracks_to_predict names no track"),
        (lambda s: s.tracks.add().CopyFrom(s.tracks[0]), "scenario aa: two tracks have one id"),
        (lambda s: setattr(s, "sdc_track_index", 3), "scenario aa: sdc_track_index 3 names no track"),
        (lambda s: s.tracks[1].states.pop(), "scenario aa: a track has not one state per time"),
        (lambda s: setattr(s.tracks[0].states[2], "center_x", float("nan")), "scenario aa: a valid state holds"),
        (lambda s: setattr(s, "scenario_id", ""), "a record has no scenario_id"),
        (
            lambda s: [setattr(state, "valid", False) for state in s.tracks[0].states],
            "scenario aa: the ego vehicle has no valid",
        ),
    ],
)
def test_what_is_wrong_with_a_scenario_is_named(spoil: Callable[[Any], object], message: str, tmp_path: Path) -> None:
    content = scenario_class()()
    content.ParseFromString(waymo.scenario("aa"))
    spoil(content)
    waymo.write_records(tmp_path / "data/training/a.tfrecord", [content.SerializeToString()])
    with pytest.raises(SourceError, match=rf"a\.tfrecord: {message}"):
        ingest("waymo-motion", tmp_path / "data", tmp_path)


@pytest.mark.usefixtures("needs_protobuf")
def test_motion_scenarios_become_scenes_tracks_and_futures(tmp_path: Path) -> None:
    waymo.write_motion(tmp_path / "data")
    lake = ingest("waymo-motion", tmp_path / "data", tmp_path)
    scenes = {row["log_id"]: row for row in lake["scenes"].to_pylist()}
    assert sorted(scenes) == ["aa", "bb", "cc"]
    assert [scenes[n]["ego_manoeuvre"] for n in ("aa", "bb")] == ["straight", "stationary"]
    assert scenes["aa"]["ego_speed_kph"] == pytest.approx(36.0)
    assert [scenes[n]["split"] for n in ("aa", "cc")] == ["pool", "eval"]
    assert scenes["bb"]["start_ns"] - scenes["aa"]["start_ns"] == 3600 * 10**9
    assert scenes["aa"]["is_interactive"] is True
    tracks = lake["tracks"].filter(pa.compute.equal(lake["tracks"]["scene_id"], "aa/00")).to_pylist()
    assert len(tracks) == 11 + 11 + 8  # the third is not seen in the first three steps
    ego = [row for row in tracks if row["is_ego"]]
    assert [round(row["x_m"], 3) for row in ego[:3]] == [0.0, 1.0, 2.0]
    assert {row["speed_mps"] for row in ego} == {10.0}
    futures = lake["futures"].to_pylist()
    assert [(row["agent_id"], len(row["xy"])) for row in futures] == [("101", 5), ("101", 5)]  # cc shows no future
    assert futures[0]["xy"][0] == [5.0, 1.0]
    assert futures[0]["frame_id"] == tracks[[row["timestamp_ns"] for row in tracks].index(
        scenes["aa"]["start_ns"] + 500_000_000)]["frame_id"]  # fmt: skip
    near = [row for row in lake["objects"].to_pylist() if row["frame_id"] == futures[0]["frame_id"]]
    assert sorted(row["x_m"] for row in near) == [0.0, 10.0]  # 5 and 15 m ahead of the start, 5 m of which are driven


@pytest.mark.usefixtures("needs_protobuf")
def test_boxes_are_seen_from_the_nearest_place_where_the_vehicle_is_known(tmp_path: Path) -> None:
    content = scenario_class()()
    content.ParseFromString(waymo.scenario("aa"))
    for step in (1, 2, 3, 4, 9, 10):
        content.tracks[content.sdc_track_index].states[step].valid = False
    waymo.write_records(tmp_path / "data/training/a.tfrecord", [content.SerializeToString()])
    lake = ingest("waymo-motion", tmp_path / "data", tmp_path)
    seen = lake["objects"].filter(pa.compute.equal(lake["objects"]["object_id"], "101")).sort_by("frame_id")
    # It stands 5 m ahead of the start, and each step drives 1 m; steps 1 and 2 are nearer to 0, 3 and 4 to 5.
    assert [round(x, 3) for x in seen["x_m"].to_pylist()] == [5, 5, 5, 0, 0, 0, -1, -2, -3, -3, -3]


@pytest.mark.usefixtures("needs_protobuf")
def test_field_numbers_are_the_published_ones() -> None:
    def varint(number: int, value: int) -> bytes:
        return bytes([number << 3, value])

    def block(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def double(number: int, value: float) -> bytes:
        return bytes([number << 3 | 1]) + struct.pack("<d", value)

    def single(number: int, value: float) -> bytes:
        return bytes([number << 3 | 5]) + struct.pack("<f", value)

    state = double(2, 1.5) + double(3, 2.5) + single(5, 4.0) + single(6, 2.0) + single(8, 0.25) + single(9, 3.0)
    state += single(10, -1.0) + varint(11, 1)
    track = varint(1, 7) + varint(2, 2) + block(3, state)
    content = double(1, 0.0) + double(1, 0.1) + block(2, track) + varint(4, 7) + block(5, b"x1") + varint(6, 0)
    content += varint(10, 1) + block(11, varint(1, 0) + varint(2, 2)) + block(8, b"\x08\x01")  # 8: map, not read
    found = scenario_class()()
    found.ParseFromString(content)
    (one,) = found.tracks
    assert (found.scenario_id, list(found.timestamps_seconds), found.current_time_index) == ("x1", [0.0, 0.1], 1)
    assert (found.sdc_track_index, found.tracks_to_predict[0].track_index, one.id, one.object_type) == (0, 0, 7, 2)
    s = one.states[0]
    assert (s.center_x, s.center_y, s.length, s.width, s.heading, s.velocity_x, s.velocity_y, s.valid) == (
        1.5, 2.5, 4.0, 2.0, 0.25, 3.0, -1.0, True)  # fmt: skip


@pytest.mark.usefixtures("needs_protobuf")
def test_checksums_are_those_of_tensorflow() -> None:
    # CRC-32C of "123456789" is e3069283 (RFC 3720); rotated by 15 bits and shifted by a282ead8.
    crc = 0xE3069283
    assert masked_crc(b"123456789") == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) % 2**32


@pytest.mark.usefixtures("needs_protobuf")
@pytest.mark.parametrize("seed", range(20))
def test_no_damaged_byte_of_a_record_goes_unseen(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "a.tfrecord"
    waymo.write_records(file, [b"one record", b"and another"])
    content = bytearray(file.read_bytes())
    at = int(np.random.default_rng(seed).integers(len(content)))
    content[at] ^= 1 << (seed % 8)
    file.write_bytes(bytes(content))
    with pytest.raises(SourceError, match=r"a\.tfrecord"):
        list(read_records(file, list(scan_records(file))))
