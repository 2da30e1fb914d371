"""The star schema as one DuckDB file that nobody writes to: readers of the last one keep it, new ones open this one."""

from __future__ import annotations

from pathlib import Path

import duckdb

from oddloop.derived_tables.star import STAR
from oddloop.lake.sql import named, quoted
from oddloop.publish.sql import MEMORY, THREADS, described


def write_duckdb(tables: Path, target: Path) -> None:
    """Write a database of all tables, each column with its meaning as comment.

    Args:
        tables: folder of `<table>.parquet`.
        target: the file; there must be none.
    """
    config = {"memory_limit": MEMORY, "threads": THREADS, "preserve_insertion_order": True}
    engine = duckdb.connect(str(target), config=config)
    try:
        engine.execute("SET TimeZone = 'UTC'")
        for spec in STAR:
            file = quoted(str(tables / f"{spec.name}.parquet"))
            engine.execute(f"CREATE TABLE {spec.name} AS SELECT * FROM read_parquet({file})")
            engine.execute(f"COMMENT ON TABLE {spec.name} IS {quoted(f'One row per {spec.one_row_per}.')}")
            for column in spec.columns:
                engine.execute(f"COMMENT ON COLUMN {spec.name}.{named(column.name)} IS {quoted(described(column))}")
        engine.execute("CHECKPOINT")
    finally:
        engine.close()
    target.chmod(0o444)
