"""`ingest kitti` on small made-up archives: what each table says."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from exchange import kitti_text
from exchange.kitti_text import detection, ingest_kitti, label, read_ignore_regions, write_archive
from oddloop.exchange import IngestSummary
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.tables import DETECTION, FRAMES, LABELS, METRICS, OBJECTS, SCENES

DAY_NS = 86_400_000_000_000
FIRST_NS = 1_316_995_200_000_000_000  # 2011-09-26T00:00:00Z
PREDICTIONS = "predictions/detection/pointrcnn"
SPECS = {
    "scenes": SCENES,
    "frames": FRAMES,
    "objects": OBJECTS,
    "metrics": METRICS,
    "labels": LABELS,
    PREDICTIONS: DETECTION,
}
NEAR, FAR = (0.0, 0.0, 100.0, 50.0), (500.0, 0.0, 600.0, 50.0)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


def read(workspace: Workspace, name: str) -> pa.Table:
    return read_table(workspace.table(name), SPECS[name])


def rows(workspace: Workspace, name: str, *columns: str) -> list[tuple]:
    return [tuple(row.values()) for row in read(workspace, name).select(list(columns)).to_pylist()]


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Sequence 0000 of 7 frames and sequence 0003 of 3, to be cut at 0.5 s, which is 5 frames."""
    labels = {
        "0000": [
            label(0, 4, "Car", NEAR),
            label(0, -1, "DontCare", FAR),
            label(0, 2, "Tram", FAR),
            label(6, 4, "Car", NEAR),
        ],
        "0003": [label(2, 0, "Person")],
    }
    detections = {
        "0000/Car": [
            detection(0, "Car", NEAR, 2.0),  # right
            detection(0, "Car", FAR, 2.0),  # on the DontCare: ignored
            detection(1, "Car", NEAR, 0.0),  # sigmoid 0.5: made, and wrong
            detection(1, "Car", FAR, -0.1),  # below the floor
        ],
        "0003/Pedestrian": [detection(2, "Pedestrian")],  # on a Person: ignored
    }
    return write_archive(tmp_path / "kitti", labels, detections)


def test_sequences_become_logs_and_cuts_become_scenes(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5)
    assert rows(workspace, "scenes", "scene_id", "log_id", "start_ns", "duration_s", "n_frames") == [
        ("0000/00", "0000", FIRST_NS, 0.5, 5),
        ("0000/01", "0000", FIRST_NS + 500_000_000, 0.2, 2),  # the tail
        ("0003/00", "0003", FIRST_NS + 3 * DAY_NS, 0.3, 3),
    ]


def test_frames_run_from_0_to_the_last_labelled_one(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5)
    frames = rows(workspace, "frames", "frame_id", "scene_id", "timestamp_ns")
    assert [frame for frame, _, _ in frames] == [f"0000/{i:06d}" for i in range(7)] + [
        f"0003/{i:06d}" for i in range(3)
    ]
    assert frames[6] == ("0000/000006", "0000/01", FIRST_NS + 600_000_000)


def test_objects_are_the_labels_without_dont_care(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5)
    assert rows(workspace, "objects", "frame_id", "scene_id", "object_id", "category", "x_min_px", "x_m") == [
        ("0000/000000", "0000/00", "2", "Tram", 500.0, -4.5),
        ("0000/000000", "0000/00", "4", "Car", 0.0, -4.5),
        ("0000/000006", "0000/01", "4", "Car", 0.0, -4.5),
        ("0003/000002", "0003/00", "0", "Person", 0.0, -4.5),
    ]
    assert read_ignore_regions(workspace).to_pylist() == [
        {"frame_id": "0000/000000", "scene_id": "0000/00"}
        | {"x_min_px": 500.0, "y_min_px": 0.0, "x_max_px": 600.0, "y_max_px": 50.0}
    ]


def test_predictions_keep_every_frame_and_every_score(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace)
    boxes = read(workspace, PREDICTIONS)["boxes"].to_pylist()
    assert [len(frame) for frame in boxes] == [2, 2, 0, 0, 0, 0, 0, 0, 0, 1]  # an empty list is not null
    scores = [box["score"] for box in boxes[1]]
    assert scores == pytest.approx([0.5, 1 / (1 + math.exp(0.1))])
    assert boxes[9][0]["label"] == "Pedestrian"


