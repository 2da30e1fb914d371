"""What was found in one file, grouped as it is reported: one note per fault code and subject."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Rows = NDArray[np.int64]
"""(N,) row numbers, rising; each at most once."""
MAX_DISTINCT = 1000
"""Distinct values that a tally keeps; of a column of free text nobody wants to read more."""
REST: Hashable = ...
"""Stands in a tally for all values beyond those."""


@dataclass
class Note:
    """First row, rows concerned, and what was found at the first row."""

    row: int
    n_rows: int
    what: str = ""


@dataclass
class Notes:
    """Notes of one file, filled batch by batch in row order.

    Attributes:
        first_row: row of the file at which the present batch begins; row numbers given to the methods count from there.
        groups: notes by (code, subject); the subject is a column, mostly.
        tallies: by (code, subject), how often and where first each value of interest was seen; judged once all files
            are read.
    """

    first_row: int = 0
    groups: dict[tuple[str, str], Note] = field(default_factory=dict)
    tallies: dict[tuple[str, str], dict[Hashable, Note]] = field(default_factory=dict)

    def add(self, code: str, subject: str, rows: Rows, what: Callable[[], str]) -> None:
        """Note rows of the present batch; `what` describes the first of them, and is called only where it is needed."""
        if not len(rows):
            return
        note = self.groups.get((code, subject))
        if note is None:
            self.groups[code, subject] = Note(self.first_row + int(rows[0]), len(rows), what())
        else:
            note.n_rows += len(rows)

    def add_note(self, code: str, subject: str, note: Note) -> None:
        """Note rows of the file that were counted elsewhere."""
        self.groups.setdefault((code, subject), note)

    def add_file(self, code: str, subject: str, what: str) -> None:
        """Note something that concerns the file as a whole."""
        self.add_note(code, subject, Note(-1, 1, what))

    def tally(self, code: str, subject: str, values: NDArray[np.int64] | pa.Array, rows: Rows) -> None:
        """Count values, one per entry of `rows`, of which a value may stand in several."""
        seen = self.tallies.setdefault((code, subject), {})
        for value, first, count in _count(values):
            kept = value if value in seen or len(seen) < MAX_DISTINCT else REST
            note = seen.setdefault(kept, Note(self.first_row + int(rows[first]), 0))
            note.n_rows += count


def _count(values: NDArray[np.int64] | pa.Array) -> list[tuple[Hashable, int, int]]:
    """(value, first index, count) of each distinct value, in order of first index."""
    names = None
    if not isinstance(values, np.ndarray):
        encoded = values.dictionary_encode()
        names, values = encoded.dictionary, encoded.indices.to_numpy()
    distinct, firsts, counts = np.unique(values, return_index=True, return_counts=True)
    order = np.argsort(firsts)
    shown = distinct[order].tolist() if names is None else names.take(pa.array(distinct[order])).to_pylist()
    return list(zip(shown, firsts[order].tolist(), counts[order].tolist(), strict=True))
