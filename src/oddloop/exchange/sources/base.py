"""What a source is: something that lists its parts, and reads one of them into tables.

A part is what is read in one go and written whole or not at all: a log, or some hundred images. It fits in memory; the
whole source need not. A part holds its scenes with everything that is about them, so that any part can be left out.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import Fault, SourceError

Tables = Mapping[str, pa.Table]
"""Lake tables by name, such as `scenes` or `predictions/detection/model_7`."""


@dataclass(frozen=True)
class Part:
    """What is read in one go.

    Attributes:
        name: tells it from the source's other parts; people see it in messages.
        files: what it is read from; when one of them changes, the part is read again.
        left_out: rows of the source that belong to no part and are not taken, said with the first that has them.
    """

    name: str
    files: tuple[Path, ...]
    left_out: tuple[Fault, ...] = ()


class Source(Protocol):
    """Somebody's data. `Source(folder, scene_s)` is made once per ingest; nothing of the folder is changed."""

    def parts(self) -> Iterable[Part]:
        """All parts, in an order that stays.

        Raises:
            SourceError: the folder is not laid out as the format says.
        """
        ...

    def read(self, part: Part) -> Tables:
        """Tables of one part; `scenes` must be among them, and refer to nothing outside.

        Raises:
            PartError: the files do not hold what the format says.
        """
        ...


SourceMaker = Callable[[Path, float], Source]
"""A source's class, or a function: (folder, length of a scene in seconds) -> source."""


class PartError(SourceError):
    """A part that cannot be read, with everything that is wrong with it.

    Attributes:
        faults: what is wrong.
        rest: tables of what is right in a part of many logs; taken where faulty things are to be left out.
    """

    def __init__(self, faults: Sequence[Fault], rest: Tables | None = None) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults, self.rest = tuple(faults), rest

    @classmethod
    def of(cls, file: Path | str, code: str, message: str, n_rows: int = 1) -> PartError:
        """One fault of one file.

        >>> print(PartError.of("a.feather", "truncated", "it ends early; copy it again"))
        a.feather: it ends early; copy it again [truncated]
        """
        return cls([Fault("source", str(file), -1, code, message, n_rows)])


@contextlib.contextmanager
def reading(file: Path | str) -> Iterator[None]:
    """Turn what a reader says of a damaged file into a fault that names it.

    >>> with reading("notes.txt"):
    ...     int("12a")
    Traceback (most recent call last):
        ...
    oddloop.exchange.sources.base.PartError: notes.txt: cannot be read: ... [unreadable]
    """
    try:
        yield
    except PartError:
        raise
    except FileNotFoundError as error:
        raise PartError.of(file, "missing-file", "the file is not there; copy it again from its source") from error
    except (pa.ArrowException, OSError, ValueError, EOFError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise PartError.of(
            file, "unreadable", f"cannot be read: {reason}; it is damaged or of another format, copy it again"
        ) from error


def read_json(file: Path) -> object:
    """Content of a small JSON file.

    Raises:
        PartError: it is missing or damaged.
    """
    with reading(file):
        return json.loads(file.read_bytes())


def result_files(folder: Path, *patterns: str) -> dict[str, list[Path]]:
    """Files of each model, which has a folder of its own.

    Args:
        folder: holds the models' folders; empty where it is not there.
        patterns: what their files are called.

    Raises:
        SourceError: a model's folder holds none of them: taken as it is, the model would just be missing.

    >>> result_files(Path("not_there"), "*.json")
    {}
    """
    models = sorted(p for p in folder.glob("*") if p.is_dir())
    found = {model: sorted(file for pattern in patterns for file in model.glob(pattern)) for model in models}
    if empty := [model for model, files in found.items() if not files]:
        kinds = " or ".join(dict.fromkeys(Path(pattern).suffix for pattern in patterns))
        raise SourceError(f"{empty[0]}: no {kinds} file in it; copy them again, or remove the folder")
    return {model.name: files for model, files in found.items()}


def pick_columns(table: pa.Table, wanted: pa.Schema, file: Path | str) -> pa.Table:
    """The wanted columns in the wanted types: nothing missing, null, NaN or infinite.

    Args:
        table: as the file has it; other columns are left out.
        wanted: names and types; a nullable field is filled with null where the file lacks it, and may hold null.

    Raises:
        PartError: names every column that does not fit, with its first bad row.

    >>> wanted = pa.schema([pa.field("x", pa.float64(), nullable=False)])
    >>> pick_columns(pa.table({"x": [1, 2], "y": ["a", "b"]}), wanted, "f")["x"].to_pylist()
    [1.0, 2.0]
    """
    faults: list[Fault] = []
    columns = [_pick(table, field, str(file), faults) for field in wanted]
    if faults:
        raise PartError(faults)
    return pa.table(columns, schema=wanted)


def keys_twice(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Values of the keys that several rows agree in, in the order of the first of them.

    >>> keys_twice(pa.table({"a": [3, 1, 3], "b": [0, 0, 1]}), ["a"]).to_pylist()
    [{'a': 3}]
    """
    counted = table.select(list(keys)).group_by(list(keys), use_threads=False).aggregate([([], "count_all")])
    return counted.filter(pc.greater(counted["count_all"], 1)).select(list(keys))


def refuse_twice(table: pa.Table, keys: Sequence[str], file: Path | str, code: str, say: Callable[..., str]) -> None:
    """Refuse rows that agree in all keys.

    Args:
        table: rows that should differ.
        keys: columns.
        file: where they are from.
        code: slug of the fault.
        say: makes the message of the keys' values, given in order.

    Raises:
        PartError: names the first such key, and counts them.

    >>> refuse_twice(pa.table({"a": [1, 1]}), ["a"], "f", "twice", "a = {} is there twice".format)
    Traceback (most recent call last):
        ...
    oddloop.exchange.sources.base.PartError: f: a = 1 is there twice [twice]
    """
    twice = keys_twice(table, keys)
    if twice.num_rows:
        raise PartError.of(file, code, say(*(twice[key][0].as_py() for key in keys)), twice.num_rows)


def _pick(table: pa.Table, field: pa.Field, file: str, faults: list[Fault]) -> pa.ChunkedArray | pa.Array:
    def fault(code: str, message: str, rows: npt.NDArray[np.int64] | None = None) -> None:
        first, n = (int(rows[0]), len(rows)) if rows is not None else (-1, 1)
        faults.append(Fault("source", file, first, code, message, n))

    if field.name not in table.column_names:
        if not field.nullable:
            there = ", ".join(table.column_names)
            fault("missing-column", f"column `{field.name}` is missing, so it is of another version; it has: {there}")
        return pa.nulls(table.num_rows, field.type)
    values = table[field.name]
    try:
        values = values.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        fault("wrong-type", f"column `{field.name}` is {values.type}, not {field.type}: {str(error).splitlines()[0]}")
        return pa.nulls(table.num_rows, field.type)
    if not field.nullable and values.null_count:
        fault("null-value", f"`{field.name}` is null", _where(pc.is_null(values)))
    if pa.types.is_floating(field.type) and len(rows := _where(pc.invert(pc.fill_null(pc.is_finite(values), True)))):
        fault("not-finite", f"`{field.name}` is not a finite number", rows)
    return values


def _where(mask: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    return np.flatnonzero(mask.to_numpy(zero_copy_only=False) if isinstance(mask, pa.Array) else mask.to_numpy())
