"""Whole tables as relations in DuckDB, for what no single batch can tell: keys, references, times.

Rows are streamed from Parquet into each query, so that only what a query must remember is kept; what exceeds
`MEMORY_LIMIT` is spilled to a temporary folder outside the workspace.
"""

# ruff: noqa: S608  (queries hold names of our own only, never a value of the user)
from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from oddloop.errors import WorkspaceError
from oddloop.lake.checks.notes import Note
from oddloop.lake.checks.values import CheckedFile, read_as, read_batches
from oddloop.lake.scan import open_parquet
from oddloop.tables import INT, TableSpec

MEMORY_LIMIT = "2GB"
_BATCH_ROWS = 65_536
_ROW_BITS = 40
_ROW_MASK = (1 << _ROW_BITS) - 1
Say = Callable[[Mapping[str, Any]], str]
"""Words about a row, from its columns."""


@dataclass(frozen=True)
class CheckedTable:
    """A table whose files have been checked one by one.

    A row's position, `pos`, is (file number << 40) + row: one number that orders all rows as the files are read.
    """

    name: str
    spec: TableSpec
    files: Sequence[CheckedFile]

    def has(self, *names: str) -> bool:
        """Whether any file has all of these columns."""
        return any(file.columns.keys() >= set(names) for file in self.files)

    def is_whole(self, *names: str) -> bool:
        """Whether there are files, and each of them has these columns."""
        return bool(self.files) and all(file.columns.keys() >= set(names) for file in self.files)

    def place(self, pos: int) -> str:
        """File and row of a position, in words."""
        return f"{self.files[pos >> _ROW_BITS].place}, row {pos & _ROW_MASK}"

    def note(self, code: str, subject: str, pos: int, n_rows: int, what: str) -> None:
        """Note rows of one file; `pos` is the first of them."""
        self.files[pos >> _ROW_BITS].notes.add_note(code, subject, Note(pos & _ROW_MASK, n_rows, what))

    def stream(self, required: Sequence[str], optional: Sequence[str] = ()) -> pa.RecordBatchReader:
        """`pos` and some columns of all files that have the required ones; optional ones are null where missing."""
        columns = [(name, self._type(name)) for name in (*required, *optional)]
        schema = pa.schema([*columns, ("pos", INT)])
        return pa.RecordBatchReader.from_batches(schema, self._batches(schema, set(required)))

    def _type(self, name: str) -> pa.DataType:
        column = self.spec.column(name)
        return pa.string() if column is None else column.type

    def _batches(self, schema: pa.Schema, required: set[str]) -> Iterator[pa.RecordBatch]:
        for number, file in enumerate(self.files):
            if file.columns.keys() >= required:
                yield from _read(file, number << _ROW_BITS, schema)


def _read(file: CheckedFile, first_pos: int, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    fields = list(schema)[:-1]
    present = [field.name for field in fields if field.name in file.columns]
    with open_parquet(file.storage, file.file) as parquet:
        for batch in read_batches(parquet, present, _BATCH_ROWS):
            n, names = batch.num_rows, set(present)
            arrays = [read_as(batch.column(f.name), f.type) if f.name in names else pa.nulls(n, f.type) for f in fields]
            yield pa.record_batch([*arrays, pa.array(np.arange(first_pos, first_pos + n))], schema=schema)
            first_pos += n


class Relations:
    """Queries over streamed tables and over those that were kept; made by `open_relations`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def query(self, sql: str, stream: pa.RecordBatchReader | None = None) -> list[tuple[Any, ...]]:
        """Answer of a query, in which the stream is called `rows`.

        Raises:
            WorkspaceError: a file changed since its values were checked, or the temporary folder is full.
        """
        if stream is not None:
            self._connection.register("rows", stream)
        try:
            answer: list[tuple[Any, ...]] = self._connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise WorkspaceError(
                f"the tables could not be checked: {str(error).splitlines()[0]}; see whether files are being written "
                "at the moment, and whether the temporary folder is full"
            ) from error
        if stream is not None:
            self._connection.unregister("rows")
        return answer

    def note_rows(
        self, table: CheckedTable, code: str, say: Say, bad: str, columns: Sequence[str],
        stream: pa.RecordBatchReader | None = None,
    ) -> None:  # fmt: skip
        """Note the rows that the query `bad` gives, by file; it must give `pos` and the columns that `say` needs."""
        words = ", ".join(f"'{name}': {name}" for name in columns)
        answer = self.query(
            f"SELECT min(pos), count(*), arg_min({{{words}}}, pos) FROM ({bad}) GROUP BY pos >> {_ROW_BITS}", stream
        )
        for pos, n_rows, row in answer:
            table.note(code, ",".join(columns), pos, n_rows, say(row))


@contextlib.contextmanager
def open_relations(n_threads: int) -> Iterator[Relations]:
    """Relations in memory and, beyond the limit, in a temporary folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="oddloop-check-") as folder:
        settings = {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": folder,
            "threads": n_threads,
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
        }
        connection = duckdb.connect(":memory:", config=settings)
        try:
            yield Relations(connection)
        finally:
            connection.close()
