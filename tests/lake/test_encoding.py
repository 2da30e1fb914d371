"""How derived tables are written: which columns get a dictionary, and which are split into streams of bytes."""

from __future__ import annotations

import pyarrow as pa

from oddloop.lake.encoding import parquet_settings

SCHEMA = pa.schema([("scene_id", pa.string()), ("n", pa.int64()), ("vector", pa.list_(pa.float32()))])


def test_floats_are_split_and_all_else_gets_a_dictionary() -> None:
    found = parquet_settings(SCHEMA)
    assert found["use_dictionary"] == ["scene_id", "n"]
    assert found["use_byte_stream_split"] == ["vector.list.element"]


def test_settings_of_a_schema_stay_what_they_were_when_a_caller_changes_them() -> None:
    parquet_settings(SCHEMA)["use_dictionary"].clear()
    assert parquet_settings(SCHEMA)["use_dictionary"] == ["scene_id", "n"]


def test_schemas_of_the_same_names_and_other_types_have_settings_of_their_own() -> None:
    assert parquet_settings(pa.schema([("n", pa.int64())]))["use_dictionary"] == ["n"]
    assert parquet_settings(pa.schema([("n", pa.float32())]))["use_dictionary"] == []
