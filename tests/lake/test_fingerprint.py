"""Digests of input tables follow names and content, and nothing else; unchanged files are not read again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.lake import fingerprint as module
from oddloop.lake.fingerprint import CACHE_FILE, digest_of, file_digest, fingerprint
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files

LONG_AGO_NS = 10**18
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage.open(tmp_path / "ws")
    for name, value in (("scenes/a", 1), ("scenes/b", 2), ("labels/a", 3)):
        storage.write_table(f"lake/{name}.parquet", pa.table({"x": [value]}))
    return storage


def tables(storage: Storage) -> list[TableFiles]:
    return [table_files(storage.sub(f"lake/{name}"), name) for name in ("scenes", "labels")]


def digests(storage: Storage) -> dict[str, str]:
    return fingerprint(tables(storage), storage)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files that were read to be hashed."""
    read: list[str] = []

    def record(storage: Storage, file: str) -> str:
        read.append(file)
        return file_digest(storage, file)

    monkeypatch.setattr(module, "file_digest", record)
    return read


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute has passed since all files were written."""
    now = module.time.time_ns
    monkeypatch.setattr(module.time, "time_ns", lambda: now() + 60 * 10**9)


def test_content_changes_the_digest_of_its_table_only(storage: Storage) -> None:
    before = digests(storage)
    storage.write_table("lake/scenes/b.parquet", pa.table({"x": [9]}))
    after = digests(storage)
    assert after["scenes"] != before["scenes"]
    assert after["labels"] == before["labels"]


CHANGES = {
    "a file more": lambda folder: shutil.copy(folder / "a.parquet", folder / "c.parquet"),
    "a file less": lambda folder: (folder / "b.parquet").unlink(),
    "a file renamed": lambda folder: (folder / "b.parquet").rename(folder / "c.parquet"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_list_of_files_changes_the_digest(change: object, storage: Storage) -> None:
    before = digests(storage)
    change(storage.local_path("lake/scenes"))  # type: ignore[operator]
    assert digests(storage)["scenes"] != before["scenes"]


def test_neither_place_nor_time_changes_the_digest(storage: Storage, tmp_path: Path) -> None:
    before = digests(storage)
    shutil.copytree(tmp_path / "ws", tmp_path / "moved")
    for file in (tmp_path / "moved").rglob("*.parquet"):
        os.utime(file, ns=(LONG_AGO_NS, LONG_AGO_NS))
    assert digests(Storage.open(tmp_path / "moved")) == before
    memory = Storage.open("memory://fingerprint")
    for info in storage.sub("lake").list_files():
        memory.write_bytes(f"lake/{storage.sub('lake').relative(info.path)}", Path(info.path).read_bytes())
    assert digests(memory) == before
    memory.fs.delete_dir("/fingerprint")


def test_an_absent_table_has_the_digest_of_nothing(storage: Storage) -> None:
    absent = TableFiles("metrics", storage.sub("lake/metrics"), ())
    assert fingerprint([absent], storage) == {"metrics": digest_of([])}


@pytest.mark.usefixtures("later")
def test_unchanged_objects_are_hashed_once_where_the_store_tells_times(
    storage: Storage, tmp_path: Path, hashed: list[str]
) -> None:
    timed = Storage(pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()), "ws", "store://ws")
    assert not timed.is_local
    first = fingerprint(tables(timed), storage)
    assert len(hashed) == 3
    assert fingerprint(tables(timed), storage) == first
    assert len(hashed) == 3
    storage.write_table("lake/scenes/b.parquet", pa.table({"x": [9, 9]}))
    assert fingerprint(tables(timed), storage)["scenes"] != first["scenes"]
    assert len(hashed) == 4
    timeless = Storage.open("memory://timeless")
    timeless.write_bytes("lake/scenes/a.parquet", storage.read_bytes("lake/scenes/a.parquet"))
    for _ in range(2):
        fingerprint(tables(timeless), storage)
    assert len(hashed) == 6
    timeless.fs.delete_dir("/timeless")


def test_an_object_that_was_just_written_is_hashed_again(storage: Storage, tmp_path: Path, hashed: list[str]) -> None:
    timed = Storage(pafs.SubTreeFileSystem(str(tmp_path), pafs.LocalFileSystem()), "ws", "store://ws")
    for _ in range(2):
        fingerprint(tables(timed), storage)
    assert len(hashed) == 6


@pytest.mark.usefixtures("later")
def test_unchanged_files_are_hashed_once(storage: Storage, hashed: list[str]) -> None:
    first = digests(storage)
    assert len(hashed) == 3
    assert digests(storage) == first
    assert len(hashed) == 3


def test_files_just_written_are_hashed_again(storage: Storage, hashed: list[str]) -> None:
    """Another write within the same tick of the file system's clock would not show in the times."""
    digests(storage)
    digests(storage)
    assert len(hashed) == 6
    assert not storage.exists(CACHE_FILE)


@pytest.mark.usefixtures("later")
def test_a_file_of_the_same_size_put_back_with_its_old_time_is_noticed(storage: Storage, hashed: list[str]) -> None:
    path = storage.local_path("lake/scenes/a.parquet")
    before, times = digests(storage), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    content = bytearray(path.read_bytes())
    content[8] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=times)
    assert digests(storage)["scenes"] != before["scenes"]
    assert hashed[3:] == ["a.parquet"]


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"x": 1}', b'{"x": ["only one"]}', b"\xff"])
def test_a_damaged_memory_is_forgotten(damaged: bytes, storage: Storage) -> None:
    before = digests(storage)
    storage.write_bytes(CACHE_FILE, damaged)
    assert digests(storage) == before
    assert len(json.loads(storage.read_bytes(CACHE_FILE))) == 3


def test_large_files_are_hashed_in_chunks(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = file_digest(storage, "lake/scenes/a.parquet")
    monkeypatch.setattr(module, "_CHUNK_BYTES", 7)
    assert file_digest(storage, "lake/scenes/a.parquet") == whole


@given(PLAIN)
def test_digests_of_values_survive_json(value: object) -> None:
    assert digest_of(value) == digest_of(json.loads(json.dumps(value)))
    assert len(digest_of(value)) == 32


@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=2))
def test_the_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert digest_of(dict(reversed(value.items()))) == digest_of(value)
