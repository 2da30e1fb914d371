"""Delta and Iceberg tables, written and read by their own libraries: read at one version, tagged, or refused."""

from __future__ import annotations

import json
import shutil
import string
import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.errors import MissingExtraError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.formats import open_snapshot
from oddloop.lake.replace import spec_of
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.validate import find_faults
from oddloop.rounds.datasets import list_datasets
from oddloop.rounds.ledger import open_ledger
from oddloop.tables import LABELS
from oddloop.web.store.sql import local_folders
from oracles.peers import load

LABELS_TABLE = toy.labels_table(toy.scenes_table())


@pytest.fixture
def deltalake() -> ModuleType:
    return load("deltalake", "deltalake is not installed; `make test-all` installs it ({error})")


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    pyiceberg = load("pyiceberg.catalog", "pyiceberg is not installed; `make test-all` installs it ({error})")
    (tmp_path / "wh").mkdir()
    for name, value in {
        "URI": f"sqlite:///{tmp_path}/cat.db",
        "WAREHOUSE": f"file://{tmp_path}/wh",
        "TYPE": "sql",
    }.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__LAB__{name}", value)
    config = load("pyiceberg.utils.config", "{error}")
    monkeypatch.setattr(pyiceberg, "_ENV_CONFIG", config.Config())  # read once, when it was imported
    found = pyiceberg.load_catalog("lab")
    found.create_namespace("ns")
    yield found
    found.engine.dispose()


def workspace_with(folder: Path, labels: str, more: str = "") -> Workspace:
    toy.make_workspace(folder, config=f"{toy.CONFIG}\n[lake]\nlabels = '{labels}'\n{more}", train="")
    (folder / "lake/labels/part-0.parquet").unlink()
    return Workspace.open(folder)


def scene_ids(workspace: Workspace) -> list[str]:
    return sorted(read_table(workspace.table("labels"), LABELS)["scene_id"].to_pylist())


def test_pointers_are_read_without_any_library(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="write delta:<path or URL> or iceberg:"):
        open_snapshot("delta:x?snapshot=3", Storage.open(tmp_path))
    workspace = workspace_with(tmp_path / "ws", "delta:lake/labels")
    with pytest.raises(WorkspaceError, match=r"\[lake\] labels points outside the workspace"):
        toy.receive_labels(workspace, pa.table({"scene_id": ["log1/s0"]}), None, at_ns=1)


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'oddloop\[delta\]'"):
        open_snapshot("delta:x", Storage.open(tmp_path))


@pytest.mark.system
def test_a_delta_table_is_read_without_what_was_deleted(tmp_path: Path, deltalake: ModuleType) -> None:
    place = str(tmp_path / "delta labels")
    deltalake.write_deltalake(place, LABELS_TABLE)
    deltalake.DeltaTable(place).delete("scene_id = 'log0/s0'")
    assert len(list(Path(place).glob("*.parquet"))) == 2  # the old file still lies there
    workspace = workspace_with(tmp_path / "ws", f"delta:{place}")
    assert scene_ids(workspace) == sorted(LABELS_TABLE["scene_id"].to_pylist())[1:]
    assert place in local_folders(workspace)  # which the pages of `oddloop serve` may read
    before = workspace_with(tmp_path / "old", f"delta:{place}?version=0")
    assert len(scene_ids(before)) == LABELS_TABLE.num_rows
    assert [f for f in find_faults(workspace) if f.table == "labels"] == []


@pytest.mark.system
def test_all_stages_read_delta_tables_and_their_manifests_say_which_version(
    tmp_path: Path, deltalake: ModuleType
) -> None:
    """The second version of `scenes` holds other rows, the pinned first one those of the Parquet files."""
    plain = toy.make_workspace(tmp_path / "plain")
    names = ("scenes", "frames", "labels", "metrics")
    for name in names:
        deltalake.write_deltalake(str(tmp_path / name), read_table(plain.table(name), spec_of(name)))
    deltalake.write_deltalake(str(tmp_path / "scenes"), toy.scenes_table().slice(0, 1), mode="append")
    pointers = {name: f"delta:{tmp_path}/{name}" + ("?version=0" if name == "scenes" else "") for name in names}
    lake = "\n".join(f"{name} = '{pointer}'" for name, pointer in pointers.items())
    folder = tmp_path / "ws"
    toy.make_workspace(folder, config=f"{toy.CONFIG}\n[lake]\n{lake}\n")
    for name in names:
        shutil.rmtree(folder / "lake" / name)
    picks = []
    for place in (tmp_path / "plain", folder):
        toy.run_at(place)
        (file,) = (place / "derived/select").glob("*/picks.parquet")
        picks.append(pq.read_table(file))
    assert picks[0].num_rows
    assert picks[1].equals(picks[0])
    for stage, n_tables in {"score": 1, "coverage": 3, "discover": 1}.items():
        (file,) = (folder / "derived" / stage).glob("*/manifest.json")
        manifest = json.loads(file.read_text())
        assert set(manifest["read_at"]) == set(names) & set(manifest["inputs"])
        assert len(manifest["read_at"]) == n_tables
        assert all(version["version"] == 0 for version in manifest["read_at"].values())
        (file,) = (tmp_path / "plain/derived" / stage).glob("*/manifest.json")
        assert "read_at" not in json.loads(file.read_text())


