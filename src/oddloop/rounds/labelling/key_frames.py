"""Which frames of the picks go out, where `[cost] frames_per_scene` says that not all are labelled."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import RoundState
from oddloop.select import key_frames


def only_key_frames(workspace: Workspace, state: RoundState, frames: pa.Table) -> pa.Table:
    """The frames to label: of each scene those with the highest score that its round was proposed by, some time apart.

    Args:
        workspace: the workspace; `[cost] frames_per_scene` and `[labelling] key_frame_gap_s` are its settings.
        state: the round.
        frames: frame_id, scene_id, timestamp_ns of its picks, and any other columns.

    Returns:
        rows of `frames` in their order; all where no number is set. Frames without a score are chosen by time alone.
    """
    k = workspace.config.cost.frames_per_scene
    if not k or not frames.num_rows:
        return frames
    times = frames["timestamp_ns"].to_numpy()
    chosen = key_frames(
        _scores_of(workspace, state, frames["frame_id"].combine_chunks()),
        (times - times.min()) / 1e9,
        frames["scene_id"].to_numpy().astype(str),
        k,
        workspace.config.labelling.key_frame_gap_s,
    )
    return frames.filter(pa.array(chosen))


def _scores_of(workspace: Workspace, state: RoundState, frame_ids: pa.Array) -> npt.NDArray[np.float64]:
    """(n,) score of each frame; NaN where there is none, or the scores are gone."""
    digest, wanted = dict(state.proposal.get("stages", {})).get("score", ""), _wanted(state)
    folder = workspace.storage.sub(f"derived/score/{digest}/frame_scores")
    for task in folder.list_folders():
        table = _score_column(folder.sub(task), wanted, state.pick_ids)
        rows = pc.index_in(frame_ids, value_set=table["frame_id"].combine_chunks())
        if rows.null_count < len(rows):
            scores = table["score"].take(rows).cast(pa.float64())
            return np.asarray(pc.fill_null(scores, float("nan")).to_numpy())
    return np.full(len(frame_ids), np.nan)


def _wanted(state: RoundState) -> str:
    """The scene score of the round; of several that were combined, the first."""
    objectives = state.proposal.get("config", {}).get("select", {}).get("objectives") or ()
    return str(objectives[0]["score"] if objectives else state.proposal.get("score", ""))


def _score_column(folder: Storage, wanted: str, scene_ids: list[str]) -> pa.Table:
    """frame_id and the frame score that a scene score summarises, which is the longest name that it begins with."""
    tables = [_NO_SCORES]
    for file in folder.list_files(suffix=".parquet"):
        names = pq.read_schema(file.path, filesystem=folder.fs).names
        fitting = [name for name in names if f"{name}_valid" in names and f"{wanted}_".startswith(f"{name}_")]
        if fitting and "frame_id" in names:
            columns, only = ["frame_id", max(fitting, key=len)], [("scene_id", "in", scene_ids)]
            found = pq.read_table(file.path, columns=columns, filesystem=folder.fs, filters=only, partitioning=None)
            tables.append(found.rename_columns(["frame_id", "score"]).cast(_NO_SCORES.schema))
    return pa.concat_tables(tables)


_NO_SCORES = pa.schema([("frame_id", pa.string()), ("score", pa.float64())]).empty_table()
