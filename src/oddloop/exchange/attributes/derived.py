"""How a column says that it was worked out and not observed: its rule stands in the metadata of its field.

Parquet keeps the metadata, so whoever opens `scenes` elsewhere finds it, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

RULE_KEY = b"oddloop.derived"


def mark_derived(table: pa.Table, rules: Mapping[str, str]) -> pa.Table:
    """The table with rules written to the fields of its derived columns; columns that it lacks are passed over.

    >>> marked = mark_derived(pa.table({"ego_speed_kph": [3.6]}), {"ego_speed_kph": "mean of the ego poses"})
    >>> derived_rules(marked.schema)
    {'ego_speed_kph': 'mean of the ego poses'}
    """
    fields = [
        field.with_metadata({**(field.metadata or {}), RULE_KEY: rules[field.name].encode()})
        if field.name in rules
        else field
        for field in table.schema
    ]
    return pa.table(table.columns, schema=pa.schema(fields, table.schema.metadata))


def derived_rules(schema: pa.Schema) -> dict[str, str]:
    """Rule by column, of the columns that are derived."""
    return {f.name: f.metadata[RULE_KEY].decode() for f in schema if f.metadata and RULE_KEY in f.metadata}
