"""Footers are read once per state of a file, and tables are written so that one scene is quick to find in them."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.errors import TableError
from oddloop.lake import footers
from oddloop.lake.find import count_rows_read, find_rows
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles


def write(folder: Path, ids: list[str], name: str = "a.parquet", rows: int = 2) -> None:
    table = pa.table({"scene_id": ids, "x": range(len(ids))})
    pq.write_table(table, folder / "aside", row_group_size=rows)
    os.replace(folder / "aside", folder / name)


def ids_found(folder: Path, *wanted: str) -> list[str]:
    return [i for part in find_rows(Storage.open(folder), "a.parquet", wanted) for i in part["scene_id"].to_pylist()]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files whose footers were read."""
    found: list[str] = []
    plain = footers.open_parquet
    monkeypatch.setattr(footers, "open_parquet", lambda storage, file: found.append(file) or plain(storage, file))
    return found


def test_a_footer_is_read_again_only_where_the_file_has_changed(tmp_path: Path, opened: list[str]) -> None:
    write(tmp_path, ["a", "b", "c"])
    assert [ids_found(tmp_path, "c"), ids_found(tmp_path, "a", "c"), ids_found(tmp_path, "d")] == [
        ["c"],
        ["a", "c"],
        [],
    ]
    assert opened == ["a.parquet"]
    write(tmp_path, ["a", "b", "c", "d"])
    assert ids_found(tmp_path, "d") == ["d"]
    assert opened == ["a.parquet"] * 2


def test_only_so_many_bytes_of_footers_are_kept(
    tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a.parquet", "b.parquet", "c.parquet"]
    for name in names:
        write(tmp_path, ["a"], name)
    size = pq.read_metadata(tmp_path / "a.parquet").serialized_size
    monkeypatch.setattr(footers, "_KEPT", footers._Kept())
    monkeypatch.setattr(footers, "MAX_BYTES", 2 * size)
    for name in [*names, "c.parquet", "b.parquet", "a.parquet"]:
        footers.footer_of(Storage.open(tmp_path), name)
    assert opened == [*names, "a.parquet"]


def test_rows_read_are_those_of_row_groups_that_may_hold_a_scene(tmp_path: Path) -> None:
    write(tmp_path, ["a", "b", "c", "d", "e"])
    files = TableFiles("x", Storage.open(tmp_path), ("a.parquet",))
    # Row groups: a b, c d, e.
    assert [count_rows_read(files, wanted) for wanted in (["b"], ["e", "a"], ["f"], ["bb"])] == [2, 3, 0, 0]


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"text")
    with pytest.raises(TableError, match=r"a\.parquet: not a readable Parquet file"):
        ids_found(tmp_path, "a")


@pytest.mark.parametrize(("n_columns", "expected"), [(2, 8192), (40, 10_240), (500, 16_384)])
def test_row_groups_are_small_but_where_a_table_is_wide(tmp_path: Path, n_columns: int, expected: int) -> None:
    table = pa.table({f"x{i}": range(16_384) for i in range(n_columns)})
    Storage.open(tmp_path).write_table("a.parquet", table)
    assert pq.read_metadata(tmp_path / "a.parquet").row_group(0).num_rows == expected
