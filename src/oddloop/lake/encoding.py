"""How tables are written: floats as streams of bytes, all else with a dictionary, zstd over both, in small row groups.

Parquet tries a dictionary on every column; scores hardly repeat, so it only takes time. Split into streams of their
first, second, ... bytes they take two thirds of the room and half the time to write, and a quarter of it to read.

Whoever looks one scene up decodes a whole row group of each table: of 8,192 rows that takes an eighth of the time of
65,536. The footer grows with row groups times columns, so those of wide tables are larger.
"""

from __future__ import annotations

import functools
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_FLOATS = ("FLOAT", "DOUBLE")
_LEAST_ROWS, _MOST_ROWS, _ROWS_PER_COLUMN = 8192, 65_536, 256


def row_group_rows(schema: pa.Schema) -> int:
    """Rows of a row group of a table with this schema.

    >>> row_group_rows(pa.schema([("scene_id", pa.string()), ("vector", pa.list_(pa.float32()))]))
    8192
    """
    return min(max(_LEAST_ROWS, _ROWS_PER_COLUMN * len(schema)), _MOST_ROWS)


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
