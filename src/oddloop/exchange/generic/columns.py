"""The columns of the user's files under our names: the column map, and what does not fit the declaration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from oddloop.config import ColumnSource
from oddloop.errors import Fault
from oddloop.exchange.generic.layout import Source
from oddloop.exchange.generic.stream import FileError
from oddloop.lake.checks.schema import misfit
from oddloop.tables import INPUTS, Column, TableSpec, is_compatible

ColumnMap = Mapping[str, str]
"""Our column name -> the name in the user's files."""
How: TypeAlias = str | ColumnSource
"""The name of a column in the user's files, or how one is made of them."""
_MAX_LISTED = 10


def column_map(columns: Mapping[str, Mapping[str, How]], source: Source) -> dict[str, How]:
    """Map of one table: that of its kind (`predictions/detection`), overridden by its own (`.../v1`)."""
    return {**columns.get(source.spec.name, {}), **columns.get(source.table, {})}


def map_faults(sections: Mapping[str, object], sources: Iterable[Source]) -> list[Fault]:
    """Sections `[columns.<table>]` and `[rows.<table>]` that name no table."""
    known = sorted({spec.name for spec in INPUTS} | {source.table for source in sources})
    strange = [name for name in sections if name not in known]
    message = "[columns.{}] names no table{}"
    return [
        Fault("layout", "oddloop.toml", -1, "unknown-table", message.format(toml_key(name), _meant(name, known)))
        for name in strange
    ]


