"""The array types that the stage passes around, and the columns that it reads."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
Item = TypeVar("Item", bound=np.generic)


def read_column(table: pa.Table, name: str, what: str) -> pa.Array:
    """A column as one array, dictionaries decoded.

    Raises:
        TableError: there is no such column; `what` names the table.
    """
    if name not in table.column_names:
        raise TableError(f"{what}: column `{name}` is missing; there are: {', '.join(table.column_names)}")
    values = table[name].combine_chunks()
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def read_numbers(table: pa.Table, name: str, what: str) -> FloatArray:
    """(N,) float64, NaN where null; errors as `read_column`."""
    numbers: FloatArray = read_column(table, name, what).cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers


def read_codes(table: pa.Table, name: str, what: str) -> tuple[pa.Array, IntArray]:
    """The distinct values of a key column in rising order, and each row's place among them.

    Raises:
        TableError: the column is missing, or null somewhere.
    """
    values = read_column(table, name, what)
    if values.null_count:
        raise TableError(f"{what}: `{name}` is null in {values.null_count:,} rows; run `oddloop check`")
    encoded = values.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    return encoded.dictionary.take(order).cast(pa.string()), ranks[encoded.indices.to_numpy()]


def ragged_places(offsets: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """Where the items of these rows stand, row after row, and how many items each row has.

    >>> places, counts = ragged_places(np.array([0, 2, 3, 6]), np.array([2, 0]))
    >>> places.tolist(), counts.tolist()
    ([3, 4, 5, 0, 1], [3, 2])
    """
    starts, counts = offsets[rows], offsets[rows + 1] - offsets[rows]
    before = np.cumsum(counts) - counts
    return np.arange(int(counts.sum())) + np.repeat(starts - before, counts), counts
