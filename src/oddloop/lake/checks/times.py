"""Times of scenes and frames, and the split of logs; scenes must have been kept (`keys.keep_scenes`).

Clocks of sensors differ, so a frame may lie `TOLERANCE_S` outside its scene, and scenes of a log may share as much.
"""

# ruff: noqa: S608  (queries hold names of our own only, never a value of the user)
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.lake.checks.relations import CheckedTable, Relations

TOLERANCE_S = 0.1
"""One frame at 10 Hz."""

_DISORDER = """
    FROM (
        SELECT pos, scene_id, timestamp_ns, lag(timestamp_ns) OVER (PARTITION BY scene_id ORDER BY pos) AS before
        FROM frame_times
    )
    WHERE timestamp_ns <= before
"""
# HUGEINT: the difference of two int64 may not fit in one, and bad data must not become an error of the query.
_OUTSIDE = f"""
    SELECT *, greatest(-since_s, since_s - duration_s) AS off_s
    FROM (
        SELECT f.pos, f.scene_id, f.timestamp_ns, s.start_ns, s.duration_s,
               (f.timestamp_ns::HUGEINT - s.start_ns::HUGEINT)::DOUBLE / 1e9 AS since_s
        FROM frame_times f JOIN scenes s USING (scene_id)
        WHERE s.start_ns IS NOT NULL AND isfinite(s.duration_s) AND s.duration_s > 0
    )
    WHERE off_s > {TOLERANCE_S}
"""
_OVERLAPS = f"""
    SELECT *, (other_end_ns - start_ns::DOUBLE) / 1e9 AS shared_s
    FROM (
        SELECT pos, scene_id, log_id, vehicle_id, start_ns,
               max(end_ns) OVER earlier AS other_end_ns, arg_max(scene_id, end_ns) OVER earlier AS other
        FROM (
            SELECT *, start_ns::DOUBLE + duration_s * 1e9 AS end_ns FROM scenes
            WHERE log_id <> '' AND start_ns IS NOT NULL AND isfinite(duration_s) AND duration_s > 0
        )
        WINDOW earlier AS (
            PARTITION BY log_id, vehicle_id ORDER BY start_ns, pos ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    )
    WHERE shared_s > {TOLERANCE_S}
"""
_LEAKS = """
    SELECT s.*, p.pool_scene
    FROM scenes s JOIN (
        SELECT log_id, arg_min(scene_id, pos) AS pool_scene
        FROM scenes WHERE log_id <> '' AND coalesce(split, 'pool') = 'pool' GROUP BY log_id
    ) p USING (log_id)
    WHERE s.split = 'eval'
"""


def check_times(relations: Relations, frames: CheckedTable, *, with_scenes: bool) -> None:
    """Check the times of frames: their order in the files and, where scenes were kept, those of their scenes."""
    columns = ["scene_id", "timestamp_ns"]
    if not frames.has(*columns):
        return
    is_sound = "scene_id <> '' AND timestamp_ns IS NOT NULL"
    relations.query(f"CREATE TEMP TABLE frame_times AS FROM rows WHERE {is_sound}", frames.stream(columns))
    _find_disorder(relations, frames)
    if with_scenes:
        _find_outside(relations, frames)
    relations.query("DROP TABLE frame_times")


def _find_disorder(relations: Relations, frames: CheckedTable) -> None:
    """Note frames that are not later than the frame before them in the same scene."""

    def say(row: Mapping[str, Any]) -> str:
        return (
            f"timestamp_ns {row['timestamp_ns']} is not later than {row['before']}, "
            f"that of the frame before it in scene `{row['scene_id']}`"
        )

    relations.note_rows(frames, "time-order", say, _DISORDER, ["scene_id", "timestamp_ns", "before"])


def _find_outside(relations: Relations, frames: CheckedTable) -> None:
    """Note frames before the start or after the end of their scene."""

    def say(row: Mapping[str, Any]) -> str:
        return (
            f"timestamp_ns {row['timestamp_ns']} lies {row['off_s']:.3g} s outside its scene `{row['scene_id']}`, "
            f"which starts at {row['start_ns']} and lasts {row['duration_s']:g} s"
        )

    columns = ["scene_id", "timestamp_ns", "start_ns", "duration_s", "off_s"]
    relations.note_rows(frames, "time-outside-scene", say, _OUTSIDE, columns)


def find_overlaps(relations: Relations, scenes: CheckedTable) -> None:
    """Note scenes that begin before an earlier scene of the same log and vehicle has ended."""

    def say(row: Mapping[str, Any]) -> str:
        return (
            f"scene `{row['scene_id']}` begins {row['shared_s']:.3g} s before the end of scene `{row['other']}` "
            f"of the same log `{row['log_id']}`"
        )

    relations.note_rows(scenes, "scenes-overlap", say, _OVERLAPS, ["scene_id", "log_id", "other", "shared_s"])


def find_leaks(relations: Relations, scenes: CheckedTable) -> None:
    """Note held-out scenes of logs that also have scenes of the pool."""

    def say(row: Mapping[str, Any]) -> str:
        return (
            f"scene `{row['scene_id']}` is held out for evaluation, but scene `{row['pool_scene']}` "
            f"of the same log `{row['log_id']}` is in the pool"
        )

    relations.note_rows(scenes, "split-leak", say, _LEAKS, ["scene_id", "log_id", "pool_scene"])
