"""Where only key frames are labelled, they alone are paid for and go out."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

import labelling_rounds
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling.key_frames import only_key_frames
from oddloop.rounds.labelling.prepare import prepare_batch
from oddloop.rounds.labelling.send import batch_to_send
from oddloop.rounds.ledger import open_ledger

CONFIG = labelling_rounds.CONFIG.replace("[cost]", "[cost]\nframes_per_scene = 2")


def prepared(folder: Path) -> Workspace:
    return labelling_rounds.make_workspace(folder, config=CONFIG)


def test_only_the_frames_of_highest_score_go_out_and_are_paid_for(tmp_path: Path) -> None:
    workspace = prepared(tmp_path / "ws")
    ledger = open_ledger(workspace)
    batch, state = batch_to_send(workspace, ledger, ""), ledger.round("r001")
    assert [len(scene.frames) for scene in batch.scenes] == [2] * len(state.picks)
    pool = workspace.storage.read_table("rounds/r001/pool.parquet")
    assert pc.max(pool["n_frames"]).as_py() == 2
    folder = f"derived/score/{state.proposal['stages']['score']}/frame_scores/detection"
    (file,) = workspace.storage.list_files(folder)
    scores = workspace.storage.read_table(f"{folder}/{file.base_name}")
    column = str(state.proposal["score"]).rsplit("_", 1)[0]
    for scene in batch.scenes:
        mine = scores.filter(pc.equal(scores["scene_id"], scene.scene_id)).sort_by([(column, "descending")])
        assert {frame.unit.frame_id for frame in scene.frames} == set(mine["frame_id"][:2].to_pylist())
    assert prepare_batch(workspace, state, ledger.rounds()) == batch


def test_without_scores_the_frames_are_chosen_by_time(tmp_path: Path) -> None:
    workspace = prepared(tmp_path / "ws")
    state = open_ledger(workspace).round("r001")
    frames = pa.table({"frame_id": [f"new{i}" for i in range(6)], "scene_id": ["a"] * 6, "timestamp_ns": range(6)})
    assert only_key_frames(workspace, state, frames)["frame_id"].to_pylist() == ["new0", "new1"]
    assert only_key_frames(workspace, state, frames.slice(0, 0)).num_rows == 0