@pytest.mark.system
def test_an_opened_workspace_sees_one_version(tmp_path: Path, deltalake: ModuleType) -> None:
    deltalake.write_deltalake(str(tmp_path / "ws/lake/delta"), LABELS_TABLE)
    workspace = workspace_with(tmp_path / "ws", "delta:lake/delta")
    assert len(scene_ids(workspace)) == LABELS_TABLE.num_rows
    deltalake.write_deltalake(str(tmp_path / "ws/lake/delta"), LABELS_TABLE.slice(0, 1), mode="overwrite")
    assert len(scene_ids(workspace)) == LABELS_TABLE.num_rows
    assert len(scene_ids(Workspace.open(tmp_path / "ws"))) == 1


@pytest.mark.system
def test_a_delta_table_that_files_alone_would_misread_is_refused(tmp_path: Path, deltalake: ModuleType) -> None:
    home = Storage.open(tmp_path)
    with pytest.raises(WorkspaceError, match="delta:none: cannot be read"):
        open_snapshot("delta:none", home)
    deltalake.write_deltalake(str(tmp_path / "parted"), LABELS_TABLE, partition_by=["labelled_at_ns"])
    with pytest.raises(WorkspaceError, match="its partition columns are not in its files"):
        open_snapshot("delta:parted", home)
    deltalake.write_deltalake(str(tmp_path / "whole"), LABELS_TABLE)
    with pytest.raises(WorkspaceError, match="cannot be read at version 7"):
        open_snapshot("delta:whole?version=7", home)


@pytest.mark.system
def test_deletion_vectors_are_refused(tmp_path: Path, deltalake: ModuleType) -> None:
    place = tmp_path / "vectors"
    deltalake.write_deltalake(str(place), LABELS_TABLE)
    file = deltalake.DeltaTable(str(place)).get_add_actions().column("path").to_pylist()[0]
    # As another engine writes it: this library reads deletion vectors, but makes none.
    vector = {"storageType": "i", "pathOrInlineDv": deletion_vector_of_row_3(), "sizeInBytes": 34, "cardinality": 1}
    features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"],
                "writerFeatures": ["deletionVectors"]}  # fmt: skip
    size = (place / file).stat().st_size
    add = {"path": file, "partitionValues": {}, "size": size, "modificationTime": 1, "dataChange": True,
           "deletionVector": vector, "stats": json.dumps({"numRecords": LABELS_TABLE.num_rows})}  # fmt: skip
    actions = [
        {"protocol": features},
        {"remove": {"path": file, "dataChange": True, "deletionTimestamp": 1}},
        {"add": add},
    ]
    log = place / "_delta_log/00000000000000000001.json"
    log.write_text("\n".join(json.dumps(action) for action in actions))
    with pytest.raises(WorkspaceError, match="rows of its files are deleted by deletion vectors"):
        open_snapshot("delta:vectors", Storage.open(tmp_path))


