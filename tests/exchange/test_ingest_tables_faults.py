"""`ingest tables` on what does not fit: one message names all faults, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.errors import SourceError, TableError, WorkspaceError
from oddloop.exchange import ingest_tables
from oddloop.lake import Workspace

HEADING = "scene_id,log_id,start_ns,duration_s\n"
GOOD = HEADING + "s1,l1,0,10\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "drives").mkdir()
    (tmp_path / "drives/scenes.csv").write_text(GOOD)
    return tmp_path / "drives"


def csv(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: _write_text(folder / name, text)


def parquet(name: str, **columns: list | pa.Array) -> Callable[[Path], None]:
    return lambda folder: _write_parquet(folder / name, pa.table(columns))


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


FRAME = {"frame_id": ["f"], "scene_id": ["s1"]}
FAULTS = [
    # name, how the folder is spoilt, the fault
    (
        "a column is missing, another is nearly it",
        csv("scenes.csv", GOOD.replace("start_ns", "start_time_ns")),
        "scenes.csv: column `start_ns` (first instant of the scene) is missing; if `start_time_ns` is meant, "
        'add [columns.scenes] start_ns = "start_time_ns" to oddloop.toml [missing-column]',
    ),
    (
        "a column is missing, nothing is like it",
        csv("scenes.csv", GOOD.replace("start_ns", "begin")),
        "scenes.csv: column `start_ns` (first instant of the scene) is missing; add it, or say in [columns.scenes] of "
        "oddloop.toml how it is made, or which of these it is: scene_id, log_id, begin, duration_s [missing-column]",
    ),
    (
        "columns are missing, nothing is like some of them",
        csv("scenes.csv", "name,drive,start_ns,took\ns1,l1,0,10\n"),
        "scenes.csv: columns `scene_id` (names the scene), `log_id` (the recording drive that the scene was cut from; "
        "the unit of independence), `duration_s` (length of the scene; above 0) are missing; add them, or say in "
        "[columns.scenes] of oddloop.toml how each is made, or which of these it is: name, drive, start_ns, took "
        "[missing-column]",
    ),
    (
        "a section of a table with a slash is quoted",
        parquet("predictions/classification/v1/a.parquet", **FRAME, prob=[[[1.0]]]),
        "predictions/classification/v1/a.parquet: column `probs` (members x classes; each member's probabilities sum "
        'to 1) is missing; if `prob` is meant, add [columns."predictions/classification"] probs = "prob" to '
        "oddloop.toml [missing-column]",
    ),
    (
        "a key that is a number",
        parquet("frames.parquet", frame_id=[1], scene_id=["s1"], timestamp_ns=[0]),
        "frames.parquet: column `frame_id` is int64, not string; convert it [wrong-type]",
    ),
    (
        "a time that is no count of ns",
        parquet("frames.parquet", **FRAME, timestamp_ns=pa.array([0], pa.timestamp("ns"))),
        "frames.parquet: column `timestamp_ns` is timestamp[ns], not int64; write ns since the Unix epoch as int64 "
        "[wrong-type]",
    ),
    (
        "a nested column in CSV",
        csv("features/enc/a.csv", 'scene_id,vector\ns1,"[1, 2]"\n'),
        "features/enc/a.csv: column `vector` is string, not lists of float; convert it (nested columns need Parquet) "
        "[wrong-type]",
    ),
    (
        "boxes without a label",
        parquet("predictions/detection/v1/a.parquet", **FRAME, boxes=[[{"score": 0.5}]]),
        "predictions/detection/v1/a.parquet: column `boxes[].label` is missing; convert it [wrong-type]",
    ),
    (
        "a column twice",
        csv("scenes.csv", "scene_id,log_id,start_ns,duration_s,scene_id\ns1,l1,0,10,s1\n"),
        "scenes.csv: column `scene_id` is there twice; give each column a name of its own [repeated-column]",
    ),
    (
        "files that do not fit together",
        lambda folder: [
            parquet("frames/a.parquet", **FRAME, timestamp_ns=[0], lane=[1])(folder),
            parquet("frames/b.parquet", **FRAME, timestamp_ns=[0], lane=["left"])(folder),
        ],
        "frames/b.parquet: columns differ from those of the files before it: Field lane has incompatible types: "
        "int64 vs string [files-differ]",
    ),
    (
        "a file that is not Parquet",
        csv("frames.parquet", "frame_id,scene_id\n"),
        "frames.parquet: not a readable Parquet file: Parquet magic bytes not found in footer. Either the file is "
        "corrupted or this is not a parquet file.; write it again from its source [unreadable-file]",
    ),
    (
        "an empty CSV file",
        csv("frames.csv", ""),
        "frames.csv: not a readable CSV file: Empty CSV file; write it again from its source [unreadable-file]",
    ),
    # values, met while the files are read
    (
        "a word for a number",
        csv("scenes.csv", GOOD + "s2,l1,0,ten\n"),
        "scenes.csv: line 3: `duration_s` is 'ten', which cannot be read as double [unreadable-value]",
    ),
    (
        "lines with too many or too few cells",
        csv("scenes.csv", GOOD + "s2,l1,0,10,\ns3,l1\n"),
        "scenes.csv: line 3 has 5 cells instead of 4 (2 such lines) [unreadable-value]",
    ),
    (
        "a number too large for its type",
        parquet("frames.parquet", **FRAME, timestamp_ns=pa.array([2**63], pa.uint64())),
        "frames.parquet: column `timestamp_ns`: Integer value 9223372036854775808 not in range: 0 to "
        "9223372036854775807 [unreadable-value]",
    ),
    # layout
    (
        "a table of another name",
        csv("scene.csv", GOOD),
        "scene.csv: no table has this name; did you mean `scenes`? [unknown-table]",
    ),
    (
        "a table twice",
        lambda folder: parquet("scenes.parquet", scene_id=["s1"])(folder),
        "scenes.parquet: `scenes` is here twice, as file or folder; keep one, or put both in scenes/ [table-twice]",
    ),
    (
        "an unknown task",
        csv("predictions/detections/v1/a.csv", "x\n"),
        "predictions/detections: not the folder of a task; did you mean `detection`? [unknown-task]",
    ),
    (
        "predictions of nobody",
        csv("predictions/detection/a.csv", "x\n"),
        "predictions/detection/a.csv: move the file into a folder of its own that is named by its model_id "
        "[misplaced-file]",
    ),
    (
        "features of nobody",
        csv("features/a.csv", "x\n"),
        "features/a.csv: move the file into a folder of its own that is named by its encoder_id [misplaced-file]",
    ),
]


@pytest.mark.parametrize(("spoil", "fault"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_each_fault_has_its_message(spoil, fault: str, folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    spoil(folder)
    with pytest.raises(TableError) as raised:
        ingest_tables(folder, workspace)
    assert str(raised.value).splitlines() == [f"{folder}: 1 fault; nothing was written", f"  {fault}"]
    assert not workspace.storage.exists("lake")


MAPS = [
    (
        '[columns.scenes]\nstart_ns = "t_zero"',
        "scenes.csv: [columns.scenes] takes `start_ns` from `t_zero`, which the file lacks; known: scene_id, log_id, "
        "t0, duration_s [missing-column]",
    ),
    (
        '[columns.scenes]\nstart_ns = "t0"\nduration_s = "log_id"',
        "scenes.csv: [columns.scenes] takes `duration_s` from `log_id`, but the file has a `duration_s` too; "
        "drop one of them [repeated-column]",
    ),
    (
        '[columns.scenes]\nstart_ns = "t0"\n[columns.scens]\nx = "y"',
        "oddloop.toml: [columns.scens] names no table; did you mean `scenes`? [unknown-table]",
    ),
]


@pytest.mark.parametrize(("config", "fault"), MAPS)
def test_each_fault_of_the_column_map_has_its_message(config: str, fault: str, folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", config)
    (folder / "scenes.csv").write_text(GOOD.replace("start_ns", "t0"))
    with pytest.raises(TableError) as raised:
        ingest_tables(folder, workspace)
    assert f"  {fault}" in str(raised.value).splitlines()


def test_all_faults_are_named_at_once(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", '[columns.scens]\nx = "y"\n')
    for name, spoil, _ in FAULTS:
        if name in ("a column is missing, nothing is like it", "a key that is a number", "an unknown task"):
            spoil(folder)
    with pytest.raises(TableError) as raised:
        ingest_tables(folder, workspace)
    lines = str(raised.value).splitlines()
    assert lines[0].endswith("4 faults; nothing was written")
    assert [line.rsplit("[", 1)[1] for line in lines[1:]] == [
        *("wrong-type]", "unknown-table]", "unknown-task]", "missing-column]")
    ]


def test_bad_values_of_all_files_are_named_and_the_old_tables_stay(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    ingest_tables(folder, workspace)
    before = {i.path: Path(i.path).read_bytes() for i in workspace.storage.list_files()}
    csv("scenes.csv", GOOD + "s2,l1,zero,10\n")(folder)
    csv("frames/a.csv", "frame_id,scene_id,timestamp_ns\nf,s1\n")(folder)
    csv("frames/b.csv", "frame_id,scene_id,timestamp_ns\nf,s1,noon\n")(folder)
    with pytest.raises(TableError) as raised:
        ingest_tables(folder, workspace)
    assert [line.split(":")[0].strip() for line in str(raised.value).splitlines()[1:]] == [
        "frames/a.csv",
        "frames/b.csv",
        "scenes.csv",
    ]
    assert {i.path: Path(i.path).read_bytes() for i in workspace.storage.list_files()} == before
    assert not list(Path(workspace.storage.root).rglob("*tmp-*"))


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere: no such folder; give the folder that holds scenes.parquet"):
        ingest_tables(tmp_path / "nowhere", Workspace.create(tmp_path / "ws", ""))


def test_a_folder_without_tables(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    tables = "scenes, frames, objects, tracks, futures, metrics, labels, predictions/<task>"
    message = rf"holds no Parquet or CSV file; it may hold: {tables}"
    with pytest.raises(SourceError, match=message):
        ingest_tables(tmp_path / "photos", Workspace.create(tmp_path / "ws", ""))


def test_the_workspaces_own_lake(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    ingest_tables(folder, workspace)
    with pytest.raises(SourceError, match=r"is in the workspace's own lake already; nothing to ingest"):
        ingest_tables(tmp_path / "ws/lake", workspace)


def test_a_lake_elsewhere_is_only_read(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", '[lake]\nscenes = "s3://fleet/scenes"\n')
    with pytest.raises(WorkspaceError, match=r"\[lake\] scenes points outside the workspace, to s3://fleet/scenes"):
        ingest_tables(folder, workspace)
