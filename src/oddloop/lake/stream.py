"""Write one Parquet file from a stream of tables, so that it appears whole or not at all.

Small tables are gathered to row groups of `ROW_GROUP_ROWS` rows or about `ROW_GROUP_BYTES`, whichever comes first:
row groups of a few rows each would make the file many times as long and slow to read.

Memory is one row group and one table; time grows with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.errors import TableError
from oddloop.lake.storage import Storage

ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 1 << 26


def write_stream(storage: Storage, file: str, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write a Parquet file aside, then move it into its place, over an older one; returns its rows.

    If anything fails, also while a table is being made, nothing is left and an older file stays as it was.

    Args:
        storage: the folder.
        file: path relative to it; folders above are made.
        tables: the rows, in their order.
        schema: columns and types that each of them must have.

    Raises:
        TableError: a table has other columns or types.
    """
    aside = storage.write_aside(file)
    try:
        n_rows = _write(storage, aside, file, tables, schema)
        storage.commit_file(aside, file)
    finally:
        if storage.exists(aside):
            storage.delete_file(aside)
    return n_rows


def _write(storage: Storage, aside: str, file: str, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    n_rows = 0
    with (
        storage.fs.open_output_stream(storage.path(aside)) as stream,
        pq.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        for group in gather(_alike(tables, schema, file)):
            writer.write_table(group)
            n_rows += group.num_rows
    return n_rows


def gather(
    tables: Iterable[pa.Table], rows: int = ROW_GROUP_ROWS, n_bytes: int = ROW_GROUP_BYTES
) -> Iterator[pa.Table]:
    """The same rows in the same order, in tables of at least so many rows or bytes, but for the last.

    >>> [table.num_rows for table in gather([pa.table({"a": [1]})] * 5, rows=2)]
    [2, 2, 1]
    """
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(t.num_rows for t in held) >= rows or sum(t.nbytes for t in held) >= n_bytes:
            yield pa.concat_tables(held)
            held.clear()
    if held:
        yield pa.concat_tables(held)


def _alike(tables: Iterable[pa.Table], schema: pa.Schema, file: str) -> Iterator[pa.Table]:
    for table in tables:
        if not table.schema.equals(schema):
            raise TableError(f"{file}: a table has the columns {_shown(table.schema)}, not {_shown(schema)}")
        yield table


def _shown(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in schema)
