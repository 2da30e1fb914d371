"""Rows one by one: a bad row is left out and listed with its reason, where `[rows.<table>] refuse = "row"` asks for it.

A row is refused where a declared column that must be there is null, blank or unreadable, where it repeats the key of an
earlier row, where a newer version of it exists, or where its CSV line has too many or too few cells. Every row is
written or refused, never both: the counts add up.
Memory grows with the keys of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from oddloop.config import RowConfig
from oddloop.exchange.generic.made import Sources, made_schema, make_columns, read_as, text_of, to_type
from oddloop.exchange.generic.stream import File, FileError, bad_cells
from oddloop.tables import Column, TableSpec

IntArray = npt.NDArray[np.int64]
REFUSED = pa.schema([("table", pa.string()), ("file", pa.string()), ("row", pa.int64()), ("reason", pa.string())])
"""Rows that were left out: row 1 is the first below the heading."""


@dataclass
class Refusals:
    """What was left out of one table, and the keys that were taken so far."""

    table: str
    parts: list[pa.Table] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)

    def add(self, file: str, rows: IntArray, reasons: Sequence[str]) -> None:
        """Note rows of a file, counted from 0."""
        columns = [[self.table] * len(rows), [file] * len(rows), (rows + 1).tolist(), list(reasons)]
        self.parts.append(pa.table([pa.array(c) for c in columns], names=REFUSED.names).cast(REFUSED))

    def listed(self) -> pa.Table:
        """All rows that were left out."""
        return pa.concat_tables([REFUSED.empty_table(), *self.parts])


@dataclass(frozen=True)
class PreparedFile:
    """A file as `File` reads it, with columns made and, where asked for, bad rows left out.

    Attributes:
        file: the user's file.
        name: its name, for the list of refused rows.
        spec: the table's declaration.
        mapping: our column name -> the name in the file.
        sources: columns that are made.
        rules: what becomes of bad rows.
        refusals: where they are listed.
        superseded: number of a row as read -> newest version, of rows that are not the newest.
    """

    file: File
    name: str
    spec: TableSpec
    mapping: Mapping[str, str]
    sources: Sources
    rules: RowConfig
    refusals: Refusals
    superseded: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        file: File,
        name: str,
        spec: TableSpec,
        mapping: Mapping[str, str],
        sources: Sources,
        rules: RowConfig,
        refusals: Refusals,
    ) -> PreparedFile:
        """The file, read in types that nothing fails on where rows are judged one by one."""
        types = dict(file.types)
        if rules.refuse == "row":
            types = dict.fromkeys(types, pa.string()) | dict.fromkeys(
                [n for n in (rules.newest_of, rules.version) if n], pa.string()
            )
        skipped: list[pc_csv.InvalidRow] | None = [] if rules.refuse == "row" else None
        prepared = File(file.path, types | read_as(sources), skipped)
        return cls(prepared, name, spec, mapping, sources, rules, refusals)

    def read_schema(self) -> pa.Schema:
        """As `File.read_schema`, with the made columns."""
        schema = made_schema(self.file.read_schema(), self.sources, self.spec)
        return pa.schema([pa.field(f.name, self._type(f.name, f.type)) for f in schema])

    def read_batches(self, *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """As `File.read_batches`, with the made columns, without the refused rows."""
        start = 0
        for batch in self.file.read_batches(batch_rows=batch_rows):
            made = make_columns(batch, self.sources, self.spec)
            yield self._sift(made, start) if self.rules.refuse == "row" else made
            start += batch.num_rows
        if skipped := self.file.skipped:
            self.refusals.add(self.name, self._skipped_rows(), [f"its line {bad_cells(line)}" for line in skipped])

    def _skipped_rows(self) -> IntArray:
        """Rows of the file, from 0, whose lines were skipped so far; Arrow counts the heading as 1."""
        return np.array([line.number for line in self.file.skipped or ()], np.int64) - 2

    def _rows_of_file(self, read: IntArray) -> IntArray:
        """Rows of the file, from 0, by rows that were read: those that were skipped before them count, too."""
        skipped = self._skipped_rows()
        return read + np.searchsorted(skipped - np.arange(len(skipped)), read, side="right")

    def _type(self, name: str, found: pa.DataType) -> pa.DataType:
        column = self._declared(name)
        is_text = pa.types.is_string(found) and column is not None and self.rules.refuse == "row"
        return column.type if column is not None and is_text and not pa.types.is_nested(column.type) else found

    def _declared(self, name: str) -> Column | None:
        ours = {theirs: ours for ours, theirs in self.mapping.items()}
        return self.spec.column(ours.get(name, name))

    def _sift(self, batch: pa.RecordBatch, start: int) -> pa.RecordBatch:
        reasons = np.full(batch.num_rows, "", object)
        columns = []
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            column = self._declared(name)
            if column is None or pa.types.is_nested(column.type):
                columns.append(values)
                continue
            text = text_of(values)
            read = text if pa.types.is_string(column.type) else _as_declared(values, text, column.type)
            columns.append(read)
            if column.required and not column.nullable:
                _note(reasons, read, text, column.name)
        self._note_superseded(reasons, start)
        batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
        self._note_repeats(reasons, batch)
        bad = np.flatnonzero(reasons != "")
        self.refusals.add(self.name, self._rows_of_file(bad + start), reasons[bad].tolist())
        return batch.filter(pa.array(reasons == ""))

    def _note_superseded(self, reasons: npt.NDArray[np.object_], start: int) -> None:
        rows = np.arange(start, start + len(reasons))
        for row in np.flatnonzero(np.isin(rows, list(self.superseded)) & (reasons == "")).tolist():
            newest = f"`{self.rules.version}` {self.superseded[start + row]!r}"
            reasons[row] = f"another row of the same `{self.rules.newest_of}` is newer, {newest}"

    def _note_repeats(self, reasons: npt.NDArray[np.object_], batch: pa.RecordBatch) -> None:
        names = [self.mapping.get(key, key) for key in self.spec.key]
        if not names or not set(names) <= set(batch.schema.names):
            return
        sound = np.flatnonzero(reasons == "")
        keys = pc.binary_join_element_wise(*(batch[n].cast(pa.string()) for n in names), "\0").take(pa.array(sound))
        listed = np.array(keys.to_pylist(), object)
        is_first = np.zeros(len(listed), np.bool_)
        is_first[np.unique(listed.astype(str), return_index=True)[1]] = True
        taken = self.refusals.keys.intersection(listed.tolist())
        is_first &= ~np.isin(listed.astype(str), sorted(taken))
        for place in np.flatnonzero(~is_first).tolist():
            shown = listed[place].replace("\0", ", ")
            reasons[sound[place]] = f"{', '.join(self.spec.key)} {shown!r} is there already, in an earlier row"
        self.refusals.keys.update(listed.tolist())


def _as_declared(values: pa.Array, text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts read as a type; what has another type already is cast, since it was made or is from Parquet."""
    return to_type(text, kind) if pa.types.is_string(values.type) else values.cast(kind, safe=False)


