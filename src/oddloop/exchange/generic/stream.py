"""Read a user's file in batches, with bounded memory, under our column names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from oddloop.tables import TableSpec

CSV_BLOCK_BYTES = 1 << 23
"""Bytes of CSV that are held at a time; types of undeclared columns are taken from the first block."""
_BAD_VALUE = re.compile(
    r"In CSV column #(?P<column>\d+): (?:Row #(?P<line>\d+): )?CSV conversion error to (?P<kind>\S+): "
    r"invalid value '(?P<value>.*)'"
)


class FileError(Exception):
    """A file cannot be read, or not to its end; its text says why. Becomes a fault of an ingest."""


@dataclass(frozen=True)
class File:
    """One of the user's files, of a declared table.

    Attributes:
        path: where it is; `.csv` is CSV with a heading, everything else Parquet.
        types: declared type by the file's own column name, of the declared columns that are not nested.
        skipped: takes the CSV lines of too many or too few cells that a reading has met so far, and reading goes on
            without them; None: they are an error.
    """

    path: Path
    types: Mapping[str, pa.DataType]
    skipped: list[pc_csv.InvalidRow] | None = None

    @classmethod
    def of(cls, path: Path, spec: TableSpec, mapping: Mapping[str, str]) -> File:
        """A file of a table whose columns are mapped (ours -> theirs)."""
        types = {c.name: c.type for c in spec.columns if not pa.types.is_nested(c.type)}
        return cls(path, {**types, **{mapping[name]: kind for name, kind in types.items() if name in mapping}})

    @property
    def is_csv(self) -> bool:
        """Whether it is CSV."""
        return self.path.suffix == ".csv"

    def read_schema(self) -> pa.Schema:
        """Columns and types under the file's own names; CSV has declared columns in their declared type.

        Raises:
            FileError: the file is damaged or not what its name says.
        """
        try:
            if not self.is_csv:
                return pq.read_schema(self.path)
            # As strings, so that a bad value is not met before all columns of all files have been judged.
            found = self._csv_schema(dict.fromkeys(self.types, pa.string()))
        except (pa.ArrowException, OSError) as error:
            raise FileError(_not_readable(error, self.path)) from error
        return pa.schema([pa.field(f.name, self.types.get(f.name, f.type)) for f in found])

    def read_batches(self, *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Batches under the file's own names: of `batch_rows` rows at most, or of one block of CSV.

        Raises:
            FileError: a value cannot be read, or a CSV line has too many or too few cells and `skipped` is None.
        """
        try:
            if self.is_csv:
                yield from self._csv_batches()
            else:
                with pq.ParquetFile(self.path) as parquet:
                    yield from parquet.iter_batches(batch_size=batch_rows)
        except (pa.ArrowException, OSError) as error:
            raise FileError(_not_readable(error, self.path)) from error

    def _csv_batches(self) -> Iterator[pa.RecordBatch]:
        bad = [] if self.skipped is None else self.skipped
        bad.clear()
        names: list[str] = self.read_schema().names
        try:
            with self._open_csv(self.types, bad) as reader:
                yield from reader
        except pa.ArrowInvalid as error:
            raise FileError(_bad_value(error, names) or _not_readable(error, self.path)) from error
        if bad and self.skipped is None:
            raise FileError(_bad_lines(bad))

    def _csv_schema(self, types: Mapping[str, pa.DataType]) -> pa.Schema:
        """From the first block. Arrow reads on behind it, and must hold nothing of Python's when the process ends."""
        try:
            with self._open_csv(types, None) as reader:
                return reader.schema
        except pa.ArrowInvalid:  # perhaps no more than a line of a cell too many, which is told of when it is read
            with self._open_csv(types, []) as reader:
                return reader.schema

    def _open_csv(
        self, types: Mapping[str, pa.DataType], bad: list[pc_csv.InvalidRow] | None
    ) -> pc_csv.CSVStreamingReader:
        """Declared columns are read in a given type, so that a key such as 0012 stays a string.

        Lines of too many or too few cells are added to `bad`; None: they are errors.
        """

        def skip(row: pc_csv.InvalidRow) -> str:
            if bad is not None:
                bad.append(row)
            return "skip"

        return pc_csv.open_csv(
            self.path,
            read_options=pc_csv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=False),
            parse_options=pc_csv.ParseOptions(
                invalid_row_handler=skip if bad is not None else None, newlines_in_values=True
            ),
            convert_options=pc_csv.ConvertOptions(
                column_types=dict(types), null_values=[""], strings_can_be_null=True, include_missing_columns=False
            ),
        )


def _bad_lines(bad: list[pc_csv.InvalidRow]) -> str:
    first = bad[0]
    place = f"line {first.number}" if first.number is not None else f"the line {first.text[:60]!r}"
    more = f" ({len(bad):,} such lines)" if len(bad) > 1 else ""
    return f"{place} {bad_cells(first)}{more}"


def bad_cells(line: pc_csv.InvalidRow) -> str:
    """What is wrong with a line of too many or too few cells."""
    return f"has {line.actual_columns} cells instead of {line.expected_columns}"


def _bad_value(error: pa.ArrowInvalid, names: list[str]) -> str:
    found = _BAD_VALUE.search(str(error))
    if found is None:
        return ""
    column, line = names[int(found["column"])], f"line {found['line']}: " if found["line"] else ""
    return f"{line}`{column}` is {found['value']!r}, which cannot be read as {found['kind']}"


def _not_readable(error: Exception, path: Path) -> str:
    kind = "CSV" if path.suffix == ".csv" else "Parquet"
    return f"not a readable {kind} file: {str(error).splitlines()[0]}; write it again from its source"
