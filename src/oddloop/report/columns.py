"""Small helpers between Arrow columns and plain values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.model import Coded
from oddloop.tables import STRING, UNKNOWN


def finite(value: float | None) -> float | None:
    """The value, or None where it is missing, NaN or infinite.

    >>> finite(float("nan")) is None, finite(2)
    (True, 2.0)
    """
    return float(value) if value is not None and math.isfinite(value) else None


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with None for numbers that are NaN or infinite.

    >>> plain({"name": "a", "n": 3, "value": float("nan")})
    {'name': 'a', 'n': 3, 'value': None}
    """
    return {name: finite(value) if isinstance(value, float) else value for name, value in row.items()}


def finite_list(column: pa.ChunkedArray | pa.Array, decimals: int) -> tuple[float | None, ...]:
    """Values of a numeric column, rounded, with None for what is missing or not finite."""
    values = np.round(column.to_numpy(zero_copy_only=False).astype(float), decimals)
    return tuple(finite(value) for value in values.tolist())


def take_by_id(table: pa.Table, ids: pa.Array, key: str = "scene_id") -> pa.Table:
    """Rows of a table in the order of `ids`; an id that the table lacks gives a row of nulls."""
    return table.take(pc.index_in(ids.cast(STRING), value_set=_flat(table[key]).cast(STRING)))


def as_text(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Attribute values as they stand in segments: numbers to three decimals, sets joined by ` + `, null `unknown`."""
    values = _flat(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        values = pc.binary_join(values.cast(pa.list_(STRING)), " + ")
    if pa.types.is_floating(values.type):
        values = pc.round(values, 3)
    return pc.fill_null(values.cast(STRING), UNKNOWN)


def coded(column: pa.ChunkedArray | pa.Array, order: Iterable[str] = ()) -> Coded:
    """A string column as codes; values stand in `order`, then sorted; null becomes -1."""
    values = _flat(column).cast(STRING)
    found = set(values.unique().drop_null().to_pylist())
    listed = [value for value in dict.fromkeys(order) if value in found]
    ordered = [*listed, *sorted(found - set(listed))]
    codes = pc.fill_null(pc.index_in(values, value_set=pa.array(ordered, STRING)), -1)
    return Coded(tuple(ordered), tuple(codes.to_pylist()))


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
