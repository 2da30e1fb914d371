"""Argoverse 2 sensor logs: what becomes of what, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest

from exchange.sources import argoverse2_folder as av2
from exchange.sources.lakes import ingest, read
from oddloop.errors import SourceError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    av2.write_log(tmp_path / "av2/train/aa")
    av2.write_log(tmp_path / "av2/val/bb", city="MIA")
    av2.write_detections(tmp_path / "av2/detections/m1", ["aa", "bb"])
    return tmp_path / "av2"


def test_a_log_is_a_scene_with_its_attributes(folder: Path) -> None:
    workspace = ingest("argoverse2", folder)
    assert find_faults(workspace) == []
    first, second = read(workspace, "scenes").to_pylist()
    # 20 sweeps, 0.1 s apart, at 10 m/s; of the three tracks the bollard at 25 m is no agent, so 2 per sweep are near.
    # Ego poses end 0.1 s after the last sweep's, at the end of the scene: 20 m in 2 s.
    assert first == {
        "scene_id": "aa/00",
        "log_id": "aa",
        "start_ns": av2.START_NS,
        "duration_s": 2.0,
        "n_frames": 20,
        "city": "PIT",
        "dataset_split": "train",
        "split": "pool",
        "distance_m": pytest.approx(20.0, abs=1.0),
        "ego_speed_kph": pytest.approx(36.0),
        "ego_manoeuvre": "straight",
        "n_agents_near_per_frame": 2.0,
        "traffic_density": "low",
        "categories": ["BOLLARD", "PEDESTRIAN", "REGULAR_VEHICLE"],
    }
    assert (second["city"], second["split"]) == ("MIA", "eval")


def test_every_box_and_every_sweep_arrives(folder: Path) -> None:
    workspace = ingest("argoverse2", folder)
    assert read(workspace, "frames").num_rows == 40
    objects = read(workspace, "objects")
    assert objects.num_rows == 120
    assert objects.slice(1, 1).to_pylist()[0] == {
        "frame_id": f"aa/{av2.START_NS}",
        "scene_id": "aa/00",
        "object_id": "track-1",
        "category": "PEDESTRIAN",
        "n_points": 7,
        "x_m": 15.0,
        "y_m": 0.0,
        "z_m": 0.0,
        "length_m": 1.5,
        "width_m": 1.5,
        "height_m": 1.5,
        "heading_rad": 0.0,
    }


def test_sweeps_without_detections_have_an_empty_list(folder: Path) -> None:
    boxes = read(ingest("argoverse2", folder), "predictions/detection/m1")["boxes"].to_pylist()
    assert [len(b) for b in boxes] == [1, 0] * 20
    assert (boxes[0][0]["label"], boxes[0][0]["score"]) == ("PEDESTRIAN", pytest.approx(0.9))


def test_detections_at_other_times_are_left_out_unless_all_are(folder: Path) -> None:
    file = folder / "detections/m1/part-0.feather"
    table = feather.read_table(file, memory_map=False)
    is_aa = table["log_id"].to_numpy() == "aa"
    time = table["timestamp_ns"].to_numpy()
    late = np.where(np.arange(len(time)) == 0, time + 1, time)
    at = table.column_names.index("timestamp_ns")
    feather.write_feather(table.set_column(at, "timestamp_ns", pa.array(late)), file)
    workspace = ingest("argoverse2", folder)
    boxes = read(workspace, "predictions/detection/m1")["boxes"].to_pylist()
    assert [len(b) for b in boxes] == [0, 0, *[1, 0] * 19]
    summary = ingest_source(make_source("argoverse2", folder, 20.0), folder, workspace)
    assert summary.refused.to_pylist() == [
        {
            "table": "predictions/detection/m1",
            "file": str(folder / "detections/m1"),
            "row": -1,
            "reason": "of log 'aa', at other times than its sweeps [other-times]",
            "n_rows": 1,
        }
    ]
    # In microseconds they would have become the word of a model that finds nothing.
    wrong = np.where(is_aa, time // 1000, time)
    feather.write_feather(table.set_column(at, "timestamp_ns", pa.array(wrong)), file)
    message = "detections/m1: all detections of log aa are at other times than its sweeps"
    with pytest.raises(SourceError, match=message):
        ingest_source(make_source("argoverse2", folder, 20.0), folder, Workspace.open(folder.parent / "ws"))


def test_detections_of_logs_that_are_not_there_are_counted_and_refused_where_that_is_all(folder: Path) -> None:
    # As of a whole split, of which few logs have been copied: 10 detections in each of two more.
    av2.write_detections(folder / "detections/m2", ["bb", "cc", "dd"])
    workspace = Workspace.create(folder.parent / "ws", "")
    summary = ingest_source(make_source("argoverse2", folder, 20.0), folder, workspace)
    assert summary.n_refused == 20
    assert str(summary).splitlines()[-2:] == [
        "  20 rows were left out:",
        "    20 predictions/detection/m2: of log …, which is not here [no-such-log]",
    ]
    assert read(workspace, "predictions/detection/m2").num_rows == 20  # the sweeps of bb
    av2.write_detections(folder / "detections/m3", ["cc", "dd"])
    message = "detections/m3: none of its 20 results is of a log that is here: they are of 'cc' and 1 more; copy what"
    with pytest.raises(SourceError, match=message):
        ingest_source(make_source("argoverse2", folder, 20.0), folder, workspace)


def test_a_model_without_a_detection_is_refused(folder: Path) -> None:
    av2.write_detections(folder / "detections/m2", [])
    with pytest.raises(SourceError, match="detections/m2: no result is in its files; copy them again, or remove"):
        ingest("argoverse2", folder)


def test_a_log_is_cut_evenly(folder: Path) -> None:
    scenes = read(ingest("argoverse2", folder, scene_s=0.6), "scenes")
    # 2 s in three: 7 sweeps begin in the first two, 6 in the last
    assert scenes["scene_id"].to_pylist()[:3] == ["aa/00", "aa/01", "aa/02"]
    assert scenes["n_frames"].to_pylist()[:3] == [7, 7, 6]
    assert scenes["duration_s"].to_pylist()[:3] == [0.7, 0.7, 0.6]


def test_derived_columns_carry_their_rule(folder: Path) -> None:
    field = read(ingest("argoverse2", folder), "scenes").schema.field("ego_manoeuvre")
    assert field.metadata[b"oddloop.derived"].startswith(b"way from the first to the last ego pose")


def test_the_test_split_comes_without_annotations(tmp_path: Path) -> None:
    log = av2.write_log(tmp_path / "av2/test/cc")
    (log / "annotations.feather").unlink()
    (log / "sensors/lidar").mkdir(parents=True)
    for i in range(5):
        (log / f"sensors/lidar/{av2.START_NS + i * 100_000_000}.feather").touch()
    workspace = ingest("argoverse2", tmp_path / "av2")
    assert read(workspace, "scenes").select(["n_frames", "split"]).to_pylist() == [{"n_frames": 5, "split": "eval"}]
    assert not workspace.storage.exists("lake/objects")


def test_what_is_wrong_is_named_with_its_file(folder: Path) -> None:
    (folder / "train/aa/city_SE3_egovehicle.feather").unlink()
    file = folder / "val/bb/annotations.feather"
    table = feather.read_table(file, memory_map=False)
    feather.write_feather(pa.concat_tables([table, table.slice(3, 1)]), file)
    with pytest.raises(SourceError) as raised:
        ingest("argoverse2", folder)
    assert str(raised.value).splitlines() == [
        f"{folder}: 2 faults; nothing was written",
        f"  {folder}/train/aa/city_SE3_egovehicle.feather: the file is not there; copy it again from its source "
        "[missing-file]",
        f"  {file}: track track-0 has two boxes at {av2.START_NS + 100_000_000}; an object has one per sweep "
        "[duplicate-track]",
        "Mend them, or leave out the parts concerned with --skip-faulty",
    ]


POSES, BOXES, FOUND = (
    "train/aa/city_SE3_egovehicle.feather",
    "train/aa/annotations.feather",
    "detections/m1/part-0.feather",
)
FAULTS = [
    (
        POSES,
        lambda t: pa.concat_tables([t, t.slice(5, 1)]),
        "egovehicle.feather: the vehicle has two poses at",
    ),
    (POSES, lambda t: t.slice(0, 20), "egovehicle.feather: its poses do not cover the time of the sweeps"),
    (POSES, lambda t: t.slice(20), "egovehicle.feather: its poses do not cover the time of the sweeps"),
    (BOXES, lambda t: t.slice(0, 0), "aa: neither annotations.feather nor sensors/lidar tells of a sweep"),
    (
        FOUND,
        lambda t: t.set_column(0, "score", pa.array([1.5, *[0.5] * 19])),
        "part-0.feather: a score is outside",
    ),
]


@pytest.mark.parametrize(("file", "change", "message"), FAULTS)
def test_what_cannot_be_is_refused(
    file: str, change: Callable[[pa.Table], pa.Table], message: str, folder: Path
) -> None:
    table = feather.read_table(folder / file, memory_map=False)
    table = table.select(sorted(table.column_names, key=lambda name: name != "score"))
    feather.write_feather(change(table), folder / file)
    with pytest.raises(SourceError, match=message):
        ingest("argoverse2", folder)
    assert not (folder.parent / "ws/lake").exists()


def test_a_log_in_which_nothing_was_labelled_is_labelled_all_the_same(folder: Path) -> None:
    file = folder / "train/aa/annotations.feather"
    feather.write_feather(feather.read_table(file, memory_map=False).slice(0, 0), file)
    (folder / "train/aa/sensors/lidar").mkdir(parents=True)
    for i in range(20):
        (folder / f"train/aa/sensors/lidar/{av2.START_NS + i * 100_000_000}.feather").touch()
    scene = read(ingest("argoverse2", folder), "scenes").to_pylist()[0]
    assert (scene["n_frames"], scene["categories"], scene["n_agents_near_per_frame"]) == (20, [], 0.0)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "av2").mkdir()
    with pytest.raises(SourceError, match=r"no annotations.feather below it; give the folder that holds train/"):
        ingest("argoverse2", tmp_path / "av2")


@pytest.mark.skipif(not av2.REAL.exists(), reason=av2.WHY_SKIPPED)
def test_the_real_logs(tmp_path: Path) -> None:
    workspace = ingest("argoverse2", av2.lay_out_real_logs(tmp_path / "av2"))
    assert find_faults(workspace) == []
    assert read(workspace, "scenes")["n_frames"].to_pylist() == [157, 156, 156, 156]
    assert read(workspace, "objects").num_rows == 13_820 + 12_342 + 11_364 + 12_078
