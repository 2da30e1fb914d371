"""Tableau extracts: a `.hyper` file per fact, with the dimensions that it refers to and keys that Tableau may assume.

Tableau Server makes the model of a file from its assumed keys and takes one fact per file. Hyper reads the Parquet
files itself, so nothing passes through Python; time and memory are Hyper's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from oddloop.derived_tables.star import DIMENSIONS, FACTS
from oddloop.errors import MissingExtraError
from oddloop.lake.sql import named, quoted
from oddloop.publish.sql import declared
from oddloop.tables import TableSpec

_BY_NAME = {spec.name: spec for spec in (*DIMENSIONS, *FACTS)}


def write_extracts(tables: Path, out: Path) -> None:
    """Write `<fact>.hyper` of each fact to a new folder.

    Args:
        tables: folder of `<table>.parquet`.
        out: the folder; there must be none.

    Raises:
        MissingExtraError: tableauhyperapi is not installed.
    """
    hyper = _import_hyper()
    out.mkdir()
    # Neither tell Tableau of it, nor leave a log beside whatever the working directory is.
    quiet = {"telemetry": hyper.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, "parameters": {"log_config": ""}}
    with hyper.HyperProcess(**quiet) as process:
        for fact in FACTS:
            place, mode = str(out / f"{fact.name}.hyper"), hyper.CreateMode.CREATE
            with hyper.Connection(process.endpoint, place, mode) as connection:
                for statement in statements(fact, tables):
                    connection.execute_command(statement)


def _import_hyper() -> Any:
    try:
        import tableauhyperapi
    except ImportError as error:
        raise MissingExtraError(
            "[publish] formats: `tableau` needs tableauhyperapi, which is not installed; "
            "`pip install 'oddloop[tableau]'`"
        ) from error
    return tableauhyperapi


def statements(fact: TableSpec, tables: Path) -> Iterator[str]:
    """SQL that makes the file of a fact: its dimensions first, then itself, each filled, then what refers to what."""
    mine = [*related(fact), fact]
    for spec in mine:
        file = tables / f"{spec.name}.parquet"
        fields = list(pq.read_schema(file))
        needed = {column.name for column in spec.columns if not column.nullable}
        columns = [f"{declared(field)}{' NOT NULL' if field.name in needed else ''}" for field in fields]
        yield f"CREATE TABLE {_place(spec)} ({', '.join(columns)})"
        names = ", ".join(named(field.name) for field in fields)
        yield f"INSERT INTO {_place(spec)} SELECT {names} FROM external({quoted(str(file))}, FORMAT => 'parquet')"
    for spec in mine[:-1]:
        yield f"ALTER TABLE {_place(spec)} ADD ASSUMED PRIMARY KEY ({', '.join(map(named, spec.key))})"
    for spec in mine:
        for column, other in spec.references:
            target = f"{_place(_BY_NAME[other])} ({named(column)})"
            yield f"ALTER TABLE {_place(spec)} ADD ASSUMED FOREIGN KEY ({named(column)}) REFERENCES {target}"


def related(fact: TableSpec) -> Sequence[TableSpec]:
    """Dimensions that a fact refers to, and those that these refer to, those referred to first.

    >>> [spec.name for spec in related(_BY_NAME["fact_scene_score"])]
    ['dim_model', 'dim_cluster', 'dim_scene']
    """
    wanted, todo = set[str](), [fact]
    while todo:
        others = {other for _, other in todo.pop().references} - wanted
        wanted |= others
        todo += [_BY_NAME[name] for name in others]
    return [spec for spec in DIMENSIONS if spec.name in wanted]


def _place(spec: TableSpec) -> str:
    return f'"public".{named(spec.name)}'
