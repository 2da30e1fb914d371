"""Run a table's checks over one file, batch by batch.

Memory stays at one batch and the row group it comes from. A column that cannot be read or converted is noted and left
out; the other columns are checked all the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.errors import TableError
from oddloop.lake.checks.batch import Batch
from oddloop.lake.checks.notes import Notes
from oddloop.lake.checks.schema import Wanted, in_words, judge_schema
from oddloop.lake.checks.suite import Check
from oddloop.lake.scan import READ_ERRORS, open_parquet
from oddloop.lake.storage import Storage

MAX_BATCH_ROWS = 16_384
"""Rows of a batch at most: checks of boxes and modes need several times the memory of the rows themselves."""


class _UnreadableError(Exception):
    """Some column of the file could not be decoded."""


@dataclass
class CheckedFile:
    """A file and what the checks of its values have found.

    Attributes:
        storage: folder of the file.
        file: path relative to `storage`.
        place: the file as messages call it.
        notes: what was found.
        n_rows: rows; 0 where the file cannot be opened.
        schema: columns of the file; None where it cannot be opened.
        columns: columns that hold what they should, with the type to read them as (None: as they are).
    """

    storage: Storage
    file: str
    place: str
    notes: Notes = field(default_factory=Notes)
    n_rows: int = 0
    schema: pa.Schema | None = None
    columns: dict[str, pa.DataType | None] = field(default_factory=dict)


def check_file(checked: CheckedFile, wanted: Sequence[Wanted], checks: Sequence[Check], batch_rows: int) -> CheckedFile:
    """Check the columns and all values of one file; what is found is added to it."""
    try:
        with open_parquet(checked.storage, checked.file) as parquet:
            checked.n_rows, checked.schema = parquet.metadata.num_rows, parquet.schema_arrow
            checked.columns = judge_schema(checked.schema, wanted, checked.notes)
            _check_rows(parquet, checked, checks, min(batch_rows, MAX_BATCH_ROWS))
    except TableError as error:
        checked.notes.add_file("unreadable-file", "", _reason(error))
    return checked


def read_batches(parquet: pq.ParquetFile, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Some columns of a file, batch by batch."""
    batches = parquet.iter_batches(batch_size=batch_rows, columns=list(columns))
    while True:
        try:
            batch = next(batches, None)
        except READ_ERRORS as error:
            raise _UnreadableError from error
        if batch is None:
            return
        yield batch


def read_as(values: pa.Array, kind: pa.DataType | None) -> pa.Array:
    """Values in the wanted type; None leaves them as they are."""
    return values if kind is None or values.type == kind else values.cast(kind)


def _check_rows(parquet: pq.ParquetFile, checked: CheckedFile, checks: Sequence[Check], batch_rows: int) -> None:
    while checked.columns:
        found = Notes()
        try:
            unfit = _run_checks(parquet, checked, checks, batch_rows, found)
        except _UnreadableError:
            _drop_unreadable(parquet, checked, batch_rows)
            continue  # from the first row, without the columns that cannot be read
        checked.notes.groups.update(found.groups)
        checked.notes.tallies = found.tallies
        checked.columns = {name: kind for name, kind in checked.columns.items() if name not in unfit}
        return


def _run_checks(
    parquet: pq.ParquetFile, checked: CheckedFile, checks: Sequence[Check], batch_rows: int, found: Notes
) -> set[str]:
    """Run the checks over all rows; the columns of which some value does not convert."""
    unfit: set[str] = set()
    for batch in read_batches(parquet, list(checked.columns), batch_rows):
        sound = {name: kind for name, kind in checked.columns.items() if name not in unfit}
        arrays = {name: _convert(batch, name, kind, found) for name, kind in sound.items()}
        present = {name: array for name, array in arrays.items() if array is not None}
        unfit |= sound.keys() - present.keys()
        for check in checks:
            if present.keys() >= set(check.columns):
                check.run(Batch(present, batch.num_rows), found)
        found.first_row += batch.num_rows
    return unfit


def _convert(batch: pa.RecordBatch, name: str, kind: pa.DataType | None, found: Notes) -> pa.Array | None:
    values = batch.column(name)
    try:
        return read_as(values, kind)
    except pa.ArrowException:
        row = _first_unfit(values, kind)
        found.add(
            "wrong-type",
            name,
            np.array([row]),
            lambda: f"`{name}` holds a value that cannot be read as {in_words(kind)}",
        )
        return None


def _first_unfit(values: pa.Array, kind: pa.DataType | None) -> int:
    """First row that does not convert, found by halving."""
    low, high = 0, len(values)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            # Not a slice: that would keep, and convert, what its rows do not use of the lists.
            read_as(values.take(pa.array(np.arange(low, middle))), kind)
            low = middle
        except pa.ArrowException:
            high = middle
    return low


def _drop_unreadable(parquet: pq.ParquetFile, checked: CheckedFile, batch_rows: int) -> None:
    bad = [name for name in checked.columns if not _is_readable(parquet, name, batch_rows)]
    for name in bad:
        checked.notes.add_file("unreadable-column", name, f"column `{name}` cannot be decoded")
    if not bad:  # each column alone can be read, all together cannot: nothing of the file is to be relied on
        checked.notes.add_file("unreadable-file", "", "the file cannot be decoded")
    checked.columns = {n: kind for n, kind in checked.columns.items() if bad and n not in bad}


def _is_readable(parquet: pq.ParquetFile, name: str, batch_rows: int) -> bool:
    try:
        for _ in read_batches(parquet, [name], batch_rows):
            pass
    except _UnreadableError:
        return False
    return True


def _reason(error: TableError) -> str:
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno:
        return f"the file cannot be opened ({os.strerror(cause.errno)})"
    return "the file is not Parquet, or is cut short"
