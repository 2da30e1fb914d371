"""The frames of a scene and their scores over time."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.find import find_rows, rows_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace, table_files
from oddloop.rounds.stages.scene_scores import score_names
from oddloop.tables import FRAMES

_FOLDER = "frame_scores"


def frames_of(workspace: Workspace, scene_id: str) -> pa.Table:
    """Frames of a scene in the order of their times, with `media_uri` where the lake says it."""
    parts = list(rows_of(workspace.table("frames"), FRAMES, [scene_id], ["frame_id", "timestamp_ns"], ["media_uri"]))
    if not parts:
        return FRAMES.empty().select(["frame_id", "timestamp_ns"])
    return pa.concat_tables(parts, promote_options="permissive").sort_by("timestamp_ns")


def scores_over_time(workspace: Workspace, scored: Storage, scene_id: str) -> pa.Table | None:
    """Every score of the frames of a scene, in order of time.

    Args:
        workspace: the workspace.
        scored: folder of the score stage.
        scene_id: the scene.

    Returns:
        `timestamp_ns` and a column per score, named `<task>/<score>`, null where it is not valid; None where there are
        no `frames`, or no frame scores of the scene.
    """
    frames = frames_of(workspace, scene_id)
    tasks = scored.list_folders(_FOLDER) if frames.num_rows and scored.exists(_FOLDER) else []
    columns = {"timestamp_ns": frames["timestamp_ns"]}
    for task in tasks:
        columns |= _scores_of(scored.sub(f"{_FOLDER}/{task}"), task, frames, scene_id)
    return pa.table(columns) if len(columns) > 1 else None


def _scores_of(folder: Storage, task: str, frames: pa.Table, scene_id: str) -> dict[str, pa.Array]:
    files = table_files(folder, _FOLDER).files
    names = score_names(folder) if files else []
    parts = [part for file in files for part in find_rows(folder, file, [scene_id])]
    if not parts:
        return {f"{task}/{name}": pa.nulls(frames.num_rows, pa.float64()) for name in names}
    rows = pa.concat_tables(parts)
    at = pc.index_in(frames["frame_id"], value_set=rows["frame_id"].combine_chunks())
    return {f"{task}/{name}": pc.if_else(rows[f"{name}_valid"], rows[name], None).take(at) for name in names}
