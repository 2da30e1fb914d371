"""Duplicate keys, references to rows that are not there, and rows that should stand together.

Each query reads the key columns once (twice where there are duplicates to describe). Null and empty keys are left out:
they are faults of their own.
"""

# ruff: noqa: S608  (every name in a query is our own; values of the user are bound, never pasted)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddloop.lake.checks.relations import CheckedTable, Relations

_KEPT = {
    "scenes": (("scene_id",), ("log_id", "start_ns", "duration_s", "split")),
    "frames": (("frame_id",), ("scene_id", "timestamp_ns")),
}
"""Tables that others refer to: the column without which a row is useless, and the others that are kept of it."""


def keep(relations: Relations, table: CheckedTable) -> None:
    """Keep a table that others refer to under its own name; of scenes with the same scene_id, the first."""
    required, optional = _KEPT[table.name]
    once = f"DISTINCT ON ({required[0]})" if table.name == "scenes" else ""
    order = "ORDER BY pos" if once else ""
    sql = f"CREATE TEMP TABLE {table.name} AS SELECT {once} * FROM rows WHERE {_is_filled(*required)} {order}"
    relations.query(sql, table.stream(required, optional))


def find_duplicates(
    relations: Relations, table: CheckedTable, key: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Note rows whose key was there before; the optional parts of a key may be null."""
    if not table.has(*key):
        return
    columns = (*key, *optional)
    listed = ", ".join(columns)
    relations.query(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT {listed}, min(pos) AS first_pos FROM rows "
        f"WHERE {_is_filled(*key)} GROUP BY {listed} HAVING count(*) > 1",
        table.stream(key, optional),
    )
    if relations.query("SELECT count(*) FROM twice") == [(0,)]:
        return

    def say(row: Mapping[str, Any]) -> str:
        named = ", ".join(f"{name} `{row[name]}`" for name in columns if row[name] is not None)
        return f"{named} is there already ({table.place(row['first_pos'])})"

    same = " AND ".join(f"r.{name} IS NOT DISTINCT FROM t.{name}" for name in columns)
    bad = f"SELECT r.*, t.first_pos FROM rows r JOIN twice t ON {same} WHERE r.pos <> t.first_pos"
    relations.note_rows(table, "duplicate-key", say, bad, (*columns, "first_pos"), table.stream(key, optional))


def find_orphans(relations: Relations, table: CheckedTable, column: str, referenced: str) -> None:
    """Note rows whose scene or frame is not in the table that they refer to."""
    if not table.has(column):
        return

    def say(row: Mapping[str, Any]) -> str:
        return f"{column} `{row[column]}` is not in `{referenced}`"

    bad = f"FROM rows ANTI JOIN {referenced} USING ({column}) WHERE {_is_filled(column)}"
    code = f"orphan-{column.removesuffix('_id')}"
    relations.note_rows(table, code, say, bad, [column], table.stream([column]))


def find_other_scene(relations: Relations, table: CheckedTable) -> None:
    """Note rows whose frame is in `frames` with another scene."""
    columns = ("frame_id", "scene_id")
    if not table.has(*columns):
        return

    def say(row: Mapping[str, Any]) -> str:
        sql = "SELECT scene_id FROM frames WHERE frame_id = ? AND scene_id <> '' ORDER BY pos LIMIT 1"
        [(scene_id,)] = relations.query(sql, values=[row["frame_id"]])
        return f"frame_id `{row['frame_id']}` is of scene `{scene_id}` in `frames`, but of `{row['scene_id']}` here"

    known = f"(FROM frames WHERE {_is_filled('scene_id')})"
    bad = (
        f"FROM rows SEMI JOIN {known} f USING (frame_id) ANTI JOIN {known} g USING (frame_id, scene_id) "
        f"WHERE {_is_filled(*columns)}"
    )
    relations.note_rows(table, "scene-differs", say, bad, columns, table.stream(columns))


def find_apart(relations: Relations, table: CheckedTable, column: str) -> None:
    """Note groups of rows, such as the agents of a frame, that do not stand together in one file."""
    if not table.has(column):
        return

    def say(row: Mapping[str, Any]) -> str:
        ends = f"from {table.place(row['pos'])} to {table.place(row['last_pos'])}"
        return f"the {row['n']} rows of {column} `{row[column]}` do not stand together: they lie {ends}"

    bad = (
        f"SELECT {column}, min(pos) AS pos, max(pos) AS last_pos, count(*) AS n FROM rows WHERE {_is_filled(column)} "
        f"GROUP BY {column} HAVING max(pos) - min(pos) >= count(*)"
    )
    relations.note_rows(table, "rows-apart", say, bad, [column, "pos", "last_pos", "n"], table.stream([column]))


def _is_filled(*columns: str) -> str:
    return " AND ".join(f"{column} <> ''" for column in columns)