@dataclass(frozen=True)
class Reader:
    """How to read one file: where each of our columns comes from, and in which type it is written.

    Attributes:
        names: our name by the file's own, for every column of the file.
        schema: our columns with their types in this file; declared plain columns in their declared type.
    """

    names: Mapping[str, str]
    schema: pa.Schema

    def conform(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
        """The same rows with exactly the columns and types of `schema`; columns that the file lacks are null.

        Raises:
            FileError: a value does not fit into its column's type.
        """
        found = pa.Table.from_batches([batch]).rename_columns([self.names[name] for name in batch.schema.names])
        return pa.table([_column(found, field) for field in schema], schema=schema)


def plan_file(schema: pa.Schema, source: Source, mapping: ColumnMap, file: str) -> tuple[Reader, list[Fault]]:
    """Decide how to read a file of this schema, and note all that does not fit: columns missing, mistyped or twice."""
    names = {theirs: ours for ours, theirs in mapping.items() if theirs in schema.names}
    names = {name: names.get(name, name) for name in schema.names}
    faults = [
        Fault(source.table, file, -1, code, text) for code, text in _column_faults(schema, source, mapping, names)
    ]
    fields = [pa.field(names[f.name], _written_type(f.type, source.spec.column(names[f.name]))) for f in schema]
    return Reader(names, pa.schema(fields)), faults


def merge_schemas(readers: Iterable[tuple[str, Reader]], source: Source) -> tuple[pa.Schema, list[Fault]]:
    """One schema for all files of a table: columns of any file, each in a type that holds all files' values."""
    merged, faults = pa.schema([]), []
    for file, reader in readers:
        try:
            merged = pa.unify_schemas([merged, reader.schema], promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
            text = f"columns differ from those of the files before it: {str(error).removeprefix('Unable to merge: ')}"
            faults.append(Fault(source.table, file, -1, "files-differ", text))
    return merged, faults


def toml_key(name: str) -> str:
    """A name as a TOML key, in quotes where it needs them."""
    return name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"'


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    try:
        return table[field.name].cast(field.type)
    except pa.ArrowException as error:
        raise FileError(f"column `{field.name}`: {str(error).splitlines()[0]}") from error


def _column_faults(
    schema: pa.Schema, source: Source, mapping: ColumnMap, names: Mapping[str, str]
) -> list[tuple[str, str]]:
    ours, section = list(names.values()), f"[columns.{toml_key(source.spec.name)}]"
    twice = sorted({n for n in schema.names if schema.names.count(n) > 1})
    found = [("repeated-column", f"column `{n}` is there twice; give each column a name of its own") for n in twice]
    for name, theirs in mapping.items():
        if ours.count(name) > 1 and theirs in schema.names:
            text = f"{section} takes `{name}` from `{theirs}`, but the file has a `{name}` too; drop one of them"
            found.append(("repeated-column", text))
        elif name not in ours:
            text = f"{section} takes `{name}` from `{theirs}`, which the file lacks{_meant(theirs, schema.names)}"
            found.append(("missing-column", text))
    missing = [c for c in source.spec.required() if c.name not in ours and c.name not in mapping]
    found += [("missing-column", text) for text in _missing(missing, schema.names, source.spec, section)]
    if lacking := source.spec.lacks_all_of([*ours, *mapping]):
        found.append(("missing-column", _none_of(lacking, schema.names, source.spec, section)))
    declared = [(field, source.spec.column(names[field.name])) for field in schema]
    found += [
        ("wrong-type", f"column {misfit(column, field.type)}{_type_hint(field.type, column.type)}")
        for field, column in declared
        if column is not None and not _fits(field.type, column)
    ]
    return found


def _missing(columns: Sequence[Column], names: list[str], spec: TableSpec, section: str) -> list[str]:
    """Words for columns that are missing: one by one where one of the file seems meant, the others together."""
    free = [name for name in names if spec.column(name) is None]
    close = {c.name: difflib.get_close_matches(c.name, free, n=1, cutoff=0.6) for c in columns}
    said = [
        f"column {_told(column)} is missing; if `{meant[0]}` is meant, "
        f'add {section} {column.name} = "{meant[0]}" to oddloop.toml'
        for column in columns
        if (meant := close[column.name])
    ]
    others = [_told(column) for column in columns if not close[column.name]]
    listed = ", ".join(names[:_MAX_LISTED]) + (", …" if len(names) > _MAX_LISTED else "")
    if others:
        one = len(others) == 1
        noun, are, them, each = ("column", "is", "it", "it is") if one else ("columns", "are", "them", "each is")
        said.append(
            f"{noun} {', '.join(others)} {are} missing; add {them}, or say in {section} of oddloop.toml how "
            f"{each} made, or which of these it is: {listed}"
        )
    return said


def _told(column: Column) -> str:
    return f"`{column.name}` ({column.meaning})"


def _none_of(lacking: Sequence[str], names: list[str], spec: TableSpec, section: str) -> str:
    """Words for columns of which one is needed: those for the one that seems meant, where one does."""
    free = [name for name in names if spec.column(name) is None]
    meant = [c for c in spec.columns if c.name in lacking and difflib.get_close_matches(c.name, free, n=1, cutoff=0.5)]
    if meant:
        return _missing(meant[:1], names, spec, section)[0]
    wanted, listed = ", ".join(f"`{name}`" for name in lacking), ", ".join(names[:_MAX_LISTED])
    return f"none of the columns {wanted} is there; add one, or name one in {section} of oddloop.toml: {listed}"


def _fits(found: pa.DataType, column: Column) -> bool:
    # A file in which an optional or nullable column is null throughout has no type for it.
    return is_compatible(found, column.type) or (pa.types.is_null(found) and (column.nullable or not column.required))


def _written_type(found: pa.DataType, column: Column | None) -> pa.DataType:
    if pa.types.is_dictionary(found):
        found = found.value_type
    # Nested columns keep the file's type: it may have more struct fields than are declared.
    return found if column is None or pa.types.is_nested(column.type) else column.type


def _type_hint(found: pa.DataType, wanted: pa.DataType) -> str:
    if pa.types.is_timestamp(found):
        return "; write ns since the Unix epoch as int64"
    if pa.types.is_nested(wanted) and not pa.types.is_nested(found):
        return "; convert it (nested columns need Parquet)"
    return "; convert it"


def _meant(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(known[:_MAX_LISTED])}"
