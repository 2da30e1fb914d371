"""The two how-to pages say what the commands do."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exchange.kitti_text import REAL, WHY_SKIPPED, detection_path, ingest_kitti, label, write, write_archive
from oddloop.config import load_config
from oddloop.errors import SourceError, TableError
from oddloop.exchange import ingest_tables
from oddloop.lake import Workspace

HOW_TO = Path(__file__).parents[2] / "docs/how-to"
KITTI, TABLES = (HOW_TO / "ingest-kitti.md").read_text(), (HOW_TO / "ingest-tables.md").read_text()
SCENES = "scene_id,log_id,start_ns,duration_s\ns1,l1,0,10\ns2,l1,10000000000,10\n"


def shown(page: str, command: str, n: int = 0) -> str:
    """The output that a page shows below the nth occurrence of a command."""
    sessions = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    outputs = [part.partition("\n") for session in sessions for part in session.split("$ ")[1:]]
    return [output.strip("\n") for typed, _, output in outputs if typed.startswith(command)][n]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace.create("ws", "")


@pytest.mark.skipif(not REAL.is_dir(), reason=WHY_SKIPPED)
def test_kitti_summary(workspace: Workspace) -> None:
    Path("kitti_tracking").symlink_to(REAL)
    summary = ingest_kitti(Path("kitti_tracking"), workspace, labelled=["0000", "0001"])
    assert str(summary) == shown(KITTI, "oddloop ingest kitti")


def test_kitti_faults(workspace: Workspace) -> None:
    folder = write_archive(
        Path("kitti_tracking"), {s: [label(f, 0, "Car") for f in range(20)] for s in ("0003", "0007")}
    )
    detection_path(folder, "0003", "Car").unlink()
    lines = (folder / "label_02/0007.txt").read_text().splitlines()
    write(
        folder / "label_02/0007.txt", [line.replace("13.4", "nan") if i == 11 else line for i, line in enumerate(lines)]
    )
    with pytest.raises(SourceError) as raised:
        ingest_kitti(folder, workspace)
    assert str(raised.value) == shown(KITTI, "oddloop ingest kitti", 1)


def test_tables_summary(workspace: Workspace) -> None:
    _write("drives/scenes.csv", SCENES)
    _write("drives/frames/2024-05.csv", "frame_id,scene_id,timestamp_ns\nf1,s1,0\nf2,s1,1\nf3,s2,10000000000\n")
    assert str(ingest_tables(Path("drives"), workspace)) == shown(TABLES, "oddloop ingest tables")


def test_tables_faults(workspace: Workspace) -> None:
    _write("drives/scene.csv", SCENES)
    _write("drives/frames/2024-06.csv", "frame_id,scene_id,time_ns\nf1,s1,0\n")
    Path("drives/predictions/detection/model_7").mkdir(parents=True)
    boxes = pa.array([[]], pa.list_(pa.struct([("score", pa.float32()), ("label", pa.string())])))
    table = pa.table({"frame_id": ["f1"], "scene_id": [1], "boxes": boxes})
    pq.write_table(table, "drives/predictions/detection/model_7/part-0.parquet")
    with pytest.raises(TableError) as raised:
        ingest_tables(Path("drives"), workspace)
    assert str(raised.value) == shown(TABLES, "oddloop ingest tables", 3)


@pytest.mark.parametrize("page", [KITTI, TABLES], ids=["kitti", "tables"])
def test_the_settings_shown_are_settings(page: str) -> None:
    for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        assert tomllib.loads(text)
        load_config(text)


@pytest.mark.skipif(not REAL.is_dir(), reason=WHY_SKIPPED)
def test_the_attributes_and_metrics_shown_are_those_ingested(workspace: Workspace) -> None:
    ingest_kitti(REAL, workspace)
    config = load_config(re.findall(r"```toml\n(.*?)```", KITTI, re.DOTALL)[0])
    metrics, scenes = (workspace.table(n).storage.read_table("part-00000.parquet") for n in ("metrics", "scenes"))
    assert set(config.metrics) == set(metrics["metric"].to_pylist())
    assert set(config.attributes) <= set(scenes.column_names)
    assert set(scenes["traffic_density"].to_pylist()) <= set(config.attributes["traffic_density"].values)


def _write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def test_init_for_kitti_writes_the_settings_that_the_page_shows() -> None:
    from oddloop.exchange.sources.kitti.settings import SETTINGS

    assert re.findall(r"```toml\n(.*?)```", KITTI, re.DOTALL)[0] == SETTINGS
