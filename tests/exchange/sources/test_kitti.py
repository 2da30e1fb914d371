"""KITTI among the other data sets: a part per sequence, a scene length of its own, and nothing of it left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from exchange.kitti_text import detection, detection_path, ingest_kitti, label, pack, write, write_archive
from exchange.sources import image_folders as images
from exchange.sources import nuscenes_folder as nuscenes
from exchange.sources.lakes import read
from oddloop.errors import SourceError
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.workspace import Workspace

SEQUENCES = ("0000", "0001", "0002")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three sequences of 20.5 s."""
    labels = {name: [label(frame, 0, "Car") for frame in range(205)] for name in SEQUENCES}
    labels["0000"].append(label(0, -1, "DontCare"))
    return write_archive(tmp_path / "kitti", labels, {"0000/Car": [detection(0, "Car")]})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


def tables(workspace: Workspace) -> set[str]:
    return {i.path.split("/lake/")[1].rpartition("/")[0] for i in workspace.storage.sub("lake").list_files()}


def logs(workspace: Workspace) -> set[str]:
    return set(read(workspace, "scenes")["log_id"].to_pylist())


KITTI = {"scenes", "frames", "objects", "ignore_regions", "predictions/detection/pointrcnn", "metrics", "labels"}


def test_no_model_of_the_data_set_before_stays(archive: Path, tmp_path: Path, workspace: Workspace) -> None:
    nuscenes.write_version(tmp_path / "nuscenes")
    ingest_source(make_source("nuscenes", tmp_path / "nuscenes"), tmp_path, workspace)
    assert not tables(workspace) <= KITTI
    ingest_kitti(archive, workspace, labelled=["0000"])
    assert tables(workspace) == KITTI


def test_nothing_of_it_stays_after_another_data_set(archive: Path, tmp_path: Path, workspace: Workspace) -> None:
    ingest_kitti(archive, workspace, labelled=["0000"])
    images.write_coco(tmp_path / "coco")
    summary = ingest_source(make_source("coco", tmp_path / "coco"), tmp_path, workspace)
    assert tables(workspace) == set(summary.rows)
    assert not {"ignore_regions", "predictions/detection/pointrcnn", "labels"} & tables(workspace)


@pytest.mark.parametrize("packed", [False, True])
def test_a_sequence_that_was_read_is_not_read_again(packed: bool, archive: Path, workspace: Workspace) -> None:
    folder = pack(archive, archive.parent / "packed") if packed else archive
    broken = detection_path(archive, "0002", "Car")
    source, was_read = make_source("kitti", folder), []

    class Killed(type(source)):  # type: ignore[misc]
        def read(self, part):
            was_read.append(part.name)
            if part.name == "0002" and len(was_read) == 3:
                raise KeyboardInterrupt
            return super().read(part)

    with pytest.raises(KeyboardInterrupt):
        ingest_source(Killed(folder, 10.0), folder, workspace)
    assert not workspace.storage.exists("lake")
    if not packed:
        write(broken, [detection(1, "Car")])
    ingest_source(Killed(folder, 10.0), folder, workspace)
    assert was_read == [*SEQUENCES, "0002"]
    assert logs(workspace) == set(SEQUENCES)


def test_a_limit_takes_the_first_scenes(archive: Path, workspace: Workspace) -> None:
    assert ingest_kitti(archive, workspace, limit=4).rows["scenes"] == 4
    assert read(workspace, "scenes")["scene_id"].to_pylist() == ["0000/00", "0000/01", "0000/02", "0001/00"]
    assert read(workspace, "frames").num_rows == 205 + 100


def test_a_faulty_sequence_can_be_left_out(archive: Path, workspace: Workspace) -> None:
    detection_path(archive, "0001", "Car").unlink()
    (archive / "label_02/0002.txt").unlink()
    summary = ingest_kitti(archive, workspace, skip_faulty=True)
    assert logs(workspace) == {"0000"}
    assert "What is faulty was left out, for 4 faults:" in str(summary)
    assert [(row["file"], row["reason"].rpartition(" ")[2]) for row in summary.refused.to_pylist()] == [
        ("detections/pointrcnn_Car_val/0001.txt", "[missing-file]"),
        ("detections/pointrcnn_Car_val/0002.txt", "[no-such-sequence]"),
        ("detections/pointrcnn_Cyclist_val/0002.txt", "[no-such-sequence]"),
        ("detections/pointrcnn_Pedestrian_val/0002.txt", "[no-such-sequence]"),
    ]


def test_what_all_sequences_lack_is_told_once(archive: Path, workspace: Workspace) -> None:
    for name in SEQUENCES:
        detection_path(archive, name, "Cyclist").unlink()
    with pytest.raises(SourceError) as raised:
        ingest_kitti(archive, workspace, skip_faulty=True)
    assert str(raised.value).splitlines() == [
        f"{archive}: 1 fault; nothing was written",
        "  detections/pointrcnn_Cyclist_val: the folder is missing or empty; detections of all classes are needed "
        "[missing-file]",
    ]


def test_an_archive_without_any_sequence(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "empty/label_02").mkdir(parents=True)
    with pytest.raises(SourceError) as raised:
        ingest_kitti(tmp_path / "empty", workspace)
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()[1:]] == [
        *(f"  detections/pointrcnn_{name}_val" for name in ("Car", "Cyclist", "Pedestrian")),
        "  label_02",
    ]


def test_a_scene_is_ten_seconds_long_unless_told_otherwise(archive: Path, tmp_path: Path) -> None:
    for scene_s, expected in ((None, [10.0, 10.0, 0.5]), (20.0, [20.0, 0.5])):
        workspace = Workspace.create(tmp_path / f"ws-{scene_s}", "")
        ingest_kitti(archive, workspace, scene_s=scene_s, limit=len(expected))
        assert read(workspace, "scenes")["duration_s"].to_pylist() == expected


def test_labels_arrive_at_the_end_of_a_scene_to_the_nanosecond(tmp_path: Path, workspace: Workspace) -> None:
    """A scene of 4.1 s: in floating point, 4.1 x 1e9 is less than 4,100,000,000."""
    folder = write_archive(tmp_path / "short", {"0000": [label(frame, 0, "Car") for frame in range(41)]})
    ingest_kitti(folder, workspace, labelled=["0000"])
    [start_ns] = read(workspace, "scenes")["start_ns"].to_pylist()
    assert read(workspace, "labels")["labelled_at_ns"].to_pylist() == [start_ns + 4_100_000_000]
