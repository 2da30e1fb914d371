"""A batch of rows as the checks see it, and lists taken apart into offsets and values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddloop.lake.checks.notes import Rows


@dataclass(frozen=True)
class Batch:
    """Some rows of a file: those of its columns that are present, of the right type and readable."""

    columns: Mapping[str, pa.Array]
    n_rows: int

    def __getitem__(self, name: str) -> pa.Array:
        return self.columns[name]


@dataclass(frozen=True)
class Lists:
    """(N,) lists taken apart: `values[offsets[i]:offsets[i + 1]]` are the values of list i; a null list is empty."""

    offsets: NDArray[np.int64]
    values: pa.Array

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(N,) number of values."""
        return np.diff(self.offsets)

    def numbers(self) -> NDArray[np.floating]:
        """All values as floats; null becomes NaN."""
        return as_floats(self.values)


def take_apart(array: pa.Array) -> Lists:
    """Offsets and values of a list array, slices and nulls minded."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
    return Lists(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), array.flatten())


def owners(offsets: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """List that each flat index lies in.

    >>> owners(np.array([0, 2, 2, 3]), np.array([0, 1, 2])).tolist()
    [0, 0, 2]
    """
    return np.searchsorted(offsets, index, side="right") - 1


def is_any(offsets: NDArray[np.int64], flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(N,) whether any value of each list is flagged; False for an empty list."""
    found = np.zeros(len(offsets) - 1, dtype=bool)
    found[owners(offsets, np.flatnonzero(flags))] = True
    return found


def sums(offsets: NDArray[np.int64], numbers: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) sum of each list in double precision; 0 for an empty list."""
    full = np.diff(offsets) > 0
    totals = np.zeros(len(full))
    if full.any():
        totals[full] = np.add.reduceat(numbers, offsets[:-1][full], dtype=np.float64)
    return totals


def differ_from_first(offsets: NDArray[np.int64], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Flat indices of the values that are not equal to the first value of their list.

    >>> differ_from_first(np.array([0, 3, 4]), np.array([5, 5, 6, 7])).tolist()
    [2]
    """
    lengths = np.diff(offsets)
    firsts = numbers[offsets[:-1][lengths > 0]]
    return np.flatnonzero(numbers != np.repeat(firsts, lengths[lengths > 0]))


def as_floats(array: pa.Array) -> NDArray[np.floating]:
    """Numbers as floats; null becomes NaN."""
    kind = array.type if pa.types.is_floating(array.type) else pa.float64()
    floats: NDArray[np.floating] = array.cast(kind, safe=False).to_numpy(zero_copy_only=False)
    return floats


def where(mask: pa.Array | NDArray[np.bool_]) -> Rows:
    """Rows at which a mask is true; null counts as false."""
    if not isinstance(mask, np.ndarray):
        mask = pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
    return np.flatnonzero(mask)
