"""DuckDB for one publication: the workspace's Parquet files as views, spilling to disk beyond a bound of memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from oddloop.derived_tables.star import TIME
from oddloop.lake.sql import named, quoted
from oddloop.lake.workspace import TableFiles
from oddloop.tables import Column, TableSpec

MEMORY = "512MB"
THREADS = 2
_TYPES = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    TIME: "TIMESTAMPTZ",
}
_POSTGRES_TYPES = {**_TYPES, pa.string(): "text", pa.float64(): "double precision"}


@contextlib.contextmanager
def open_engine(spill: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine in memory that spills to a folder."""
    engine = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "threads": THREADS})
    try:
        engine.execute(f"SET temp_directory = {quoted(spill)}")
        engine.execute("SET TimeZone = 'UTC'")
        engine.execute("SET python_enable_replacements = false")
        yield engine
    finally:
        engine.close()


def show(engine: duckdb.DuckDBPyConnection, name: str, table: TableFiles) -> None:
    """Make a table's files a view, columns that only some have null elsewhere."""
    paths = [table.storage.path(file) for file in table.files]
    if table.storage.is_local and not any(set("*?[") & set(path) for path in paths):
        files = ", ".join(map(quoted, paths))
        engine.execute(f'CREATE VIEW "{name}" AS SELECT * FROM read_parquet([{files}], union_by_name = true)')
    else:
        parts = [pads.dataset(path, filesystem=table.storage.fs, format="parquet") for path in paths]
        schema = pa.unify_schemas([part.schema for part in parts], promote_options="permissive")
        engine.register(name, pads.dataset(paths, schema=schema, filesystem=table.storage.fs, format="parquet"))


def columns_of(engine: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Columns of a view."""
    return [str(row[0]) for row in engine.execute(f'DESCRIBE SELECT * FROM "{name}"').fetchall()]


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of a column's type.

    >>> sql_type(pa.string())
    'VARCHAR'
    """
    return _TYPES[kind]


def declared(field: pa.Field) -> str:
    """A column with its type, as PostgreSQL and Hyper take it in `CREATE TABLE`.

    >>> declared(pa.field("hours", pa.float64()))
    '"hours" double precision'
    """
    return f"{named(field.name)} {_POSTGRES_TYPES[field.type]}"


def casts(spec: TableSpec) -> str:
    """The declared columns in their order, cast to their types, for `SELECT … FROM (…)`."""
    return ", ".join(f"{named(c.name)}::{sql_type(c.type)} AS {named(c.name)}" for c in spec.columns)


def described(column: Column) -> str:
    """What a column means, with its unit.

    >>> described(Column("duration_s", pa.float64(), "length of the scene", "s"))
    'length of the scene [s]'
    """
    return f"{column.meaning} [{column.unit}]" if column.unit else column.meaning
