"""From nested Arrow lists to offsets + values, without copying where nothing is null.

`unnest` takes one level off: it minds slices, nulls (also nulls that still span values, which Arrow permits), lists of
fixed size and large lists. Time and memory grow with the number of lists, not with what they hold.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score import fast_calls
from oddloop.score.arrays import AnyFloats, BoolArray, IntArray


class Nested(NamedTuple):
    """Lists, one level unnested.

    Attributes:
        offsets: (N+1,) bounds of each list within `items`, from 0; a null list is empty here.
        items: the lists' items, as an Arrow array.
        given: (N,) False where the list is null.
    """

    offsets: IntArray
    items: pa.Array
    given: BoolArray


def column(batch: pa.Table, name: str) -> pa.Array:
    """A column as one array.

    Raises:
        TableError: there is no such column, or there are several.
    """
    if name not in batch.column_names:
        raise TableError(f"predictions: column `{name}` is missing; there are: {', '.join(batch.column_names)}")
    if batch.column_names.count(name) > 1:
        raise TableError(f"predictions: several columns are named `{name}`; give each column a name of its own")
    values = batch[name]
    with _readable(values.type, f"`{name}`"):
        return values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()


def texts(batch: pa.Table, name: str) -> pa.Array:
    """A column of strings as one array of plain strings.

    Raises:
        TableError: there is no such column, there are several, or it holds something else.

    >>> texts(pa.table({"frame_id": pa.array(["f", "f"]).dictionary_encode()}), "frame_id").to_pylist()
    ['f', 'f']
    """
    return text_array(column(batch, name), f"`{name}`")


def text_array(array: pa.Array, what: str) -> pa.Array:
    """Strings of any width, dictionaries decoded, as plain strings.

    Raises:
        TableError: the array holds something else; `what` names it.
    """
    kind = array.type.value_type if pa.types.is_dictionary(array.type) else array.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
        raise TableError(f"{what} must hold strings; got {array.type}; run `oddloop check`")
    return array.cast(kind).cast(pa.string())


def unnest(lists: pa.Array, what: str) -> Nested:
    """Take one level off a list array.

    Raises:
        TableError: it is not a list array; `what` names it.
    """
    kind = lists.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise TableError(f"{what} must be a list; got {kind}; run `oddloop check`")
    offsets = _offsets(lists)
    with _readable(kind, what):
        return Nested(offsets, lists.flatten(), given(lists))


def shared_length(lists: pa.Array) -> int | None:
    """The length that all lists of an array share; None where they differ, one is null, or there is none.

    Takes no memory, unlike `unnest`.

    >>> shared_length(pa.array([[1, 2], [3, 4]])), shared_length(pa.array([[1, 2], [3]]))
    (2, None)
    """
    if lists.null_count or not len(lists):
        return None
    if pa.types.is_fixed_size_list(lists.type):
        return int(lists.type.list_size)
    offsets = lists.offsets.to_numpy()
    return int(offsets[1] - offsets[0]) if fast_calls.is_even(offsets) else None


def _offsets(lists: pa.Array) -> IntArray:
    """(N+1,) bounds of each list among the items of all, from 0; a null list is empty."""
    if not pa.types.is_fixed_size_list(lists.type) and not lists.null_count:
        own: IntArray = lists.offsets.to_numpy().astype(np.int64)
        own -= own[0]
        return own
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(lists) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


@contextlib.contextmanager
def _readable(kind: pa.DataType, what: str) -> Iterator[None]:
    """Say plainly that Arrow does not do with every type (extensions, views) what it does with the declared ones."""
    try:
        yield
    except pa.ArrowException as error:
        raise TableError(f"{what} cannot be read, being {kind} ({error}); run `oddloop check`") from error


def given(array: pa.Array) -> BoolArray:
    """(N,) False where the array is null."""
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    valid: BoolArray = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def floats(array: pa.Array, what: str) -> AnyFloats:
    """(N,) floats, NaN where null.

    Raises:
        TableError: the array holds something else; `what` names it.
    """
    if not pa.types.is_floating(array.type):
        raise TableError(f"{what} must be float16, float32 or float64; got {array.type}; run `oddloop check`")
    filled = pc.fill_null(array, pa.scalar(np.nan, array.type)) if array.null_count else array
    numbers: AnyFloats = filled.to_numpy(zero_copy_only=False)
    return numbers