def test_predictions_keep_the_box_in_space(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace)
    [file] = workspace.table(PREDICTIONS).files
    box = workspace.table(PREDICTIONS).storage.read_table(file)["boxes"][0][0].as_py()
    assert {name: round(value, 3) for name, value in list(box.items())[6:]} == {
        "logit": 2.0,
        "height_m": 1.5,
        "width_m": 1.6,
        "length_m": 4.0,
        "x_m": -4.5,
        "y_m": 1.8,
        "z_m": 13.4,
        "rotation_y_rad": -2.1,
        "alpha_rad": -1.57,
    }


def test_metrics_of_scenes(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5)
    found = {row[:2]: row[2:] for row in rows(workspace, "metrics", "scene_id", "metric", "value", "support")}
    car = {metric: value for (scene, metric), value in found.items() if scene == "0000/00" and "car" in metric}
    assert car == {
        "precision_car": (1 / 2, 2),  # one right, one wrong
        "recall_car": (1.0, 1),
        "fp_fn_per_frame_car": (1 / 5, 5),
    }
    # The tail has one car and no detection: a miss, and no precision.
    assert found["0000/01", "recall_car"] == (0.0, 1)
    assert ("0000/01", "precision_car") not in found
    # A Person is no Pedestrian, and a detection on it is no error.
    assert {m for s, m in found if s == "0003/00"} == {"fp_fn_per_frame"} | {
        f"fp_fn_per_frame_{name}" for name in ("car", "pedestrian", "cyclist")
    }
    assert found["0003/00", "fp_fn_per_frame"] == (0.0, 3)


def test_only_named_sequences_are_labelled(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5, labelled=["0000"])
    assert rows(workspace, "labels", "scene_id", "labelled_at_ns", "round_id", "cost") == [
        ("0000/00", FIRST_NS + 500_000_000, None, None),
        ("0000/01", FIRST_NS + 700_000_000, None, None),
    ]


def test_labels_that_a_round_brought_stay(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5, labelled=["0000"])
    brought = pa.table([["0003/00"], [1], ["r1"], [2.0]], schema=LABELS.schema())
    workspace.table("labels").storage.write_table("received-1.parquet", brought)
    ingest_kitti(drive, workspace, scene_s=0.5)
    assert rows(workspace, "labels", "scene_id", "round_id") == [("0003/00", "r1")]


# Sure detections per frame over a scene of 10 frames -> density, classes detected in a fifth of the frames (2 of 10)
@pytest.mark.parametrize(
    ("per_frame", "density", "present"),
    [
        ({}, "none", []),
        ({0: {"Car": 4}}, "none", []),  # 0.4 per frame, in one frame
        ({0: {"Car": 5}}, "low", []),  # 0.5 per frame
        ({0: {"Car": 1}, 9: {"Car": 1}}, "none", ["Car"]),
        ({f: {"Cyclist": 1, "Pedestrian": 3} for f in range(10)}, "low", ["Pedestrian", "Cyclist"]),
        ({f: {"Car": 5} for f in range(10)}, "medium", ["Car"]),
        ({f: {"Car": 10} for f in range(10)}, "high", ["Car"]),
    ],
)
def test_attributes_come_from_sure_detections(
    per_frame, density, present, tmp_path: Path, workspace: Workspace
) -> None:
    seen: dict[str, list[str]] = {
        f"0000/{name}": [detection(f, name, NEAR, -1.0) for f in range(10)] * 20 for name in ("Car",)
    }
    for frame, classes in per_frame.items():
        for name, n in classes.items():
            seen.setdefault(f"0000/{name}", []).extend([detection(frame, name)] * n)
    ingest_kitti(write_archive(tmp_path / "kitti", {"0000": [label(9, 0, "Car")]}, seen), workspace)
    assert rows(workspace, "scenes", "traffic_density", "agents_present") == [(density, present)]


