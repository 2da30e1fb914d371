"""Read tables: whole and small, or in bounded batches of a partition.

Time grows with the rows read, memory with one batch per thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import TableError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.tables import Column, TableSpec, is_compatible

READ_ERRORS = (OSError, pa.ArrowException)
"""What Arrow raises for a file that is not Parquet, is damaged, or cannot be reached."""
_BUFFER_BYTES = {True: 1 << 20, False: 1 << 23}
"""Bytes read at a time by column, on a local disk and from an object store, where each request takes long."""


@dataclass(frozen=True)
class Partition:
    """A part of a table that one task reads: one file, or some row groups of it.

    Attributes:
        table: table name, for messages.
        storage: folder of the file.
        file: path relative to `storage`.
        row_groups: row groups to read; None reads all.
        index: place among the table's partitions; names the part file that a task writes.
        key: digest of all that the task's result depends on, under which it is kept (`lake.parts`); "" keeps nothing.
    """

    table: str
    storage: Storage
    file: str
    row_groups: tuple[int, ...] | None
    index: int
    key: str = ""


def partitions(files: TableFiles, spec: TableSpec, *, rows: int = 262_144) -> list[Partition]:
    """Cut a table into parts of about `rows` rows along row groups; the cut does not depend on the number of workers.

    Where several rows share the key's first column (all agents of a frame), a file is one part, so that rows which
    stand together stay in one task.
    """
    cuts = [(file, groups) for file in files.files for groups in _row_group_runs(files, file, spec, rows)]
    return [Partition(files.name, files.storage, file, groups, i) for i, (file, groups) in enumerate(cuts)]


def _row_group_runs(files: TableFiles, file: str, spec: TableSpec, rows: int) -> list[tuple[int, ...] | None]:
    if len(spec.key) > 1:
        return [None]
    with open_parquet(files.storage, file) as parquet:
        counts = [parquet.metadata.row_group(i).num_rows for i in range(parquet.num_row_groups)]
    runs: dict[int, list[int]] = {}
    before = 0
    for index, count in enumerate(counts):
        runs.setdefault(before // rows, []).append(index)
        before += count
    return [tuple(run) for run in runs.values()]


def optional_columns(files: TableFiles, spec: TableSpec) -> list[pa.Field]:
    """Declared optional columns that any file of the table has, in the order of the declaration."""
    found: set[str] = set()
    for file in files.files:
        with open_parquet(files.storage, file) as parquet:
            found.update(parquet.schema_arrow.names)
    return [pa.field(c.name, c.type) for c in spec.columns if not c.required and c.name in found]


def read_batches(
    partition: Partition, spec: TableSpec, *, batch_rows: int, columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Batches of a partition, at most `batch_rows` rows each, with declared columns in their declared types.

    Where the key has several columns, rows that stand together and share the first of them (all agents of a frame) are
    never split between batches, if that column is read; a batch may then be longer by the rows of one such group. An
    empty partition gives no batch.

    Raises:
        TableError: a required column is missing or of the wrong type, or the file is damaged; both are named.
    """
    with open_parquet(partition.storage, partition.file) as parquet:
        wanted = list(columns) if columns is not None else None
        groups = None if partition.row_groups is None else list(partition.row_groups)
        # In this thread: tasks run beside each other already, and handing columns to threads of Arrow costs both.
        found = parquet.iter_batches(batch_size=batch_rows, row_groups=groups, columns=wanted, use_threads=False)
        batches = _decoded(found, partition)
        place = f"{partition.table}/{partition.file.rsplit('/', 1)[-1]}"
        tables = (conform(pa.Table.from_batches([b]), spec, place, wanted) for b in batches if b.num_rows)
        is_grouped = len(spec.key) > 1 and (wanted is None or spec.key[0] in wanted)
        yield from _keep_together(tables, spec.key[0]) if is_grouped else tables


def _decoded(batches: Iterator[pa.RecordBatch], partition: Partition) -> Iterator[pa.RecordBatch]:
    while True:
        try:
            batch = next(batches, None)
        except READ_ERRORS as error:
            raise _damaged(partition.storage, partition.file, error) from error
        if batch is None:
            return
        yield batch


def read_table(files: TableFiles, spec: TableSpec, columns: Sequence[str] | None = None) -> pa.Table:
    """A whole table with declared columns in their declared types; the empty table where there are no files.

    Columns that only some of the files have are null elsewhere.

    Raises:
        TableError: a file is damaged, lacks a required column, or has a column of a type that does not fit.
    """
    wanted = list(columns) if columns is not None else None
    parts = [conform(_read_file(files, file, wanted), spec, f"{files.name}/{file}", wanted) for file in files.files]
    if not parts:
        return spec.empty() if wanted is None else spec.empty().select([c for c in wanted if spec.column(c)])
    try:
        return pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    except pa.ArrowException as error:
        raise TableError(f"{files.name}: its files do not fit together: {_first_line(error)}") from error


