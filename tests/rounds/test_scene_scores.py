"""Scene scores over time in a workspace: where frame times are from, and what is written down about thresholds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.derived_tables import SCENE_THRESHOLDS
from oddloop.errors import ConfigError
from oddloop.lake import Workspace
from oddloop.lake.derived import Derived
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.rounds.run import run_stages
from oddloop.rounds.stages.frame_times import times_of_frames
from oddloop.score import scene_batches, summarize_scenes

TIMED = ("time_above_s", "longest_above_s", "change_per_s", "seen_s")


def scored(workspace: Workspace) -> Derived:
    return run_stages(workspace, toy.shell(), until="score")["score"]


def scene_scores(derived: Derived) -> pa.Table:
    return derived.storage.read_table("scene_scores.parquet")


def frames_file(workspace: Workspace) -> Path:
    return Path(workspace.storage.local_path("lake/frames/part-0.parquet"))


def test_times_are_those_of_the_frames(tmp_path: Path) -> None:
    derived = scored(toy.make_workspace(tmp_path / "ws"))
    table = scene_scores(derived)
    # 4 frames, 2.5 s apart, the last of which counts 2.5 s
    assert set(table["classification_entropy_seen_s"].to_pylist()) == {10.0}
    assert "frames" in derived.manifest["inputs"]
    frames = derived.storage.read_table("frame_scores/classification/part-00000.parquet")
    limit = np.quantile(frames["classification_entropy"].to_numpy(), 0.9)
    values = frames["classification_entropy"].to_numpy().reshape(-1, 4)
    expected = dict(zip(frames["scene_id"].to_pylist()[::4], 2.5 * (values > limit).sum(axis=1), strict=True))
    found = dict(zip(*(table[n].to_pylist() for n in ("scene_id", "classification_entropy_time_above_s")), strict=True))
    assert found == expected


def test_thresholds_are_written_down(tmp_path: Path) -> None:
    config = toy.CONFIG + "\n[score.scenes]\nthreshold_quantile = 0.5\nthresholds = { classification_margin = 0.25 }\n"
    derived = scored(toy.make_workspace(tmp_path / "ws", config=config))
    table = derived.storage.read_table("scene_thresholds.parquet")
    assert table.schema.equals(SCENE_THRESHOLDS.schema())
    rows = {row["score"]: row for row in table.to_pylist()}
    values = derived.storage.read_table("frame_scores/classification/part-00000.parquet")["classification_entropy"]
    assert rows["classification_entropy"]["threshold"] == np.median(values.to_numpy())
    assert rows["classification_entropy"]["n"] == 192
    assert rows["classification_margin"] | {"n": 0} == {
        "score": "classification_margin",
        "threshold": 0.25,
        "source": "setting",
        "quantile": None,
        "n": 0,
        "times": "frames",
    }


def test_a_threshold_of_no_score_is_refused(tmp_path: Path) -> None:
    config = toy.CONFIG + "\n[score.scenes]\nthresholds = { classification_entropi = 0.25 }\n"
    with pytest.raises(ConfigError, match="`classification_entropi` is no frame score; there are: classification_ent"):
        scored(toy.make_workspace(tmp_path / "ws", config=config))


def test_without_frames_nothing_is_guessed(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws")
    frames_file(workspace).unlink()
    derived = scored(workspace)
    names = scene_scores(derived).column_names
    assert [name for name in names if name.endswith(TIMED)] == []
    assert "classification_entropy_topk" in names
    assert derived.storage.read_table("scene_thresholds.parquet").num_rows == 0


@pytest.mark.parametrize("order", ["by scene", "by place in the scene"])
def test_scenes_are_summarised_batch_by_batch_or_all_at_once(
    tmp_path: Path, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # GIVEN batches that end within scenes, and in one case no scene whose frames stand together
    monkeypatch.setattr(scene_batches, "AT_ONCE", 1)
    workspace = toy.make_workspace(tmp_path / "ws", config=toy.CONFIG + "\n[engine]\nbatch_rows = 7\n")
    frames_file(workspace).unlink()
    file = next(Path(workspace.storage.local_path(".")).rglob("predictions/**/*.parquet"))
    predictions = pq.read_table(file)
    if order != "by scene":
        pq.write_table(predictions.take(np.arange(predictions.num_rows).reshape(-1, 4).T.ravel()), file)
    derived = scored(workspace)
    frame_scores = derived.storage.read_table("frame_scores/classification/part-00000.parquet")
    assert scene_scores(derived).equals(summarize_scenes(frame_scores))


def test_even_times_are_taken_where_asked_for(tmp_path: Path) -> None:
    with_frames = scene_scores(scored(toy.make_workspace(tmp_path / "a")))
    workspace = toy.make_workspace(tmp_path / "b", config=toy.CONFIG + '\n[score.scenes]\ntimes = "even"\n')
    frames_file(workspace).unlink()
    derived = scored(workspace)
    # the toy's frames are evenly spread over its scenes, so that nothing differs
    assert scene_scores(derived).equals(with_frames)
    assert derived.storage.read_table("scene_thresholds.parquet")["times"].unique().to_pylist() == ["even"]
    assert "scenes" in derived.manifest["inputs"]


def test_the_order_of_the_frames_table_does_not_matter_but_its_times_do(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws")
    first = scored(workspace)
    frames = pq.read_table(frames_file(workspace))
    pq.write_table(frames.take(np.random.default_rng(0).permutation(frames.num_rows)), frames_file(workspace))
    second = scored(workspace)
    assert second.computed
    assert scene_scores(second).equals(scene_scores(first))
    slower = frames.set_column(2, "timestamp_ns", pa.array(2 * frames["timestamp_ns"].to_numpy()))
    pq.write_table(slower, frames_file(workspace))
    assert set(scene_scores(scored(workspace))["classification_entropy_seen_s"].to_pylist()) == {20.0}


@pytest.mark.parametrize("batch_rows", [1, 7, 50, 1000])
@pytest.mark.parametrize("cut", [0, 1, 50, 191, 192])
def test_times_are_found_however_the_tables_are_cut(tmp_path: Path, batch_rows: int, cut: int) -> None:
    frames, storage = toy.frames_table(toy.scenes_table()), Storage.open(tmp_path)
    toy.write(tmp_path / "frames", frames)
    ids = frames.select(["frame_id", "scene_id"])
    for i, part in enumerate((ids.slice(0, cut), ids.slice(cut))):
        toy.write(tmp_path / "scores", part, f"part-{i}.parquet")
    found = times_of_frames(table_files(storage.sub("frames"), "frames"), storage.sub("scores"), batch_rows)
    assert found.to_pylist() == frames["timestamp_ns"].to_pylist()


@pytest.mark.parametrize("rows", [slice(0, 100), slice(1, None), slice(None, None, -1)])
def test_times_are_joined_where_the_tables_differ(tmp_path: Path, rows: slice) -> None:
    frames, storage = toy.frames_table(toy.scenes_table()), Storage.open(tmp_path)
    kept = frames.take(np.arange(frames.num_rows)[rows])
    toy.write(tmp_path / "frames", kept)
    toy.write(tmp_path / "scores", frames.select(["frame_id", "scene_id"]))
    found = times_of_frames(table_files(storage.sub("frames"), "frames"), storage.sub("scores"), 64)
    known = dict(zip(*(kept[name].to_pylist() for name in ("frame_id", "timestamp_ns")), strict=True))
    assert found.to_pylist() == [known.get(frame_id) for frame_id in frames["frame_id"].to_pylist()]


def test_scores_of_whole_scenes_have_no_time_and_no_frame_is_read_for_them(tmp_path: Path) -> None:
    ids, storage = pa.array(["a", "b", "c"]), Storage.open(tmp_path)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "part-0.parquet").write_bytes(b"no table")
    toy.write(tmp_path / "scores", pa.table({"frame_id": ids, "scene_id": ids}))
    found = times_of_frames(table_files(storage.sub("frames"), "frames"), storage.sub("scores"), 64)
    assert found.to_pylist() == [None] * 3


def test_settings_of_scenes_that_need_no_times_do_not_depend_on_frames(tmp_path: Path) -> None:
    config = toy.CONFIG + '\n[score.scenes]\nsummaries = ["mean"]\n'
    derived = scored(toy.make_workspace(tmp_path / "ws", config=config))
    assert "frames" not in derived.manifest["inputs"]
    assert [n for n in scene_scores(derived).column_names if n.startswith("classification_entropy")] == [
        "classification_entropy_mean",
        "classification_entropy_mean_valid",
        "classification_entropy_n",
    ]
