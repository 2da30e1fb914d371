"""How derived tables are written: floats as streams of bytes, all else with a dictionary, zstd over both.

Parquet tries a dictionary on every column; scores hardly repeat, so it only takes time. Split into streams of their
first, second, ... bytes they take two thirds of the room and half the time to write, and a quarter of it to read.
"""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_FLOATS = ("FLOAT", "DOUBLE")


def parquet_settings(schema: pa.Schema) -> dict[str, Any]:
    """Settings for `pyarrow.parquet.ParquetWriter` of a table with this schema, nested columns included.

    >>> parquet_settings(pa.schema([("scene_id", pa.string()), ("vector", pa.list_(pa.float32()))]))["use_dictionary"]
    ['scene_id']
    """
    dictionary, split = _leaves(schema)
    return {"compression": "zstd", "use_dictionary": list(dictionary), "use_byte_stream_split": list(split)}


@functools.lru_cache(maxsize=64)
def _leaves(schema: pa.Schema) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns that get a dictionary, and those that are split; kept, since each of thousands of part files asks."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)  # Parquet's own names of nested columns, and of their types
    columns = pq.ParquetFile(sink.getvalue()).schema
    leaves = [columns.column(i) for i in range(len(columns))]
    dictionary = tuple(leaf.path for leaf in leaves if leaf.physical_type not in _FLOATS)
    return dictionary, tuple(leaf.path for leaf in leaves if leaf.physical_type in _FLOATS)
