"""Writing a file from a stream: whole or not at all, in row groups of a useful size."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.lake import Storage
from oddloop.lake.stream import gather, write_stream

SCHEMA = pa.schema([("a", pa.int64())])


def tables(*sizes):
    start = 0
    for size in sizes:
        yield pa.table({"a": pa.array(range(start, start + size), pa.int64())})
        start += size


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 9))
def test_gathering_keeps_the_rows_and_their_order(sizes, rows):
    found = list(gather(tables(*sizes), rows))
    assert [x for table in found for x in table["a"].to_pylist()] == list(range(sum(sizes)))
    assert all(rows <= table.num_rows < rows + 5 for table in found[:-1])


def test_many_bytes_close_a_group_too():
    assert [t.num_rows for t in gather(tables(10, 10, 10), rows=1000, n_bytes=150)] == [20, 10]


def test_a_file_of_few_row_groups_in_a_new_folder(tmp_path):
    assert write_stream(Storage.open(tmp_path), "x/y/a.parquet", tables(*[7] * 50), SCHEMA) == 350
    file = pq.ParquetFile(tmp_path / "x/y/a.parquet")
    assert (file.num_row_groups, file.read()["a"].to_pylist()) == (1, list(range(350)))


def test_no_tables_give_the_schema(tmp_path):
    assert write_stream(Storage.open(tmp_path), "a.parquet", [], SCHEMA) == 0
    assert pq.read_table(tmp_path / "a.parquet").schema.equals(SCHEMA)


@pytest.mark.parametrize("kind", ["local", "memory://stream"])
def test_a_failure_leaves_the_older_file(tmp_path, kind):
    def failing():
        yield from tables(3)
        raise OSError("disk")

    storage = Storage.open(tmp_path if kind == "local" else kind)
    write_stream(storage, "a.parquet", tables(2), SCHEMA)
    for wrong in (failing(), iter([pa.table({"a": ["x"]})])):
        with pytest.raises((OSError, TableError)):
            write_stream(storage, "a.parquet", wrong, SCHEMA)
        assert storage.read_table("a.parquet")["a"].to_pylist() == [0, 1]
        assert storage.list_leftovers() == []


def test_other_columns_are_named(tmp_path):
    with pytest.raises(TableError, match=r"a.parquet: a table has the columns b \(int64\), not a \(int64\)"):
        write_stream(Storage.open(tmp_path), "a.parquet", [pa.table({"b": [1]})], SCHEMA)