def count_rows(files: TableFiles) -> int:
    """Rows of a table, from the file footers."""
    total = 0
    for file in files.files:
        with open_parquet(files.storage, file) as parquet:
            total += parquet.metadata.num_rows
    return total


def open_parquet(storage: Storage, file: str, footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """Open a Parquet file; where its footer is known already it is not read again.

    Raises:
        TableError: the file is not Parquet, or is damaged.
    """
    try:
        # Arrow's own default, pre_buffer, holds the whole file in memory while batches of it are read.
        return pq.ParquetFile(
            storage.path(file),
            metadata=footer,
            filesystem=storage.fs,
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES[storage.is_local],
        )
    except READ_ERRORS as error:
        raise _damaged(storage, file, error) from error


def read_group(parquet: pq.ParquetFile, storage: Storage, file: str, group: int, columns: Sequence[str]) -> pa.Table:
    """Columns of one row group of an opened file, as far as it has them; on this thread alone.

    Raises:
        TableError: the file is damaged.
    """
    try:
        return parquet.read_row_group(group, columns=list(columns), use_threads=False)
    except READ_ERRORS as error:
        raise _damaged(storage, file, error) from error


def conform(table: pa.Table, spec: TableSpec, place: str, wanted: Sequence[str] | None = None) -> pa.Table:
    """The same rows with declared columns in their declared types; other columns as they are, dictionaries decoded.

    Raises:
        TableError: a required column (of those `wanted`) is missing, or of a type that cannot be read as declared.
    """
    for column in spec.required():
        if column.name not in table.column_names and (wanted is None or column.name in wanted):
            raise TableError(
                f"{place}: column `{column.name}` is missing; it has: {', '.join(table.column_names)}. "
                "Rename a column in [columns] of oddloop.toml and ingest again, or run `oddloop check`"
            )
    if lacking := spec.lacks_all_of(table.column_names if wanted is None else spec.one_of):
        raise TableError(
            f"{place}: none of the columns {', '.join(f'`{n}`' for n in lacking)} is there, and one is needed; "
            f"it has: {', '.join(table.column_names)}. Run `oddloop check`"
        )
    names = table.column_names
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise TableError(f"{place}: there are several columns named `{twice[0]}`; give each column a name of its own")
    return pa.table([_conform_column(table[n], spec.column(n), f"{place}: column `{n}`") for n in names], names=names)


def _conform_column(values: pa.ChunkedArray, column: Column | None, place: str) -> pa.ChunkedArray:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if column is None or values.type == column.type:
        return values
    if not is_compatible(values.type, column.type):
        raise TableError(f"{place} is {values.type}, not {column.type}; convert it, or run `oddloop check`")
    try:
        return values.cast(column.type)
    except pa.ArrowException as error:
        raise TableError(f"{place} cannot be read as {column.type}: {_first_line(error)}") from error


def _read_file(files: TableFiles, file: str, wanted: list[str] | None) -> pa.Table:
    with open_parquet(files.storage, file) as parquet:
        present = None if wanted is None else [n for n in wanted if n in parquet.schema_arrow.names]
        try:
            return parquet.read(columns=present)
        except READ_ERRORS as error:
            raise _damaged(files.storage, file, error) from error


def _damaged(storage: Storage, file: str, error: Exception) -> TableError:
    return TableError(f"{storage.url}/{file}: not a readable Parquet file: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _keep_together(tables: Iterator[pa.Table], key: str) -> Iterator[pa.Table]:
    """Hold the last run of equal keys back until the next batch, so that no run is split."""
    held: list[pa.Table] = []
    for table in tables:
        start = _start_of_last_run(table[key])
        if start == 0 and held and held[-1][key][-1] == table[key][0]:
            held.append(table)
            continue
        done = [*held, table.slice(0, start)] if start else held
        if done:
            yield pa.concat_tables(done, promote_options="permissive")
        held = [table.slice(start)]
    if held:
        yield pa.concat_tables(held, promote_options="permissive")


def _start_of_last_run(keys: pa.ChunkedArray) -> int:
    keys = keys.combine_chunks()
    is_new = pc.fill_null(pc.not_equal(keys.slice(1), keys.slice(0, len(keys) - 1)), True)
    starts = np.flatnonzero(is_new.to_numpy(zero_copy_only=False))
    return int(starts[-1]) + 1 if len(starts) else 0