def deletion_vector_of_row_3() -> str:
    """As the Delta protocol has it: magic, number of bitmaps, key, a portable Roaring bitmap; in base 85."""
    bitmap = struct.pack("<IIHHIH", 12346, 1, 0, 0, 16, 3)
    data = struct.pack("<IqI", 1681511377, 1, 0) + bitmap + b"\0\0"
    digits = string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#"
    words = struct.unpack(f">{len(data) // 4}I", data)
    return "".join(digits[word // 85**place % 85] for word in words for place in (4, 3, 2, 1, 0))


@pytest.mark.system
def test_a_round_trains_on_delta_labels_and_the_table_remembers_it(tmp_path: Path, deltalake: ModuleType) -> None:
    place = str(tmp_path / "labels")
    deltalake.write_deltalake(place, LABELS_TABLE)
    workspace = workspace_with(tmp_path / "ws", f"delta:{place}", "\n[datasets]\ntag = true\n")
    toy.run_at(tmp_path / "ws")
    (entry,) = list_datasets(workspace)
    assert entry.payload["sources"]["labels"] == {"format": "delta", "table": place, "version": 0, "n_files": 1}
    delta = deltalake.DeltaTable(place)
    assert delta.metadata().configuration == {f"oddloop.oddloop-r000-{entry.digest[:8]}": f"{entry.digest}@0"}
    assert delta.history(1)[0]["oddloop.dataset"] == entry.digest
    before = delta.version()
    toy.run_at(tmp_path / "ws")
    assert deltalake.DeltaTable(place).version() == before


@pytest.mark.system
def test_an_iceberg_table_is_read_at_its_snapshot_and_tagged(tmp_path: Path, catalog: Any) -> None:
    table = catalog.create_table("ns.labels", schema=LABELS_TABLE.schema)
    workspace = workspace_with(tmp_path / "ws", "iceberg:lab.ns.labels", "\n[datasets]\ntag = true\n")
    assert scene_ids(workspace) == []
    table.append(LABELS_TABLE)
    first = table.current_snapshot().snapshot_id
    toy.run_at(tmp_path / "ws")
    (entry,) = list_datasets(workspace)
    assert entry.payload["sources"]["labels"]["version"] == first
    refs = catalog.load_table("ns.labels").refs()
    assert refs[f"oddloop-r000-{entry.digest[:8]}"].snapshot_id == first
    assert open_ledger(workspace).round("r000").status == "closed"
    table.refresh()
    table.append(LABELS_TABLE.slice(0, 1).set_column(0, "scene_id", [["log1/s0"]]))
    assert len(scene_ids(Workspace.open(tmp_path / "ws"))) == LABELS_TABLE.num_rows + 1
    pinned = workspace_with(tmp_path / "pinned", f"iceberg:lab.ns.labels?version={first}")
    assert len(scene_ids(pinned)) == LABELS_TABLE.num_rows


@pytest.mark.system
def test_an_iceberg_table_that_files_alone_would_misread_is_refused(tmp_path: Path, catalog: Any) -> None:
    home = Storage.open(tmp_path)
    with pytest.raises(WorkspaceError, match=r"iceberg:lab\.ns\.none: cannot be read: Table does not exist"):
        open_snapshot("iceberg:lab.ns.none", home)
    table = catalog.create_table("ns.labels", schema=LABELS_TABLE.schema)
    table.append(LABELS_TABLE)
    with pytest.raises(WorkspaceError, match=r"no snapshot 5; there are: \d+"):
        open_snapshot("iceberg:lab.ns.labels?version=5", home)
    snapshot = table.current_snapshot().snapshot_id
    with table.update_schema() as update:
        update.rename_column("cost", "price")
    with pytest.raises(WorkspaceError, match="a column under another name or number"):
        open_snapshot("iceberg:lab.ns.labels", home)
    assert open_snapshot(f"iceberg:lab.ns.labels?version={snapshot}", home).files


@pytest.mark.system
def test_rows_that_iceberg_deleted_by_rewriting_are_gone(tmp_path: Path, catalog: Any) -> None:
    table = catalog.create_table("ns.labels", schema=LABELS_TABLE.schema)
    table.append(LABELS_TABLE)
    table.delete("scene_id = 'log0/s0'")
    workspace = workspace_with(tmp_path / "ws", "iceberg:lab.ns.labels")
    assert "log0/s0" not in scene_ids(workspace)
    assert len(scene_ids(workspace)) == LABELS_TABLE.num_rows - 1


@pytest.mark.system
def test_iceberg_delete_files_are_refused(tmp_path: Path, catalog: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # This library rewrites files and writes no delete files; so one that another engine would write is put to a task.
    table = catalog.create_table("ns.labels", schema=LABELS_TABLE.schema)
    table.append(LABELS_TABLE)
    scan = type(table.scan())
    plan = scan.plan_files

    def with_deletes(self: Any) -> Any:
        tasks = list(plan(self))
        tasks[0].delete_files.add(tasks[0].file)
        return tasks

    monkeypatch.setattr(scan, "plan_files", with_deletes)
    with pytest.raises(WorkspaceError, match="deleted by delete files; run rewrite_data_files"):
        open_snapshot("iceberg:lab.ns.labels", Storage.open(tmp_path))
