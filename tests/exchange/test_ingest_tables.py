"""`ingest tables`: what arrives in the lake."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.exchange import ingest_tables
from oddloop.lake import Workspace
from oddloop.lake.replace import PART
from oddloop.lake.scan import read_table
from oddloop.tables import DETECTION, FRAMES, SCENES, TRACKS

SCENES_CSV = "scene_id,log_id,start_ns,duration_s,weather\n0001,7,1000,10,rain\n0002,7,11000,9.5,\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "drives").mkdir()
    (tmp_path / "drives/scenes.csv").write_text(SCENES_CSV)
    return tmp_path / "drives"


def write(path: Path, table: pa.Table, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, **options)


def frames(*ids: str, **columns) -> pa.Table:
    n = len(ids)
    return pa.table({"frame_id": list(ids), "scene_id": ["0001"] * n, "timestamp_ns": list(range(n)), **columns})


def lake(workspace: Workspace, name: str) -> pa.Table:
    return workspace.table(name).storage.read_table(PART)


def test_csv_keeps_keys_as_strings_and_empty_cells_as_nulls(folder: Path, workspace: Workspace) -> None:
    summary = ingest_tables(folder, workspace)
    assert summary.rows == {"scenes": 2}
    assert read_table(workspace.table("scenes"), SCENES).to_pylist() == [
        {"scene_id": "0001", "log_id": "7", "start_ns": 1000, "duration_s": 10.0, "weather": "rain"},
        {"scene_id": "0002", "log_id": "7", "start_ns": 11000, "duration_s": 9.5, "weather": None},
    ]


def test_the_files_of_a_folder_are_one_table(folder: Path, workspace: Workspace) -> None:
    write(folder / "frames/a.parquet", frames("f1", "f2", speed=pa.array([1, 2], pa.int32())))
    write(folder / "frames/day2/b.parquet", frames("f3", speed=[0.5], lane=["left"]))
    (folder / "frames/c.csv").write_text("frame_id,scene_id,timestamp_ns\nf4,0002,5\n")
    assert ingest_tables(folder, workspace).rows["frames"] == 4
    found = lake(workspace, "frames")
    assert found["frame_id"].to_pylist() == ["f1", "f2", "f4", "f3"]  # in the order of the paths
    # A column that a file lacks is null there; 1 and 0.5 are both floats.
    assert found["lane"].to_pylist() == [None, None, None, "left"]
    assert found["speed"].to_pylist() == [1.0, 2.0, None, 0.5]


def test_declared_columns_get_their_declared_type(folder: Path, workspace: Workspace) -> None:
    table = frames("f1")
    narrow = {"timestamp_ns": pa.array([5], pa.int32()), "frame_id": pa.array(["f1"]).dictionary_encode()}
    write(folder / "frames.parquet", pa.table({n: narrow.get(n, table[n]) for n in table.column_names}))
    ingest_tables(folder, workspace)
    found = lake(workspace, "frames").schema
    assert found.equals(pa.schema([FRAMES.schema().field(name) for name in table.column_names]))


def test_tracks_futures_heads_and_the_tasks_risk_and_planning_arrive(folder: Path, tmp_path: Path) -> None:
    """Tracks are flat, so that a CSV of other names will do; the others are nested."""
    config = '[columns.tracks]\nagent_id = "track"\nspeed_mps = "v"\n'
    config += '[columns."predictions/risk"]\ncriticality = "threat"\n'
    workspace = Workspace.create(tmp_path / "ws", config)
    head = "scene_id,frame_id,track,timestamp_ns,x_m,y_m,heading_rad,v,length_m,width_m,is_ego"
    (folder / "tracks.csv").write_text(f"{head}\n0001,f1,007,5,1.5,0,0,9,4,2,true\n")
    ids = {"frame_id": ["f1"], "scene_id": ["0001"]}
    path = pa.array([[[0.0, 1.0]]], pa.list_(pa.list_(pa.float32())))
    write(folder / "futures.parquet", pa.table({**ids, "agent_id": ["7"], "xy": path}))
    write(folder / "heads/enc/a.parquet", pa.table({"label": ["car"], "weight": [[0.5]], "bias": [1.0]}))
    write(folder / "predictions/risk/m/a.parquet", pa.table({**ids, "threat": [3.0]}))
    plans = pa.array([[[[0.0, 1.0]]]], pa.list_(path.type))
    write(folder / "predictions/planning/m/a.parquet", pa.table({**ids, "candidates": plans}))
    found = ingest_tables(folder, workspace).rows
    assert set(found) == {"scenes", "tracks", "futures", "heads/enc", "predictions/risk/m", "predictions/planning/m"}
    (row,) = read_table(workspace.table("tracks"), TRACKS).to_pylist()
    assert (row["agent_id"], row["speed_mps"], row["is_ego"]) == ("007", 9.0, True)
    assert lake(workspace, "predictions/risk/m")["criticality"].to_pylist() == [3.0]


def test_predictions_and_features_by_model_and_encoder(folder: Path, workspace: Workspace) -> None:
    boxes = [[{"score": 0.5, "label": "Car", "z_m": 3.0}], []]
    predicted = pa.table({"frame_id": ["f1", "f2"], "scene_id": ["0001", "0001"], "boxes": boxes})
    write(folder / "predictions/detection/v1/part-0.parquet", predicted)
    write(folder / "predictions/detection/v2/part-0.parquet", predicted)
    write(folder / "features/resnet/f.parquet", pa.table({"scene_id": ["0001"], "vector": [[1.0, 2.0]]}))
    summary = ingest_tables(folder, workspace)
    assert list(summary.rows) == ["features/resnet", "predictions/detection/v1", "predictions/detection/v2", "scenes"]
    assert workspace.models() == {"v1": ("detection",), "v2": ("detection",)}
    assert workspace.encoders() == ["resnet"]
    # A struct keeps the fields that are not declared, and reads as declared.
    assert lake(workspace, "predictions/detection/v1")["boxes"].to_pylist() == boxes
    assert read_table(workspace.table("predictions/detection/v1"), DETECTION)["boxes"][1].as_py() == []


CONFIG = """
[columns.scenes]
start_ns = "t0"
weather = "Wetter"
[columns."predictions/classification"]
probs = "softmax"
[columns."predictions/classification/v2"]
probs = "p"
"""


def test_the_column_map_renames(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "mapped", CONFIG)
    (folder / "scenes.csv").write_text(SCENES_CSV.replace("start_ns", "t0").replace("weather", "Wetter"))
    for model, column in (("v1", "softmax"), ("v2", "p")):
        table = pa.table({"frame_id": ["f"], "scene_id": ["0001"], column: [[[0.4, 0.6]]]})
        write(folder / f"predictions/classification/{model}/x.parquet", table)
    ingest_tables(folder, workspace)
    assert lake(workspace, "scenes").column_names == ["scene_id", "log_id", "start_ns", "duration_s", "weather"]
    assert lake(workspace, "scenes")["start_ns"].to_pylist() == [1000, 11000]
    assert "probs" in lake(workspace, "predictions/classification/v1").column_names
    assert "probs" in lake(workspace, "predictions/classification/v2").column_names


def test_a_table_is_replaced_as_a_whole_and_others_stay(folder: Path, workspace: Workspace) -> None:
    write(folder / "frames.parquet", frames("f1"))
    ingest_tables(folder, workspace)
    (folder / "frames.parquet").unlink()
    (folder / "scenes.csv").write_text(SCENES_CSV.rsplit("\n", 2)[0] + "\n")
    ingest_tables(folder, workspace)
    assert lake(workspace, "scenes")["scene_id"].to_pylist() == ["0001"]
    assert lake(workspace, "frames")["frame_id"].to_pylist() == ["f1"]


def test_a_table_without_rows_keeps_its_columns(folder: Path, workspace: Workspace) -> None:
    (folder / "scenes.csv").write_text(SCENES_CSV.splitlines()[0] + "\n")
    assert ingest_tables(folder, workspace).rows == {"scenes": 0}
    assert "weather" in lake(workspace, "scenes").column_names


def test_an_optional_column_may_be_null_throughout(folder: Path, workspace: Workspace) -> None:
    write(folder / "frames.parquet", frames("f1", media_uri=pa.nulls(1)))
    ingest_tables(folder, workspace)
    assert lake(workspace, "frames").schema.field("media_uri").type == pa.string()


def test_memory_is_one_batch(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "small", "[engine]\nbatch_rows = 100\n")
    write(folder / "frames.parquet", frames(*(f"f{i}" for i in range(1000))), row_group_size=1000)
    ingest_tables(folder, workspace)
    file = workspace.table("frames").storage.path(PART)
    groups = pq.read_metadata(file)
    assert {groups.row_group(i).num_rows for i in range(groups.num_row_groups)} == {100}


def test_the_users_files_are_not_touched(folder: Path, workspace: Workspace) -> None:
    write(folder / "frames.parquet", frames("f1"))
    (folder / "notes.txt").write_text("mine")
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    ingest_tables(folder, workspace)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()} == before


def test_hidden_files_and_other_kinds_are_passed_over(folder: Path, workspace: Workspace) -> None:
    for name in ("_SUCCESS", ".frames.csv", "README.md", "_metadata.parquet"):
        (folder / name).write_text("no table")
    assert ingest_tables(folder, workspace).rows == {"scenes": 2}


def test_progress_is_told_after_each_table(folder: Path, workspace: Workspace) -> None:
    write(folder / "frames.parquet", frames("f1"))
    told: list[tuple[str, int, int]] = []
    summary = ingest_tables(folder, workspace, progress=lambda *args: told.append(args))
    assert told == [("ingest", 1, 2), ("ingest", 2, 2)]
    assert str(summary) == f"{folder}: 2 tables\n  frames         1 rows\n  scenes         2 rows"
