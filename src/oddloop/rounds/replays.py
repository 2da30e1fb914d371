"""The scores of a scene's frames over time."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace, table_files
from oddloop.rounds.stages.scene_scores import score_names
from oddloop.tables import FRAMES

_FOLDER = "frame_scores"


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
    files = workspace.table("frames")
    tasks = scored.list_folders(_FOLDER) if scored.exists(_FOLDER) else []
    if not files.files or not tasks:
        return None
    frames = read_table(files, FRAMES, ["frame_id", "scene_id", "timestamp_ns"])
    frames = frames.filter(pc.equal(frames["scene_id"], scene_id)).sort_by("timestamp_ns")
    columns = {"timestamp_ns": frames["timestamp_ns"]}
    for task in tasks:
        columns |= _scores_of(scored.sub(f"{_FOLDER}/{task}"), task, frames, scene_id)
    return pa.table(columns) if frames.num_rows and len(columns) > 1 else None


def _scores_of(folder: Storage, task: str, frames: pa.Table, scene_id: str) -> dict[str, pa.ChunkedArray]:
    found: TableFiles | tuple[()] = table_files(folder, _FOLDER)
    if not found:
        return {}
    source = ds.dataset(folder.path(), format="parquet", filesystem=folder.fs)
    rows = source.to_table(filter=ds.field("scene_id") == scene_id)
    at = pc.index_in(frames["frame_id"], value_set=rows["frame_id"].combine_chunks())
    names = [name for name in score_names(folder) if f"{name}_valid" in rows.column_names]
    valid = {name: pc.if_else(rows[f"{name}_valid"], rows[name], None) for name in names}
    return {f"{task}/{name}": values.take(at) for name, values in valid.items()}
