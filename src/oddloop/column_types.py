"""Which Arrow types can stand for which."""

from __future__ import annotations

import pyarrow as pa


def is_compatible(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of type `found` can be read as `wanted` without loss of meaning.

    Widths may differ (int32 for int64, float16 for float32, large_string for string), integers may stand for floats,
    lists for lists of a fixed size (the values decide), and a column of nothing but null for anything; numbers never
    stand for strings, nor strings for numbers.

    >>> is_compatible(pa.large_string(), pa.string()), is_compatible(pa.string(), pa.int64())
    (True, False)
    """
    if pa.types.is_null(found):
        return True
    if pa.types.is_dictionary(found):
        return is_compatible(found.value_type, wanted)
    if is_list(wanted):
        return is_list(found) and _fits_size(found, wanted) and is_compatible(found.value_type, wanted.value_type)
    if pa.types.is_struct(wanted):
        return pa.types.is_struct(found) and all(_has_field(found, field) for field in wanted)
    return any(is_family(found) and is_family_wanted(wanted) for is_family, is_family_wanted in _FAMILIES)


def is_list(kind: pa.DataType) -> bool:
    """Whether values of the type are lists, of whatever kind."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _fits_size(found: pa.DataType, wanted: pa.DataType) -> bool:
    is_fixed = pa.types.is_fixed_size_list
    return not (is_fixed(found) and is_fixed(wanted)) or found.list_size == wanted.list_size


def _has_field(found: pa.StructType, wanted: pa.Field) -> bool:
    index = found.get_field_index(wanted.name)
    if index < 0:
        return bool(wanted.nullable)
    return is_compatible(found.field(index).type, wanted.type)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


_FAMILIES = (
    (_is_text, _is_text),
    (pa.types.is_integer, pa.types.is_integer),
    (_is_number, pa.types.is_floating),
    (pa.types.is_boolean, pa.types.is_boolean),
    (_is_bytes, _is_bytes),
    (pa.types.is_timestamp, pa.types.is_timestamp),
)
