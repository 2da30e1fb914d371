"""The star schema in PostgreSQL: all tables in one transaction, so that a reader sees the last publication or this one.

Each table is copied into a temporary one; rows that are new or differ are written, rows that are there no more are
removed, and all others stay untouched. A publication that is killed leaves the database as it was. Memory is one batch;
time grows with the rows.
"""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import sqlalchemy as sa

from oddloop.config import PublishConfig
from oddloop.derived_tables.star import STAR
from oddloop.errors import MissingExtraError, PublishError
from oddloop.lake.sql import named, quoted
from oddloop.publish.sql import declared, described
from oddloop.tables import TableSpec

BATCH_ROWS = 65_536
_LOCK = 0x0DD100B
"""Names the advisory lock by which publications into one database take turns."""


def write_postgres(tables: Path, config: PublishConfig) -> None:
    """Bring the database to what the Parquet files say.

    Args:
        tables: folder of `<table>.parquet`.
        config: where the database is, and the schema.

    Raises:
        MissingExtraError: pg8000 is not installed.
        PublishError: the database cannot be reached, or refuses; it is as it was.
    """
    url = _url_of(config)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            if not sa.inspect(connection).has_schema(config.schema):
                connection.exec_driver_sql(f"CREATE SCHEMA {named(config.schema)}")
            for spec in STAR:
                _bring(connection, spec, tables / f"{spec.name}.parquet", config.schema)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise PublishError(
            f"{url.set(query={}).render_as_string(hide_password=True)}: not published, and left as it was: {reason}; "
            "correct `postgres` in [publish], or what the database says, and publish again"
        ) from error
    finally:
        engine.dispose()


def _url_of(config: PublishConfig) -> sa.URL:
    if importlib.util.find_spec("pg8000") is None:
        raise MissingExtraError(
            "[publish] postgres: the driver pg8000 is not installed; `pip install 'oddloop[postgres]'`"
        )
    url = sa.make_url(config.postgres).set(drivername="postgresql+pg8000")
    return url.set(password=os.environ.get(config.postgres_password_env)) if config.postgres_password_env else url


def _bring(connection: sa.Connection, spec: TableSpec, file: Path, schema: str) -> None:
    """Make one table equal to a file."""
    with pq.ParquetFile(file) as parquet:
        fields = list(parquet.schema_arrow)
        _make_table(connection, spec, fields, schema)
        columns = ", ".join(map(declared, fields))
        connection.exec_driver_sql(f"CREATE TEMP TABLE incoming ({columns}) ON COMMIT DROP")
        for batch in parquet.iter_batches(BATCH_ROWS):
            _copy(connection, batch)
    connection.exec_driver_sql("ANALYZE incoming")
    for statement in _merge(f"{named(schema)}.{named(spec.name)}", spec.key, [field.name for field in fields]):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("DROP TABLE incoming")


def _make_table(connection: sa.Connection, spec: TableSpec, fields: list[pa.Field], schema: str) -> None:
    """Make the table where it is not there, and columns that it lacks; those that are not published any more stay."""
    table = f"{named(schema)}.{named(spec.name)}"
    columns = ", ".join(map(declared, fields))
    keys = ", ".join(map(named, spec.key))
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({keys}))")
    there = sa.inspect(connection).get_columns(spec.name, schema=schema)
    lacking = [field for field in fields if field.name not in {column["name"] for column in there}]
    for field in lacking:
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {declared(field)}")
    for column in spec.columns:
        said = quoted(described(column))
        connection.exec_driver_sql(f"COMMENT ON COLUMN {table}.{named(column.name)} IS {said}")


def _merge(table: str, key: tuple[str, ...], columns: list[str]) -> Iterator[str]:
    """Statements that make a table equal to `incoming`, writing only rows that differ."""
    keys, names = ", ".join(map(named, key)), ", ".join(map(named, columns))
    others = [named(name) for name in columns if name not in key]
    same = " AND ".join(f"t.{named(name)} = i.{named(name)}" for name in key)
    yield f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT 1 FROM incoming i WHERE {same})"
    sets = ", ".join(f"{name} = EXCLUDED.{name}" for name in others)
    new, old = (", ".join(f"{place}.{name}" for name in others) for place in ("EXCLUDED", "t"))
    yield (
        f"INSERT INTO {table} AS t ({names}) SELECT {names} FROM incoming "
        f"ON CONFLICT ({keys}) DO UPDATE SET {sets} WHERE ({old}) IS DISTINCT FROM ({new})"
    )


def _copy(connection: sa.Connection, batch: pa.RecordBatch) -> None:
    """Stream a batch to the server as CSV, where an empty field is null and `""` an empty text."""
    text = io.BytesIO()
    pacsv.write_csv(_as_text(batch), text, pacsv.WriteOptions(include_header=False, quoting_style="needed"))
    text.seek(0)
    raw: Any = connection.connection.dbapi_connection
    raw.cursor().execute("COPY incoming FROM STDIN WITH (FORMAT csv)", stream=text)


def _as_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Numbers that are not finite as null: they mean nothing in a dashboard."""
    columns = [
        pc.if_else(pc.is_finite(column), column, None) if pa.types.is_floating(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
