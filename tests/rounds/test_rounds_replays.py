"""Scores over the time of a scene: in order of time, null where not valid, and none where there is nothing."""

from __future__ import annotations

import pyarrow as pa

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.replays import scores_over_time


def write(folder, name: str, table: pa.Table) -> None:
    Storage.open(folder).write_table(name, table)


def workspace(tmp_path, *, frames: bool = True) -> Workspace:
    (tmp_path / "oddloop.toml").write_text("")
    if frames:
        table = pa.table({"frame_id": ["f2", "f1", "g1"], "scene_id": ["a", "a", "b"], "timestamp_ns": [20, 10, 5]})
        write(tmp_path, "lake/frames/part.parquet", table)
    return Workspace.open(tmp_path)


def scored(tmp_path) -> Storage:
    table = pa.table(
        {
            "frame_id": ["f1", "g1", "f2"],
            "scene_id": ["a", "b", "a"],
            "entropy": [0.1, 0.2, 0.3],
            "entropy_valid": [True, True, False],
        }
    )
    write(tmp_path, "score/frame_scores/classification/part-00000.parquet", table)
    return Storage.open(tmp_path / "score")


def test_scores_stand_in_order_of_time_and_only_where_valid(tmp_path) -> None:
    found = scores_over_time(workspace(tmp_path), scored(tmp_path), "a")
    assert found is not None
    assert found.to_pydict() == {"timestamp_ns": [10, 20], "classification/entropy": [0.1, None]}


def test_there_is_nothing_of_an_unknown_scene_without_frames_or_without_scores(tmp_path) -> None:
    folder = scored(tmp_path)
    assert scores_over_time(workspace(tmp_path), folder, "nobody") is None
    assert scores_over_time(workspace(tmp_path), Storage.open(tmp_path / "other"), "a") is None
    bare = tmp_path / "bare"
    bare.mkdir()
    assert scores_over_time(workspace(bare, frames=False), folder, "a") is None