def _note(reasons: npt.NDArray[np.object_], read: pa.Array, text: pa.Array, name: str) -> None:
    for row in np.flatnonzero(read.is_null().to_numpy(zero_copy_only=False)).tolist():
        if not reasons[row]:
            found = text[row].as_py()
            reasons[row] = f"`{name}` is blank" if found is None else f"`{name}` is {found!r}, which cannot be read"


def mark_superseded(files: Sequence[PreparedFile], batch_rows: int) -> None:
    """Find the rows of which a newer version exists, over all files of a table."""
    rules = files[0].rules if files else RowConfig()
    if not rules.newest_of:
        return
    parts = [_versions(file, i, batch_rows) for i, file in enumerate(files)]
    table = pa.concat_tables(parts).filter(pc.is_valid(pc.field("of")))
    keys = [(name, "ascending", "at_start") for name in ("of", "number", "file", "row")]  # no number: the oldest
    table = table.take(pc.sort_indices(table, keys))
    of = table["of"].combine_chunks()
    is_last = np.append(pc.not_equal(of[1:], of[:-1]).to_numpy(zero_copy_only=False), True)[: len(of)]
    last = np.flatnonzero(is_last)
    newest = table["version"].take(pa.array(last[np.searchsorted(last, np.arange(len(of)))]))
    old = table.append_column("newest", newest).filter(pa.array(~is_last))
    for row in old.to_pylist():
        files[row["file"]].superseded[row["row"]] = row["newest"] or "unnumbered"


def _versions(file: PreparedFile, index: int, batch_rows: int) -> pa.Table:
    """Per row of a file: what it is a version of, which one, and where it stands."""
    kinds = {"of": pa.string(), "version": pa.string(), "number": pa.float64(), "file": pa.int64(), "row": pa.int64()}
    parts, start = [pa.schema(kinds.items()).empty_table()], 0
    for batch in file.file.read_batches(batch_rows=batch_rows):
        wanted = file.rules.newest_of, file.rules.version
        if missing := [name for name in wanted if name not in batch.schema.names]:
            raise FileError(f"column `{missing[0]}`, which [rows.{file.spec.name}] names, is missing")
        of, version = (text_of(batch[name]) for name in wanted)
        place = pa.array(np.arange(start, start + batch.num_rows))
        number = to_type(version, pa.float64())
        columns = [of, version, number, pa.repeat(pa.scalar(index), batch.num_rows), place]
        parts.append(pa.table(columns, names=list(kinds)))
        start += batch.num_rows
    return pa.concat_tables(parts)
