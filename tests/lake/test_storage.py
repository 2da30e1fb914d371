"""A folder behaves the same on a local disk and in any file system that fsspec knows."""

from __future__ import annotations

import os
import pickle
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pytest

from lake.lake_samples import clean_files
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Recipe, derive, find
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.lock import locked
from oddloop.lake.scan import read_table
from oddloop.lake.storage import STAGING_MARK, Storage, is_staging, staged_folder
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace
from oddloop.tables import SCENES

STAGING = f"x{STAGING_MARK}{uuid.UUID(int=7).hex}"  # the same each time, so that test ids are too


@pytest.fixture(params=["local", "file-url", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place that does not exist yet."""
    if request.param == "memory":
        root = f"/team/{uuid.uuid4().hex}"
        yield f"memory:/{root}"
        memory = fsspec.filesystem("memory")
        if memory.exists(root):
            memory.rm(root, recursive=True)
    else:
        yield str(tmp_path / "ws") if request.param == "local" else f"file://{tmp_path}/ws"


@pytest.fixture
def storage(url: str) -> Storage:
    return Storage.open(url)


def names(storage: Storage, folder: str = "") -> list[str]:
    return [storage.relative(info.path) for info in storage.list_files(folder)]


def test_bytes_come_back_and_are_replaced(storage: Storage) -> None:
    storage.write_bytes("a/b.bin", b"one")
    storage.write_bytes("a/b.bin", b"two")
    assert storage.read_bytes("a/b.bin") == b"two"
    assert names(storage) == ["a/b.bin"]


def test_tables_come_back(storage: Storage) -> None:
    table = pa.table({"x": [1, 2, 3]})
    storage.write_table("t/x.parquet", table)
    assert storage.read_table("t/x.parquet") == table
    assert storage.read_table("t/x.parquet", columns=["x"]).column_names == ["x"]


def test_what_exists(storage: Storage) -> None:
    assert not storage.exists()
    storage.write_bytes("a/b", b"")
    assert [storage.exists(path) for path in ("", "a", "a/b", "a/c", "b")] == [True, True, True, False, False]


def test_files_are_listed_in_path_order_without_hidden_and_staging_ones(storage: Storage) -> None:
    for path in ("b/2.parquet", "a/1.parquet", ".x/1.parquet", "_y.parquet", "c.csv", f"a/{STAGING}"):
        storage.write_bytes(path, b"")
    assert names(storage) == ["a/1.parquet", "b/2.parquet", "c.csv"]
    assert [storage.relative(i.path) for i in storage.list_files(suffix=".parquet")] == ["a/1.parquet", "b/2.parquet"]
    assert [storage.relative(i.path) for i in storage.list_files(recursive=False)] == ["c.csv"]


def test_folders_are_listed_without_staging_ones(storage: Storage) -> None:
    for path in ("b/x", "a/x", ".h/x", f"{STAGING}/x"):
        storage.write_bytes(path, b"")
    assert storage.list_folders() == ["a", "b"]
    assert storage.list_folders(staging=True) == [STAGING]
    assert storage.list_leftovers() == [STAGING]


def test_where_nothing_is_nothing_is_listed(storage: Storage) -> None:
    assert (storage.list_files("none"), storage.list_folders("none")) == ([], [])


def test_a_file_cannot_be_listed_as_a_folder(storage: Storage) -> None:
    storage.write_bytes("a.csv", b"")
    for listing in (storage.list_files, storage.list_folders):
        with pytest.raises(WorkspaceError) as caught:
            listing("a.csv")
        assert str(caught.value) == f"{storage.url}/a.csv is a file, not a folder"


def test_folders_are_removed_with_their_content_and_need_not_be_there(storage: Storage) -> None:
    storage.write_bytes("a/b/c", b"")
    storage.write_bytes("a/d", b"")
    storage.delete_folder("a/b")
    storage.delete_folder("none")
    assert names(storage) == ["a/d"]


@pytest.mark.parametrize("path", ["a/b", "./a/b", "a/b/", "a//b", "c/../a/b", "../{own}/a/b"])
def test_a_folder_is_the_same_however_its_path_is_written(storage: Storage, path: str) -> None:
    storage.write_bytes("a/b/file", b"1")
    sub = storage.sub(path.replace("{own}", storage.root.rsplit("/", 1)[1]))
    assert (sub.root, names(sub)) == (f"{storage.root}/a/b", ["file"])


def test_storage_travels_to_another_process(storage: Storage) -> None:
    storage.write_bytes("a", b"1")
    assert pickle.loads(pickle.dumps(storage)).read_bytes("a") == b"1"


def test_a_whole_workspace_works_there(url: str) -> None:
    """Create, fill, check, fingerprint, derive, find again, sweep: all that a run does with its place."""
    config = '[attributes.weather]\n[metrics.recall]\nbetter = "higher"\n'
    workspace = Workspace.create(url, config)
    for path, table in clean_files().items():
        workspace.storage.write_table(f"lake/{path}", table)
    opened = Workspace.open(url)
    assert (opened.models(), opened.encoders()) == (
        {"m": ("classification", "detection", "segmentation", "trajectory", "risk", "planning")},
        ["e"],
    )
    assert find_faults(opened) == []
    with locked(opened.storage):
        recipe = Recipe("count", fingerprint([opened.table("scenes")], opened.storage), {})

        def write(out: Storage) -> dict[str, int]:
            scenes = read_table(opened.table("scenes"), SCENES)
            out.write_table("scenes.parquet", scenes)
            return {"scenes": scenes.num_rows}

        made = derive(opened.storage, recipe, write)
        again = derive(opened.storage, recipe, write)
    assert (made.computed, again.computed) == (True, False)
    assert made.manifest == again.manifest
    found = find(opened.storage, recipe)
    assert found is not None
    assert found.storage.read_table("scenes.parquet").num_rows == 4


def test_a_folder_that_fails_half_way_is_not_complete(storage: Storage) -> None:
    recipe = Recipe("stage", {}, {})

    def write(out: Storage) -> dict[str, int]:
        out.write_table("a.parquet", pa.table({"x": [1]}))
        raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        derive(storage, recipe, write)
    assert find(storage, recipe) is None


# On a local disk only


def test_a_failed_write_leaves_no_file_aside(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        storage.write_bytes("a", b"1")
    assert os.listdir(tmp_path) == ["a"]


def test_staging_never_takes_the_place_of_what_is_there(tmp_path: Path) -> None:
    """Whoever comes second drops its own, identical work."""
    storage = Storage.open(tmp_path)
    for content in (b"first", b"second"):
        with staged_folder(storage, "a/b") as staging:
            staging.write_bytes("file", content)
    assert storage.read_bytes("a/b/file") == b"first"
    assert storage.list_leftovers("a") == []


def test_a_folder_that_cannot_be_moved_into_place_is_an_error(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    storage.write_bytes("a", b"a file where the folder should go")
    with pytest.raises(WorkspaceError) as caught, staged_folder(storage, "a"):
        pass
    expected = f"{tmp_path}/a: could not be moved into place: Not a directory; mend that and run again"
    assert str(caught.value) == expected
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [(STAGING, True), ("x", False), ("x.tmp-1", False), (f"{STAGING}.parquet", False), (f"{'a' * 32}", False)],
)
def test_only_our_own_staging_names_are_swept(name: str, expected: bool) -> None:
    assert is_staging(name) is expected


def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(WorkspaceError) as caught:
        Storage.open("nosuch://bucket")
    assert str(caught.value) == "nosuch://bucket: cannot open this kind of URL: Protocol not known: nosuch"


def test_what_a_driver_complains_about_is_cut_to_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str) -> None:
        raise OSError("Unable to load the driver\nseventy places that were searched")

    monkeypatch.setattr("oddloop.lake.storage._open_url", fail)
    with pytest.raises(WorkspaceError) as caught:
        Storage.open("hdfs://host/x")
    assert str(caught.value) == "hdfs://host/x: cannot open this kind of URL: Unable to load the driver"


def test_an_object_store_has_no_local_paths() -> None:
    with pytest.raises(WorkspaceError, match=r"^memory://x: this needs a workspace on a local disk$"):
        Storage.open("memory://x").local_path()
