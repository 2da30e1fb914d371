"""Checks of a file's columns by name and type, before a row is read."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oddloop.lake.checks.notes import Notes
from oddloop.tables import Column, TableSpec, is_compatible, is_list

_MAX_LISTED = 10


@dataclass(frozen=True)
class Wanted:
    """A column that the checks want to read.

    Attributes:
        name: column name.
        type: type to read it as; None leaves it as it is.
        misfit: what is wrong with a type that was found, or "".
        if_missing: code and words of the fault where the column is missing; None where it may be.
        if_misfit: code of the fault where the type does not fit.
        instead: columns of which any may be there in its place.
    """

    name: str
    type: pa.DataType | None
    misfit: Callable[[pa.DataType], str]
    if_missing: tuple[str, str] | None
    if_misfit: str = "wrong-type"
    instead: tuple[str, ...] = ()


def declared(column: Column) -> Wanted:
    """What the declaration of a column asks for."""
    missing = ("missing-column", f"column `{column.name}` is missing") if column.required else None
    return Wanted(column.name, lenient(column.type), lambda found: misfit(column, found), missing)


def one_of(spec: TableSpec) -> list[Wanted]:
    """The first of the columns of which one must be there; the others may be there in its place."""
    if not spec.one_of:
        return []
    first, *rest = spec.one_of
    words = f"none of the columns {', '.join(f'`{name}`' for name in spec.one_of)} is there"
    column = next(c for c in spec.columns if c.name == first)
    return [dataclasses.replace(declared(column), if_missing=("missing-column", words), instead=tuple(rest))]


def lenient(kind: pa.DataType) -> pa.DataType:
    """The type with all struct fields nullable: a null inside is for a check to find, not for the cast to fail on."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, lenient(f.type)) for f in kind])
    if pa.types.is_list(kind):
        return pa.list_(lenient(kind.value_type))
    return kind


def misfit(column: Column, found: pa.DataType) -> str:
    """Words for a type that cannot be read as declared, naming the field that is to blame; "" where it can."""
    if is_compatible(found, column.type):
        return ""
    path, inner, wanted = _innermost(column.name, found, column.type)
    if inner is None:
        return f"`{path}` is missing"
    return f"`{path}` is {in_words(inner)}, not {in_words(wanted)}"


def judge_schema(schema: pa.Schema, wanted: Sequence[Wanted], notes: Notes) -> dict[str, pa.DataType | None]:
    """Note columns that are missing, repeated or of the wrong type; the type to read by name of every other one."""
    usable: dict[str, pa.DataType | None] = {}
    for want in wanted:
        count = schema.names.count(want.name)
        if count == 0:
            if want.if_missing is not None and not set(want.instead) & set(schema.names):
                code, words = want.if_missing
                notes.add_file(code, want.name, f"{words} ({_hint(want.name, schema.names)})")
        elif count > 1:
            notes.add_file("repeated-column", want.name, f"there are {count} columns named `{want.name}`")
        elif words := want.misfit(schema.field(want.name).type):
            notes.add_file(want.if_misfit, want.name, words)
        else:
            usable.setdefault(want.name, want.type)
    return usable


def judge_mix(files: Sequence[tuple[str, pa.Schema, Notes]], ignored: Collection[str]) -> None:
    """Note columns whose type in one file (place, schema, notes) cannot be joined with their type in an earlier one."""
    first: dict[str, tuple[pa.DataType, str]] = {}
    for place, schema, notes in files:
        for name in (n for n in schema.names if n not in ignored and schema.names.count(n) == 1):
            kind = _decoded(schema.field(name).type)
            known, origin = first.setdefault(name, (kind, place))
            if pa.types.is_null(known):
                first[name] = (kind, place)
            elif not _can_join(known, kind):
                words = f"column `{name}` is {in_words(kind)} here, but {in_words(known)} in {origin}"
                notes.add_file("mixed-types", name, words)


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _can_join(one: pa.DataType, other: pa.DataType) -> bool:
    try:
        pa.unify_schemas([pa.schema([("c", kind)]) for kind in (one, other)], promote_options="permissive")
    except pa.ArrowException:
        return False
    return True


def _hint(name: str, present: Sequence[str]) -> str:
    by_lower = {other.lower(): other for other in present}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"there is `{by_lower[close[0]]}`"
    more = ", …" if len(present) > _MAX_LISTED else ""
    return f"there are: {', '.join(present[:_MAX_LISTED])}{more}" if present else "there are no columns"


def _innermost(path: str, found: pa.DataType, wanted: pa.DataType) -> tuple[str, pa.DataType | None, pa.DataType]:
    """Path, found type (None: missing) and wanted type of the first part that does not fit."""
    if pa.types.is_struct(found) and pa.types.is_struct(wanted):
        for field in wanted:
            index = found.get_field_index(field.name)
            if index < 0 and not field.nullable:
                return f"{path}.{field.name}", None, field.type
            if index >= 0 and not is_compatible(found.field(index).type, field.type):
                return _innermost(f"{path}.{field.name}", found.field(index).type, field.type)
    if is_list(found) and is_list(wanted) and not is_compatible(found.value_type, wanted.value_type):
        return _innermost(f"{path}[]", found.value_type, wanted.value_type)
    return path, found, wanted


def in_words(kind: Any) -> str:
    """An Arrow type in words a person reads: what is inside a struct is left out."""
    if pa.types.is_struct(kind):
        return "a struct"
    if pa.types.is_fixed_size_list(kind):
        return f"lists of {kind.list_size} {in_words(kind.value_type)}"
    return f"lists of {in_words(kind.value_type)}" if is_list(kind) else str(kind)