def test_statistics_are_means_per_frame(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace, scene_s=0.5)
    # 0000/00: sure detections 2 + 1 + 0 + 0 + 0
    assert rows(workspace, "scenes", "n_car_per_frame", "n_pedestrian_per_frame", "n_detected_per_frame") == [
        (3 / 5, 0.0, 3 / 5),
        (0.0, 0.0, 0.0),
        (0.0, 1 / 3, 1 / 3),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_and_nothing_is_twice(seed: int, tmp_path: Path, workspace: Workspace) -> None:
    truth = kitti_text.random_archive(tmp_path / "kitti", {"0000": 61, "0001": 7, "0012": 30}, seed)
    summary = ingest_kitti(tmp_path / "kitti", workspace, scene_s=1.0)
    assert summary.counts == {"parts": 3, "scenes": 7 + 1 + 3}  # 61 frames are six scenes of 10 and one of 1
    assert (summary.rows["frames"], summary.rows["objects"]) == (truth.n_frames, truth.n_objects)
    assert read_ignore_regions(workspace).num_rows == truth.n_ignored
    boxes = read(workspace, PREDICTIONS)["boxes"]
    assert sum(len(frame) for frame in boxes.to_pylist()) == truth.n_detections
    for name, spec in SPECS.items():
        if name == "labels":
            continue
        keys = read(workspace, name).select(list(spec.key)).to_pylist()
        assert len({tuple(key.values()) for key in keys}) == len(keys), name


def test_packed_and_unpacked_give_the_same_bytes(tmp_path: Path) -> None:
    kitti_text.random_archive(tmp_path / "kitti", {"0000": 20, "0001": 5}, seed=1)
    packed = kitti_text.pack(tmp_path / "kitti", tmp_path / "packed")
    found = []
    for folder in (tmp_path / "kitti", packed, packed / "kitti_tracking.tar.gz"):
        workspace = Workspace.create(tmp_path / f"ws{len(found)}", "")
        ingest_kitti(folder, workspace, labelled=["0001"])
        found.append(
            {i.path.removeprefix(workspace.storage.root): _bytes(i.path) for i in workspace.storage.list_files()}
        )
    assert found[0] == found[1] == found[2]


def test_the_order_of_the_lines_does_not_matter(drive: Path, tmp_path: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace)
    before = {name: read(workspace, name) for name in ("objects", "scenes", "metrics")}
    path = drive / "label_02/0000.txt"
    path.write_text("".join(reversed(path.read_text().splitlines(keepends=True))))
    ingest_kitti(drive, workspace)
    assert {name: read(workspace, name) for name in before} == before


def test_a_category_that_nobody_knows_is_kept(tmp_path: Path, workspace: Workspace) -> None:
    folder = write_archive(tmp_path / "kitti", {"0000": [label(0, 0, "E-Scooter")]})
    ingest_kitti(folder, workspace)
    assert rows(workspace, "objects", "category") == [("E-Scooter",)]


def test_blank_lines_and_windows_line_ends_are_read(tmp_path: Path, workspace: Workspace) -> None:
    folder = write_archive(tmp_path / "kitti", {"0000": []})
    (folder / "label_02/0000.txt").write_bytes(f"{label(0, 0, 'Car')}\r\n\r\n{label(1, 0, 'Car')}\r\n".encode())
    ingest_kitti(folder, workspace)
    assert rows(workspace, "objects", "frame_id") == [("0000/000000",), ("0000/000001",)]


def test_progress_is_told_after_each_sequence(drive: Path, workspace: Workspace) -> None:
    told: list[tuple[str, int, int]] = []
    ingest_kitti(drive, workspace, progress=lambda *args: told.append(args))
    assert told == [("read", 1, 2), ("read", 2, 2)]


def test_the_summary_in_words(drive: Path, workspace: Workspace) -> None:
    summary = ingest_kitti(drive, workspace, labelled=["0003"])
    assert isinstance(summary, IngestSummary)
    assert str(summary) == "\n".join(
        [
            f"{drive}: 2 parts, 2 scenes",
            "  scenes                                  2 rows",
            "  frames                                 10 rows",
            "  objects                                 4 rows",
            "  ignore_regions                          1 rows",
            "  predictions/detection/pointrcnn        10 rows",
            "  metrics                                10 rows",  # 4 of errors each, precision_car and recall_car
            "  labels                                  1 rows",
        ]
    )


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes()
