"""Checks of plain columns: nulls, empty strings, amounts, and names out of a fixed set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddloop.lake.checks.batch import Batch, as_floats, where
from oddloop.lake.checks.notes import Notes, Rows

IsBad = Callable[[NDArray[np.floating]], NDArray[np.bool_]]


def check_nulls(name: str, batch: Batch, notes: Notes) -> None:
    """Note nulls in a column that may not have any."""
    notes.add("null-value", name, where(pc.is_null(batch[name])), lambda: f"`{name}` is null")


def check_given(names: Sequence[str], batch: Batch, notes: Notes) -> None:
    """Note rows in which all of these columns, of those that are there, are null."""
    present = [name for name in names if name in batch.columns]
    if not present:
        return
    nulls = [pc.is_null(batch[name]).to_numpy(zero_copy_only=False) for name in present]
    listed, verb = " and ".join(f"`{name}`" for name in present), "is" if len(present) == 1 else "are"
    notes.add("null-value", present[0], np.flatnonzero(np.logical_and.reduce(nulls)), lambda: f"{listed} {verb} null")


def check_empty(name: str, batch: Batch, notes: Notes) -> None:
    """Note empty strings."""
    notes.add("empty-string", name, where(pc.equal(batch[name], "")), lambda: f"`{name}` is an empty string")


def check_finite(name: str, batch: Batch, notes: Notes) -> None:
    """Note NaN and infinity; null is another matter."""
    _note_number("not-finite", name, batch, notes, lambda v: ~np.isfinite(v))


def check_amount(name: str, batch: Batch, notes: Notes) -> None:
    """Note what no amount can be: NaN, infinity, and values below 0."""
    check_finite(name, batch, notes)
    _note_number("negative-value", name, batch, notes, lambda v: np.isfinite(v) & (v < 0))


def check_share(name: str, batch: Batch, notes: Notes) -> None:
    """Note what no probability can be: NaN, infinity, and values outside [0, 1]."""
    check_finite(name, batch, notes)
    numbers = as_floats(batch[name])
    rows = np.flatnonzero(np.isfinite(numbers) & ((numbers < 0) | (numbers > 1)))
    notes.add("score-range", name, rows, lambda: f"`{name}` is {numbers[rows[0]]:g}, outside [0, 1]")


def check_duration(name: str, batch: Batch, notes: Notes) -> None:
    """Note durations that are not finite or not above 0."""
    _note_number("bad-duration", name, batch, notes, lambda v: ~(np.isfinite(v) & (v > 0)))


def _note_number(code: str, name: str, batch: Batch, notes: Notes, is_bad: IsBad) -> None:
    numbers = as_floats(batch[name])
    rows = np.flatnonzero(is_bad(numbers) & pc.is_valid(batch[name]).to_numpy(zero_copy_only=False))
    notes.add(code, name, rows, lambda: f"`{name}` is {numbers[rows[0]]:g}")


def tally_unknown(code: str, name: str, known: Sequence[str], batch: Batch, notes: Notes) -> None:
    """Count values of a text column that are not among the known ones; null is left out."""
    tally_values(code, f"`{name}`", batch[name], np.arange(batch.n_rows), known, notes)


def tally_values(code: str, subject: str, values: pa.Array, rows: Rows, known: Sequence[str], notes: Notes) -> None:
    """Count strings, each with the row it stands in, that are not among the known ones; null is left out."""
    is_known = pc.is_in(values, value_set=pa.array(known, pa.string()))
    index = where(pc.and_(pc.is_valid(values), pc.invert(is_known)))
    if len(index):
        notes.tally(code, subject, values.take(pa.array(index)), rows[index])
