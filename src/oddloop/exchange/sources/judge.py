"""Whether a part's tables may go into the lake: what `oddloop check` would refuse is refused before it gets there.

Time grows with the rows of the part.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import Fault
from oddloop.exchange.sources.base import Part, Tables, keys_twice
from oddloop.lake.replace import spec_of
from oddloop.tables import TableSpec, is_compatible, is_list


def find_part_faults(part: Part, tables: Tables) -> list[Fault]:
    """All faults of a part's tables: missing columns, nulls, numbers that are not finite, keys twice, scenes not there.

    >>> bad = pa.table({"scene_id": ["a", "a"], "log_id": ["l", "l"], "start_ns": [0, 1], "duration_s": [1.0, 0.0]})
    >>> [fault.code for fault in find_part_faults(Part("l", ()), {"scenes": bad})]
    ['duplicate-key']
    """
    if tables and "scenes" not in tables:
        message = f"its tables are {', '.join(tables)}; `scenes` must be one of them"
        return [Fault("source", part.name, -1, "no-scenes", message)]
    if not tables or not tables["scenes"].num_rows:
        return [Fault("source", part.name, -1, "no-scenes", "nothing in it makes a scene; leave it out")]
    found = [fault for name, table in tables.items() for fault in _judge(f"{part.name}: {name}", table, spec_of(name))]
    if found:
        return found
    scenes = tables["scenes"]
    return [*_without_duration(part, scenes), *_strangers(part, tables, scenes["scene_id"].combine_chunks())]


def _judge(place: str, table: pa.Table, spec: TableSpec | None) -> list[Fault]:
    faults = [Fault("source", place, -1, code, message) for code, message in _misfits(table, spec)] if spec else []
    if faults:
        return faults
    faults = [
        Fault("source", place, -1, "not-finite", f"`{name}` holds a number that is not finite")
        for name in table.column_names
        if not all(pc.all(pc.is_finite(v)).as_py() in (True, None) for v in _floats(table[name]))
    ]
    if spec is None:
        return faults
    for column in spec.required():
        if not column.nullable and table[column.name].null_count:
            faults.append(_at(place, "null-value", f"`{column.name}` is null", pc.is_null(table[column.name])))
    key = tuple(name for name in spec.key if name in table.column_names)
    for twice in keys_twice(table, key).slice(0, 1).to_pylist() if key else []:
        first = ", ".join(f"{name} {value!r}" for name, value in twice.items())
        faults.append(Fault("source", place, -1, "duplicate-key", f"{first} is there twice"))
    return faults


def _at(place: str, code: str, message: str, mask: pa.ChunkedArray) -> Fault:
    return Fault("source", place, pc.index(mask, True).as_py(), code, message, pc.sum(mask).as_py())


def _strangers(part: Part, tables: Tables, scene_id: pa.Array) -> Iterator[Fault]:
    for name, table in tables.items():
        if name != "scenes" and "scene_id" in table.column_names:
            strange = pc.invert(pc.is_in(table["scene_id"], value_set=scene_id))
            if pc.any(strange).as_py():
                message = "its scene is not among the part's scenes"
                yield _at(f"{part.name}: {name}", "no-such-scene", message, strange)


def _without_duration(part: Part, scenes: pa.Table) -> Iterator[Fault]:
    short = pc.invert(pc.greater(scenes["duration_s"], 0.0))
    if pc.any(short).as_py():
        yield _at(f"{part.name}: scenes", "no-duration", "`duration_s` is not above 0", short)


def _misfits(table: pa.Table, spec: TableSpec) -> Iterator[tuple[str, str]]:
    for column in spec.columns:
        if column.name not in table.column_names:
            if column.required:
                yield "missing-column", f"column `{column.name}` ({column.meaning}) is missing"
        elif not is_compatible(table.schema.field(column.name).type, column.type):
            kind = table.schema.field(column.name).type
            yield "wrong-type", f"column `{column.name}` is {kind}, not {column.type}"


def _floats(values: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    """Columns of floats within a column, however deep."""
    if is_list(values.type):
        yield from _floats(pc.list_flatten(values))
    elif pa.types.is_struct(values.type):
        for field in values.type:
            yield from _floats(pc.struct_field(values, field.name))
    elif pa.types.is_floating(values.type):
        yield values
