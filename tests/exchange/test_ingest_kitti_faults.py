"""`ingest kitti` on faulty archives: one message names all faults, and nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from exchange.kitti_text import detection, detection_path, ingest_kitti, label, pack, write, write_archive
from oddloop.errors import SourceError, WorkspaceError
from oddloop.lake import Workspace

CARS = "detections/pointrcnn_Car_val/0000.txt"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """A faultless archive of two sequences."""
    labels = {name: [label(frame, 0, "Car") for frame in range(3)] for name in ("0000", "0001")}
    return write_archive(tmp_path / "kitti", labels, {"0000/Car": [detection(0, "Car")]})


def labels_of(*lines: str) -> Callable[[Path], None]:
    return lambda folder: write(folder / "label_02/0000.txt", list(lines))


def cars_of(*lines: str) -> Callable[[Path], None]:
    return lambda folder: write(folder / CARS, list(lines))


GOOD = label(0, 0, "Car")
FAULTS = [
    # name, how the archive is spoilt, the fault
    (
        "a column too few",
        labels_of(GOOD, "1 0 Car 0 0 -1.5"),
        "label_02/0000.txt:2: column count 6 instead of 17: frame track_id type truncated occluded alpha, 4 of bbox, "
        "3 of dimensions, 3 of location, rotation_y [malformed-line]",
    ),
    (
        "several lines of one kind: the first, and how many",
        labels_of(GOOD, "a b", "c", GOOD.replace("0 0 Car", "1 0 Car")),
        "label_02/0000.txt:2: column count 2 instead of 17: frame track_id type truncated occluded alpha, 4 of bbox, "
        "3 of dimensions, 3 of location, rotation_y (2 rows) [malformed-line]",
    ),
    (
        "a word for a number",
        labels_of(GOOD, "", GOOD.replace("-1.57", "left")),
        "label_02/0000.txt:3: alpha_rad is 'left', not a number [not-a-number]",
    ),
    (
        "half a frame",
        labels_of(GOOD.replace("0 0 Car", "0.5 0 Car")),
        "label_02/0000.txt:1: frame is '0.5', not a whole number [not-a-number]",
    ),
    (
        "not a finite number, after a blank line",
        labels_of(GOOD, "", label(1, 0, "Car").replace("13.4", "nan")),
        "label_02/0000.txt:3: z_m is not a finite number [not-finite]",
    ),
    (
        "a frame below 0",
        labels_of(label(-1, 0, "Car"), GOOD),
        "label_02/0000.txt:1: frame -1 is not in 0..863,999, a day at 10 Hz [bad-frame]",
    ),
    (
        "a frame that would make a billion empty ones",
        labels_of(GOOD, label(1_000_000_000, 0, "Car")),
        "label_02/0000.txt:2: frame 1000000000 is not in 0..863,999, a day at 10 Hz [bad-frame]",
    ),
    (
        "left and right exchanged",
        labels_of(label(0, 0, "Car", (10, 0, 5, 50))),
        "label_02/0000.txt:1: bbox 10 0 5 50 is not left top right bottom: right is less than left, "
        "or bottom less than top [reversed-box]",
    ),
    (
        "a track twice in a frame",
        labels_of(label(0, 7, "Car"), label(0, 8, "Car"), label(0, 7, "Van")),
        "label_02/0000.txt:3: track_id 7 is twice in frame 0; an object has one box per frame [duplicate-track]",
    ),
    (
        "an object without a track",
        labels_of(label(0, -1, "Car")),
        "label_02/0000.txt:1: track_id -1 is below 0 [bad-track]",
    ),
    (
        "no labels at all",
        labels_of(),
        "label_02/0000.txt: no labels, so it is not known how many frames there are [no-frames]",
    ),
    (
        "not text",
        lambda folder: (folder / "label_02/0000.txt").write_bytes(GOOD.replace("Car", "\xff").encode("latin-1")),
        "label_02/0000.txt: not text in this format: In CSV column #2: Row #1: CSV conversion error to string: "
        "invalid UTF8 data [unreadable]",
    ),
    (
        "spaces for commas",
        cars_of(detection(0, "Car").replace(",", " ")),
        f"{CARS}:1: column count 1 instead of 15: frame,class, 4 of bbox,score, 3 of dimensions, 3 of location,"
        "rotation_y,alpha [malformed-line]",
    ),
    (
        "a score that is no number",
        cars_of(detection(0, "Car"), detection(0, "Car", logit=float("nan"))),
        f"{CARS}:2: logit is not a finite number [not-finite]",
    ),
    (
        "a class in another's folder",
        cars_of(detection(0, "Cyclist")),
        f"{CARS}:1: class 3 in the folder of Car, whose number is 2 [wrong-class]",
    ),
    (
        "a detection after the last labelled frame",
        cars_of(detection(2, "Car"), detection(3, "Car"), detection(4, "Car")),
        f"{CARS}:2: frame 3 comes after the last labelled frame, 2 (2 rows) [frame-without-labels]",
    ),
    (
        "detections are missing",
        lambda folder: (folder / CARS).unlink(),
        f"{CARS}: missing, though label_02/0000.txt is there; an empty file says that nothing was detected "
        "[missing-file]",
    ),
    (
        "labels are missing",
        lambda folder: (folder / "label_02/0000.txt").unlink(),
        f"{CARS}: detections of a sequence without label_02/0000.txt; add its labels or remove it [no-such-sequence]",
    ),
    (
        "a class is missing",
        lambda folder: [path.unlink() for path in (folder / "detections/pointrcnn_Cyclist_val").iterdir()],
        "detections/pointrcnn_Cyclist_val: the folder is missing or empty; detections of all classes are needed "
        "[missing-file]",
    ),
    (
        "a class of another detector",
        lambda folder: write(detection_path(folder, "0000", "Tram"), []),
        "detections/pointrcnn_Tram_val/0000.txt: class Tram; detections are of Pedestrian, Car, Cyclist "
        "[unknown-class]",
    ),
    (
        "a sequence that is no number",
        lambda folder: write(folder / "label_02/first.txt", [GOOD]),
        "label_02/first.txt: the sequence 'first' is not a number from 0000 to 9999 [bad-name]",
    ),
]


@pytest.mark.parametrize(("spoil", "fault"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_each_fault_has_its_message(spoil, fault: str, drive: Path, workspace: Workspace) -> None:
    spoil(drive)
    with pytest.raises(SourceError) as raised:
        ingest_kitti(drive, workspace)
    heading, *lines = str(raised.value).splitlines()
    assert re.fullmatch(rf"{re.escape(str(drive))}: \d+ faults?; nothing was written", heading)
    assert f"  {fault}" in lines
    assert not workspace.storage.exists("lake")


def test_all_faults_are_named_at_once(drive: Path, workspace: Workspace) -> None:
    write(drive / "label_02/0001.txt", ["1 2 3", label(0, 0, "Car", (10, 0, 5, 50))])
    write(drive / CARS, [detection(9, "Cyclist"), detection(0, "Car")])
    (drive / "detections/pointrcnn_Cyclist_val/0001.txt").unlink()
    with pytest.raises(SourceError) as raised:
        ingest_kitti(drive, workspace)
    assert [re.sub(r":.*\[(.*)\]", r" \1", line.strip()) for line in str(raised.value).splitlines()[1:-1]] == [
        "detections/pointrcnn_Car_val/0000.txt frame-without-labels",
        "detections/pointrcnn_Car_val/0000.txt wrong-class",
        "detections/pointrcnn_Cyclist_val/0001.txt missing-file",
        "label_02/0001.txt malformed-line",
    ]


def test_a_sequence_twice_in_the_packed_archive(drive: Path, tmp_path: Path, workspace: Workspace) -> None:
    import tarfile

    with tarfile.open(pack(drive, tmp_path / "packed") / "kitti_tracking.tar.gz", "w:gz") as tar:
        for _ in range(2):
            tar.add(drive, arcname=".")
    with pytest.raises(SourceError, match=r"label_02/0001.txt: the file is twice in the archive") as raised:
        ingest_kitti(tmp_path / "packed", workspace)
    assert str(raised.value).count("[twice]") == 8


def test_a_packed_archive_cut_short(drive: Path, tmp_path: Path, workspace: Workspace) -> None:
    packed = pack(drive, tmp_path / "packed") / "kitti_tracking.tar.gz"
    packed.write_bytes(packed.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"kitti_tracking.tar.gz: not a readable tar archive: .*; download it again"):
        ingest_kitti(tmp_path / "packed", workspace)


def test_no_folder(tmp_path: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=r"nowhere: no such folder; give the folder that holds label_02/"):
        ingest_kitti(tmp_path / "nowhere", workspace)


def test_a_folder_of_something_else(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "images/calib").mkdir(parents=True)
    message = (
        "neither label_02/ nor kitti_tracking.tar.gz is here; it has: calib. Give the folder that holds one of them"
    )
    with pytest.raises(SourceError, match=message):
        ingest_kitti(tmp_path / "images", workspace)


@pytest.mark.parametrize(
    ("scene_s", "message"),
    [
        *((value, "give a length in seconds, above 0") for value in (0.0, -1.0, float("nan"))),
        *((value, "a scene must last at least 0.1 s, one frame at 10 Hz") for value in (0.05, float("inf"))),
    ],
)
def test_a_scene_must_last_a_frame(scene_s: float, message: str, drive: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=message):
        ingest_kitti(drive, workspace, scene_s=scene_s)


def test_a_sequence_that_shall_be_labelled_must_exist(drive: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError) as raised:
        ingest_kitti(drive, workspace, labelled=["001", "0000", "train"])
    assert str(raised.value).splitlines() == [
        "--labelled: '001' is neither a log nor a split; did you mean '0001'?",
        "--labelled: 'train' is neither a log nor a split; there are 0000, 0001",
    ]
    assert not workspace.storage.exists("lake")


def test_a_lake_elsewhere_is_only_read(drive: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws2", '[lake]\nscenes = "s3://fleet/scenes"\nframes = "/data/frames"\n')
    with pytest.raises(WorkspaceError) as raised:
        ingest_kitti(drive, workspace)
    assert str(raised.value).splitlines()[0].endswith("2 tables cannot be replaced; nothing was written")
    assert "scenes: [lake] scenes points outside the workspace, to s3://fleet/scenes" in str(raised.value)
    assert "frames: [lake] frames points outside the workspace, to /data/frames" in str(raised.value)


def test_a_faulty_archive_leaves_the_lake_as_it_was(drive: Path, workspace: Workspace) -> None:
    ingest_kitti(drive, workspace)
    before = _all_but_read_parts(workspace)
    write(drive / "label_02/0001.txt", ["broken"])
    with pytest.raises(SourceError):
        ingest_kitti(drive, workspace)
    assert _all_but_read_parts(workspace) == before


def _all_but_read_parts(workspace: Workspace) -> dict[str, bytes]:
    """All files but for the faultless sequences that were read, which the next ingest need not read again."""
    files = [i.path for i in workspace.storage.list_files() if "/derived/ingest/" not in i.path]
    return {path: Path(path).read_bytes() for path in files}
