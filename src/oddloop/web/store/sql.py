"""DuckDB over Parquet files of the workspace, for tables that are too large to hold in memory."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from oddloop.lake.storage import Storage

MEMORY = "256MB"
THREADS = 2


@dataclass(frozen=True)
class TablePlace:
    """Parquet files of a folder: one of a name, or, with "", all."""

    storage: Storage
    file: str = ""


class Sql:
    """One engine for all requests; each gets a cursor of its own, which sees only the tables that it was given.

    The engine itself can open no file and no address, whatever a query says: tables come to it through Arrow. It is
    started by the first query.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @functools.cached_property
    def _engine(self) -> duckdb.DuckDBPyConnection:
        settings = {"memory_limit": MEMORY, "threads": THREADS, "enable_external_access": False}
        made = duckdb.connect(":memory:", config=settings)
        made.execute("SET python_enable_replacements = false")
        made.execute("SET lock_configuration = true")
        return made

    def query(self, sql: str, parameters: Sequence[Any], tables: Mapping[str, TablePlace]) -> pa.Table:
        """Answer of a query as a table."""
        with self._lock:  # a cursor is made from what all share
            cursor = self._engine.cursor()
        with cursor:
            for name, place in tables.items():
                cursor.register(name, _dataset(place))
            return cursor.sql(sql, params=list(parameters)).to_arrow_table()

    def close(self) -> None:
        """Release the engine."""
        if "_engine" in self.__dict__:
            self._engine.close()


def _dataset(place: TablePlace) -> pads.Dataset:
    storage = place.storage
    files = [storage.path(place.file)] if place.file else [info.path for info in storage.list_files(suffix=".parquet")]
    return pads.dataset(files, filesystem=storage.fs, format="parquet")
