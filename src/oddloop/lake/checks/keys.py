"""Duplicate keys, references to rows that are not there, and rows that should stand together.

What must be remembered of many rows are 64-bit hashes: 10 M frames take some hundred MB. No fault is reported on the
strength of a hash: rows with a suspicious one are read again and compared by their strings. (The other way round, one
orphan in 10^12 may hide behind the hash of a frame that is there.) Null and empty keys are left out: they are faults of
their own.
"""

# ruff: noqa: S608  (queries hold names of our own only, never a value of the user)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddloop.lake.checks.relations import CheckedTable, Relations


def keep_scenes(relations: Relations, scenes: CheckedTable) -> None:
    """Keep `scenes` for the checks of references and times; of those with the same scene_id, the first."""
    sql = "CREATE TEMP TABLE scenes AS SELECT DISTINCT ON (scene_id) * FROM rows WHERE scene_id <> '' ORDER BY pos"
    relations.query(sql, scenes.stream(["scene_id"], ["log_id", "start_ns", "duration_s", "split", "vehicle_id"]))


def keep_frames(relations: Relations, frames: CheckedTable) -> None:
    """Keep the hashes of `frames` as `known_frames`: of the frame, and of frame and scene together."""
    relations.query(
        "CREATE TEMP TABLE known_frames AS SELECT hash(frame_id) AS frame, "
        "CASE WHEN scene_id <> '' THEN hash(frame_id, scene_id) END AS pair FROM rows WHERE frame_id <> ''",
        frames.stream(["frame_id"], ["scene_id"]),
    )


def find_duplicates(
    relations: Relations, table: CheckedTable, key: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Note rows whose key was there before; the optional parts of a key may be null."""
    columns = (*key, *optional)
    if not table.has(*key) or not _gather(relations, table, key, optional, "count(*) > 1"):
        return

    def say(row: Mapping[str, Any]) -> str:
        named = ", ".join(f"{name} `{row[name]}`" for name in columns if row[name] is not None)
        return f"{named} is there already ({table.place(row['first_pos'])})"

    first = f"SELECT *, min(pos) OVER (PARTITION BY {', '.join(columns)}) AS first_pos FROM suspects"
    bad = f"FROM ({first}) WHERE pos <> first_pos"
    relations.note_rows(table, "duplicate-key", say, bad, [*columns, "first_pos"])


def find_apart(relations: Relations, table: CheckedTable, column: str) -> None:
    """Note groups of rows, such as the agents of a frame, that do not stand together in one file."""
    is_apart = "max(pos) - min(pos) >= count(*)"
    if not table.has(column) or not _gather(relations, table, [column], [], is_apart):
        return

    def say(row: Mapping[str, Any]) -> str:
        ends = f"from {table.place(row['pos'])} to {table.place(row['last_pos'])}"
        return f"the {row['n']} rows of {column} `{row[column]}` do not stand together: they lie {ends}"

    bad = (
        f"SELECT {column}, min(pos) AS pos, max(pos) AS last_pos, count(*) AS n FROM suspects "
        f"GROUP BY {column} HAVING {is_apart}"
    )
    relations.note_rows(table, "rows-apart", say, bad, [column, "pos", "last_pos", "n"])


def find_orphans(relations: Relations, table: CheckedTable) -> None:
    """Note rows whose scene is not in `scenes`."""
    if not table.has("scene_id"):
        return

    def say(row: Mapping[str, Any]) -> str:
        return f"scene_id `{row['scene_id']}` is not in `scenes`"

    bad = "FROM rows ANTI JOIN scenes USING (scene_id) WHERE scene_id <> ''"
    relations.note_rows(table, "orphan-scene", say, bad, ["scene_id"], table.stream(["scene_id"]))


def find_strange_frames(relations: Relations, table: CheckedTable, frames: CheckedTable) -> None:
    """Note rows whose frame is not in `frames`, or is there with another scene."""
    columns = ["frame_id", "scene_id"]
    if not table.has("frame_id") or not frames.is_whole("frame_id"):
        return
    relations.query(
        "CREATE OR REPLACE TEMP TABLE strange AS FROM rows "
        "ANTI JOIN known_frames k ON hash(rows.frame_id, rows.scene_id) = k.pair WHERE frame_id <> ''",
        table.stream(["frame_id"], ["scene_id"]),
    )
    if relations.query("SELECT count(*) FROM strange") == [(0,)]:
        return
    orphans = "FROM strange ANTI JOIN known_frames k ON hash(strange.frame_id) = k.frame"
    relations.note_rows(table, "orphan-frame", _say_orphan, orphans, columns)
    known = "(FROM known_frames WHERE pair IS NOT NULL)"
    others = f"FROM strange SEMI JOIN {known} k ON hash(strange.frame_id) = k.frame WHERE scene_id <> ''"
    relations.note_rows(table, "scene-differs", _say_other, others, columns)


def _say_orphan(row: Mapping[str, Any]) -> str:
    return f"frame_id `{row['frame_id']}` is not in `frames`"


def _say_other(row: Mapping[str, Any]) -> str:
    return f"frame_id `{row['frame_id']}` is in `frames` with another scene_id than `{row['scene_id']}`"


def _gather(
    relations: Relations, table: CheckedTable, key: Sequence[str], optional: Sequence[str], having: str
) -> bool:
    """Gather in `suspects` all rows whose key has a hash for which `having` is true; False where there are none."""
    hashed = f"hash({', '.join((*key, *optional))})"
    is_filled = " AND ".join(f"{name} <> ''" for name in key)
    relations.query(
        f"CREATE OR REPLACE TEMP TABLE odd AS SELECT {hashed} AS key FROM rows WHERE {is_filled} "
        f"GROUP BY key HAVING {having}",
        table.stream(key, optional),
    )
    if relations.query("SELECT count(*) FROM odd") == [(0,)]:
        return False
    relations.query(
        f"CREATE OR REPLACE TEMP TABLE suspects AS FROM rows WHERE {is_filled} AND {hashed} IN (FROM odd)",
        table.stream(key, optional),
    )
    return True
