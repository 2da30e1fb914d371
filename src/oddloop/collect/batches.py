"""From batches of inputs and ids to tables, one at a time, and into a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.collect.pytorch import Tensor, torch
from oddloop.errors import TableError
from oddloop.lake.storage import Storage
from oddloop.lake.stream import write_stream
from oddloop.tables import TableSpec

Batch: TypeAlias = Sequence[Any]
"""(inputs, ids, ids, ...): what the model takes, then the ids of its rows, a sequence of strings for each id column."""
Given: TypeAlias = Literal["logits", "probs"]
Pick: TypeAlias = Callable[[Any], Any] | None
PART = "part-00000.parquet"
"""The file of a table that is given as a folder."""


def write_rows(
    path: str | os.PathLike[str],
    batches: Iterable[Batch],
    spec: TableSpec,
    id_columns: Sequence[str],
    names: Sequence[str],
    collect: Callable[[Any, int, int], dict[str, pa.Array]],
) -> int:
    """Write a prediction table from batches, and return its rows; no more than one batch is held.

    Args:
        path: a Parquet file, or the folder of a table, which gets one.
        batches: inputs and ids.
        spec: the table.
        id_columns: names of the ids in a batch, in their order.
        names: the table's other columns that are written.
        collect: from (inputs, number of the batch, number of its rows) to those columns.
    """
    folder, file = _place(os.fspath(path))
    schema = pa.schema([field for field in spec.schema() if field.name in {*id_columns, *names}])
    return write_stream(Storage.open(folder), file, _tables(batches, schema, id_columns, collect), schema)


def _place(path: str) -> tuple[str, str]:
    """Folder and file name."""
    if not path.endswith(".parquet"):
        return path, PART
    folder, _, file = path.replace(os.sep, "/").rpartition("/")
    return folder or ("/" if path.startswith("/") else "."), file


def _tables(
    batches: Iterable[Batch],
    schema: pa.Schema,
    id_columns: Sequence[str],
    collect: Callable[[Any, int, int], dict[str, pa.Array]],
) -> Iterator[pa.Table]:
    rest, number, end = iter(batches), 0, object()
    while (batch := next(rest, end)) is not end:
        ids = _ids(batch, id_columns, number)
        columns = ids | collect(batch[0], number, len(ids[id_columns[0]]))  # type: ignore[index]
        del batch  # or it would be held while the next one is made
        yield pa.table([columns[name] for name in schema.names], schema=schema)
        number += 1


def _ids(batch: Any, names: Sequence[str], number: int) -> dict[str, pa.Array]:
    if not isinstance(batch, Sequence) or isinstance(batch, str) or len(batch) != len(names) + 1:
        shape = f"{len(batch)} parts" if isinstance(batch, Sequence) else type(batch).__name__
        raise TableError(f"batch {number} must be a tuple (inputs, {', '.join(names)}); got {shape}")
    ids = {name: _strings(values, f"batch {number}: `{name}`") for name, values in zip(names, batch[1:], strict=True)}
    lengths = {name: len(values) for name, values in ids.items()}
    if len(set(lengths.values())) > 1:
        raise TableError(f"batch {number}: ids must be one per row; got {lengths}")
    return ids


def _strings(values: Any, what: str) -> pa.Array:
    try:
        ids = pa.array(values)
    except (pa.ArrowException, TypeError) as error:
        raise TableError(f"{what} must be a sequence of strings: {error}") from error
    if len(ids) and (ids.type not in (pa.string(), pa.large_string()) or ids.null_count):
        raise TableError(f"{what} must be strings, none of them None; got {ids.type}; convert them with str()")
    return ids.cast(pa.string())


def tensor(output: Any, pick: Pick, n_rows: int, what: str, rows: str = "ids in the batch") -> Tensor:
    """The model's output, or what `pick` takes of it, as float32 on the CPU.

    Args:
        output: what the model gave.
        pick: from that to a tensor; None where it is one.
        n_rows: rows that it must have.
        what: names it in messages.
        rows: names what it must have as many rows as.

    Raises:
        TableError: it is no tensor of floats, or of another number of rows.
    """
    found = pick(output) if pick is not None else output
    if not isinstance(found, torch().Tensor) or not found.is_floating_point():
        kind = f"a tensor of {found.dtype}" if isinstance(found, torch().Tensor) else f"a {type(found).__name__}"
        raise TableError(f"{what} is {kind}, not a tensor of floats; say in `pick` where it is: pick=lambda out: ...")
    if found.ndim == 0 or len(found) != n_rows:
        raise TableError(f"{what} has shape {tuple(found.shape)}, but there are {n_rows} {rows}")
    return found.detach().to("cpu", torch().float32)


def check_given(given: str) -> None:
    """Refuse what is neither `logits` nor `probs`.

    Raises:
        ValueError: names it.
    """
    if given not in ("logits", "probs"):
        raise ValueError(f'given must be "logits" or "probs"; got {given!r}')


def stack(values: Sequence[Tensor], what: str) -> npt.NDArray[np.float32]:
    """(B,M,...) values of M members.

    Raises:
        TableError: members differ in shape.
    """
    shapes = sorted({tuple(v.shape) for v in values})
    if len(shapes) > 1:
        raise TableError(f"{what}: members differ in shape, as {shapes[0]} and {shapes[1]}")
    stacked: npt.NDArray[np.float32] = torch().stack(list(values), dim=1).numpy()
    return stacked


def nested(values: npt.NDArray[np.float32], kind: pa.DataType) -> pa.Array:
    """An array as lists in lists, without a copy of its numbers.

    Args:
        values: (N,...) numbers, as many axes as `kind` has levels.
        kind: lists, of fixed size or not.

    >>> nested(np.ones((1, 2, 1), np.float32), pa.list_(pa.list_(pa.float32()))).to_pylist()
    [[[1.0], [1.0]]]
    """
    if values.ndim == 1:
        return pa.array(values, kind)
    n, size = values.shape[:2]
    items = nested(np.ascontiguousarray(values).reshape(n * size, *values.shape[2:]), kind.value_type)
    if pa.types.is_fixed_size_list(kind):
        return pa.FixedSizeListArray.from_arrays(items, type=kind)
    return pa.ListArray.from_arrays(pa.array(np.arange(n + 1) * size, pa.int32()), items, type=kind)
