"""Tableau's extracts, read back with Tableau's own library: the same rows, and keys that make one fact's model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.derived_tables.star import FACTS
from oddloop.errors import MissingExtraError
from oddloop.publish.tableau import related, statements, write_extracts
from oddloop.tables import TableSpec


def test_each_file_has_one_fact_and_keys_to_its_dimensions(published: Path) -> None:
    for fact in FACTS:
        said = list(statements(fact, published / "publish/parquet"))
        assert sum('CREATE TABLE "public"."fact_' in statement for statement in said) == 1
        keys = [statement for statement in said if "ADD ASSUMED PRIMARY KEY" in statement]
        assert len(keys) == len(related(fact))
        foreign = [statement for statement in said if "FOREIGN KEY" in statement]
        assert len(foreign) == sum(len(spec.references) for spec in [fact, *related(fact)])


def test_without_the_library_the_cure_is_told(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tableauhyperapi", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'oddloop\[tableau\]'"):
        write_extracts(published / "publish/parquet", tmp_path / "tableau")
    assert not (tmp_path / "tableau").exists()


@pytest.fixture(scope="module")
def hyper() -> Iterator[Any]:
    api = pytest.importorskip(
        "tableauhyperapi", reason="tableauhyperapi is not installed; it comes with oddloop[tableau]"
    )
    quiet = {"telemetry": api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, "parameters": {"log_config": ""}}
    with api.HyperProcess(**quiet) as process:
        yield lambda path: api.Connection(process.endpoint, str(path))


@pytest.mark.system
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_the_rows_are_those_of_the_parquet_files(hyper: Any, published: Path, tmp_path: Path, fact: TableSpec) -> None:
    tables = published / "publish/parquet"
    write_extracts(tables, tmp_path / "tableau")
    assert sorted(path.name for path in (tmp_path / "tableau").iterdir()) == sorted(f"{f.name}.hyper" for f in FACTS)
    with hyper(tmp_path / f"tableau/{fact.name}.hyper") as connection:
        for spec in [*related(fact), fact]:
            table = pq.read_table(tables / f"{spec.name}.parquet")
            times = [f.name for f in table.schema if pa.types.is_timestamp(f.type)]
            plain = table.drop_columns(times)
            names = ", ".join(f'"{name}"' for name in plain.column_names)
            found = connection.execute_list_query(f'SELECT {names} FROM "public"."{spec.name}"')
            there = [tuple(row.values()) for row in plain.to_pylist()]
            assert sorted(map(_key, found)) == sorted(map(_key, there))
            for name in times:
                asked = f'SELECT count("{name}"), min("{name}" AT TIME ZONE \'UTC\')::text FROM "public"."{spec.name}"'
                ((n, first),) = connection.execute_list_query(asked)
                known = [value for value in table[name].to_pylist() if value is not None]
                assert n == len(known)
                assert not known or first.startswith(min(known).strftime("%Y-%m-%d %H:%M:%S"))


def _key(row: Any) -> str:
    return repr([None if isinstance(value, float) and math.isnan(value) else value for value in row])
