"""Columns that are made of the user's own: joined texts, times in a format, numbers in another unit, one value for all.

What cannot be read is null in the column that is made; whether that is a fault is for the row's rules to say.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ColumnSource
from oddloop.tables import TableSpec

Sources = Mapping[str, ColumnSource]
"""How each of our columns is made, by name."""


def read_as(sources: Sources) -> dict[str, pa.DataType]:
    """The type in which each of the user's columns is read, where something is made of it."""
    kinds: dict[str, pa.DataType] = {}
    for source in sources.values():
        kind = pa.float64() if source.factor != 1.0 else pa.string()
        kinds |= dict.fromkeys([*source.columns, *([source.or_else] if source.or_else else [])], kind)
    return kinds


def made_schema(schema: pa.Schema, sources: Sources, spec: TableSpec) -> pa.Schema:
    """The file's columns and those that can be made of them; one whose sources the file lacks is not among them."""
    for name, source in sources.items():
        if set(source.columns) <= set(schema.names):
            schema = schema.append(pa.field(name, _kind(name, source, spec)))
    return schema


def make_columns(batch: pa.RecordBatch, sources: Sources, spec: TableSpec) -> pa.RecordBatch:
    """The batch with the made columns at its end; the user's own stay as they are."""
    for name, source in sources.items():
        if set(source.columns) <= set(batch.schema.names):
            values = _make(batch, source, _kind(name, source, spec))
            batch = batch.append_column(pa.field(name, values.type), values)
    return batch


def text_of(values: pa.Array) -> pa.Array:
    """Trimmed text, null where blank."""
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _kind(name: str, source: ColumnSource, spec: TableSpec) -> pa.DataType:
    declared = spec.column(name)
    if declared is not None:
        return declared.type
    if source.time:
        return pa.int64()
    is_number = source.factor != 1.0 or isinstance(source.value, float)
    return pa.float64() if is_number else pa.string()


def _make(batch: pa.RecordBatch, source: ColumnSource, kind: pa.DataType) -> pa.Array:
    if source.value is not None:
        return pa.repeat(pa.scalar(source.value), batch.num_rows).cast(kind)
    if source.factor != 1.0:
        return pc.multiply(batch[source.columns[0]].cast(pa.float64()), source.factor).cast(kind, safe=False)
    texts = [text_of(batch[name]) for name in source.columns]
    joined = pc.binary_join_element_wise(*texts, source.join) if len(texts) > 1 else texts[0]
    if source.or_else and source.or_else in batch.schema.names:
        joined = pc.coalesce(joined, text_of(batch[source.or_else]))
    if source.time:
        when = pc.strptime(joined, format=source.time, unit="s", error_is_null=True)
        return pc.multiply(when.cast(pa.int64()), 1_000_000_000)
    return joined.cast(kind) if kind == pa.string() else to_type(joined, kind)


_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = r"^[+-]?(\d{1,18}|[0-8]\d{18})$"  # what an int64 surely holds


def to_type(text: pa.Array, kind: pa.DataType) -> pa.Array:
    """Texts as numbers or booleans, null where they are none."""
    if pa.types.is_boolean(kind):
        lower = pc.utf8_lower(text)
        yes, no = (pc.is_in(lower, value_set=pa.array(words)) for words in (["true", "1"], ["false", "0"]))
        return pc.if_else(yes, True, pc.if_else(no, False, pa.scalar(None, pa.bool_())))
    fits = pc.match_substring_regex(text, _WHOLE if pa.types.is_integer(kind) else _NUMBER)
    return pc.if_else(fits, text, pa.scalar(None, pa.string())).cast(kind)
