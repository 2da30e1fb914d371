"""nuScenes: what becomes of what, on a version made after the published schema, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange.sources import nuscenes_folder as made
from exchange.sources.corruption import some_fast
from exchange.sources.lakes import ingest, read
from oddloop.errors import SourceError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return made.write_version(tmp_path / "nuscenes")


def test_scenes_keep_their_names_times_and_words(folder: Path) -> None:
    workspace = ingest("nuscenes", folder)
    assert [f.code for f in find_faults(workspace)] == []
    first, second = read(workspace, "scenes").to_pylist()
    # 20 samples, 0.5 s apart, at 5 m/s; the sun over Singapore at 11:28 is high, over Boston at 23:28 far below.
    # Its poses end 0.1 s before the scene does, 9.9 s after it began.
    assert first == {
        "scene_id": "scene-0000",
        "log_id": "n015-2018-07-24-11-22-45+0800",
        "start_ns": made.START_US * 1000,
        "duration_s": 10.0,
        "n_frames": 20,
        "description": "Rain, parked cars",
        "location": "singapore-onenorth",
        "dataset_split": "mini_train",
        "split": "pool",
        "distance_m": pytest.approx(49.5),
        "ego_speed_kph": pytest.approx(18.0),
        "ego_manoeuvre": "straight",
        "n_agents_near_per_frame": 1.0,
        "traffic_density": "low",
        "categories": ["movable_object.trafficcone", "vehicle.car"],
        "vehicle_id": "n015",
        "sun_elevation_deg": pytest.approx(58.7, abs=0.3),
        "time_of_day": "day",
        "visibility": "v80-100",
    }
    assert (second["split"], second["time_of_day"]) == ("eval", "night")


def test_boxes_are_seen_from_the_vehicle(folder: Path) -> None:
    objects = read(ingest("nuscenes", folder), "objects").to_pylist()
    assert len(objects) == 2 * 20 * 2
    assert {k: objects[0][k] for k in ("frame_id", "object_id", "category", "x_m", "y_m", "length_m", "n_points")} == {
        "frame_id": "sin-0",
        "object_id": "i1-sin",
        "category": "vehicle.car",
        "x_m": 10.0,
        "y_m": 0.0,
        "length_m": 4.5,
        "n_points": 4,
    }


def test_detections_are_of_the_samples_that_the_model_saw(folder: Path) -> None:
    found = read(ingest("nuscenes", folder), "predictions/detection/det_a").to_pylist()
    assert [row["frame_id"] for row in found] == [f"bos-{i}" for i in range(20)]
    assert [len(row["boxes"]) for row in found] == [0 if i == 3 else 1 for i in range(20)]
    box = found[0]["boxes"][0]
    assert (box["label"], box["score"], box["x_m"]) == ("car", pytest.approx(0.7), pytest.approx(10.0))


def test_forecasts_and_what_happened(folder: Path) -> None:
    workspace = ingest("nuscenes", folder)
    forecasts = read(workspace, "predictions/trajectory/traj_b").to_pylist()
    assert [(f["frame_id"], f["agent_id"], f["mode_probs"]) for f in forecasts] == [
        ("sin-0", "i1-sin", [[0.75, 0.25]]),
        ("sin-15", "i1-sin", [[0.75, 0.25]]),
    ]
    (future,) = read(workspace, "futures").to_pylist()  # sample 15 has only 4 more after it
    assert future["frame_id"] == "sin-0"
    assert future["xy"] == forecasts[0]["modes"][0][0]


def edit(file: Path, change: Callable[[list | dict], object]) -> None:
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


V = "v1.0-mini/"
FAULTS = [
    (V + "sample.json", lambda d: d.append(d[0]), r"sample.json: token sin-0 is there twice \[duplicate-token\]"),
    (V + "sample.json", lambda d: d[0].pop("timestamp"), r"sample.json: `timestamp` of sin-0 is missing"),
    (
        V + "sample.json",
        lambda d: d[1].update(timestamp=d[0]["timestamp"]),
        "two samples of a scene have one timestamp",
    ),
    (V + "sample.json", lambda d: d[0].update(scene_token="gone"), "`scene_token` gone is not in scene.json"),
    (
        V + "ego_pose.json",
        lambda d: d[3]["translation"].__setitem__(1, float("nan")),
        "`translation` of p-sin-0-3 is not 3",
    ),
    (V + "ego_pose.json", lambda d: d[3]["rotation"].pop(), "`rotation` of p-sin-0-3 is not 4 finite numbers"),
    (V + "ego_pose.json", lambda d: d.pop(3), "sample_data.json: `ego_pose_token` p-sin-0-3 is not in ego_pose.json"),
    (
        V + "sample_annotation.json",
        lambda d: d[0].update(instance_token="x"),
        "`instance_token` x is not in instance.json",
    ),
    (
        V + "sample_data.json",
        lambda d: d[0].update(is_key_frame=False),
        "sample sin-0 has not one key frame of LIDAR_TOP",
    ),
    (V + "scene.json", lambda d: d[1].update(name="scene-0000"), "scene scene-0000 is there twice"),
    (V + "splits.json", lambda d: d.update(val="scene-1"), "splits.json: it is not {split: .scene names.}"),
    ("results/det_a/results.json", lambda d: d.pop("results"), "it has no `results`"),
    ("results/det_a/results.json", lambda d: d["results"].clear(), "results/det_a: no result is in its files"),
    ("results/traj_b/forecasts.json", lambda d: d.clear(), "results/traj_b: no result is in its files"),
    (
        V + "splits.json",
        lambda d: d.update(train=["scene-0000", "scene-0001"]),
        "splits.json: scene scene-0001 is in val and in train; keep it in one: models must not",
    ),
    (
        "results/det_a/results.json",
        lambda d: d["results"].update(zz=[]),
        "sample zz of the results is not in sample.json",
    ),
    (
        "results/det_a/results.json",
        lambda d: d["results"]["bos-1"][0].pop("detection_name"),
        "a box of sample bos-1 lacks",
    ),
    (
        "results/traj_b/forecasts.json",
        lambda d: d[0]["probabilities"].pop(),
        "instance i1-sin has not as many modes as",
    ),
    ("results/traj_b/forecasts.json", lambda d: d[0]["prediction"][0].pop(), "or modes of several lengths"),
    ("results/traj_b/forecasts.json", lambda d: d.append(d[0]), "instance i1-sin is predicted twice at a sample"),
]


@pytest.mark.parametrize(("file", "change", "message"), some_fast(FAULTS))
def test_what_is_wrong_is_named(file: str, change: Callable[[list | dict], object], message: str, folder: Path) -> None:
    edit(folder / file, change)
    with pytest.raises(SourceError, match=message):
        ingest("nuscenes", folder)
    assert not (folder.parent / "ws/lake").exists()


def test_a_scene_of_a_small_version_is_in_the_splits_of_the_whole(folder: Path) -> None:
    edit(folder / V / "splits.json", lambda d: d.update(mini_val=d.pop("val"), train=d["mini_train"]))
    scenes = read(ingest("nuscenes", folder), "scenes")
    assert scenes["dataset_split"].to_pylist() == ["mini_train", "mini_val"]
    assert scenes["split"].to_pylist() == ["pool", "eval"]


def test_a_scene_to_learn_from_and_to_judge_by_is_left_out_where_faults_are(folder: Path, tmp_path: Path) -> None:
    edit(folder / V / "splits.json", lambda d: d["val"].append("scene-0000"))
    workspace = Workspace.create(tmp_path / "ws", "")
    summary = ingest_source(make_source("nuscenes", folder), folder, workspace, skip_faulty=True)
    assert read(workspace, "scenes")["scene_id"].to_pylist() == ["scene-0001"]
    assert summary.n_refused == 1


def test_a_table_is_missing(folder: Path) -> None:
    (folder / "v1.0-mini/instance.json").unlink()
    with pytest.raises(SourceError, match=r"instance.json: the file is not there; copy it again from its source"):
        ingest("nuscenes", folder)


@pytest.mark.parametrize("versions", [[], ["v1.0-mini", "v1.0-test"]])
def test_one_version_at_a_time(versions: list[str], tmp_path: Path) -> None:
    for name in versions:
        (tmp_path / "n" / name).mkdir(parents=True)
    with pytest.raises(SourceError, match=r"give a folder that holds one"):
        list(make_source("nuscenes", tmp_path / "n", 20.0).parts())
