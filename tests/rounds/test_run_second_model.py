"""A second model in a workspace: `run` compares the two, joins frames in any order, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.config import ScoreConfig
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.run import run_stages
from oddloop.score import summarize_scenes
from oddloop.score.boxes import score_model_disagreement
from toy import run_at, shell

SIDES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


def detections(seed: int, n_at_most: int = 5) -> pa.Table:
    """Boxes at few places in every frame, so that two models often have the same."""
    frames, rng = toy.frames_table(toy.scenes_table()), np.random.default_rng(seed)
    boxes = []
    for n in rng.integers(0, n_at_most + 1, frames.num_rows):
        low = 20.0 * rng.permutation(6)[:n, None] + rng.uniform(0, 3, (n, 2))
        sides = np.hstack([low, low + 10.0])
        boxes.append([dict(zip(SIDES, s, strict=True)) | {"score": rng.random(), "label": "car"} for s in sides])
    kind = pa.list_(pa.struct([("score", pa.float32()), ("label", pa.string()), *((s, pa.float32()) for s in SIDES)]))
    return pa.table({**{n: frames[n] for n in ("frame_id", "scene_id")}, "boxes": pa.array(boxes, kind)})


def write(folder: Path, model_id: str, table: pa.Table) -> None:
    path = folder / "lake/predictions/detection" / model_id / "a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(table, path, row_group_size=20)


def name_second(folder: Path, second: str) -> None:
    path = folder / "oddloop.toml"
    path.write_text(f'{path.read_text()}\n[score.detection]\nsecond_model = "{second}"\n[model]\nid = "toy_model"\n')


def scene_scores(folder: Path) -> pa.Table:
    scored = run_stages(Workspace.open(folder), shell(), until="score")["score"]
    return scored.storage.read_table("scene_scores.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    write(tmp_path / "ws", "toy_model", detections(1))
    return tmp_path / "ws"


def test_run_scores_what_the_function_scores(folder: Path) -> None:
    # GIVEN the second model's frames in another order, and without those of one log
    first, second = detections(1), detections(2, n_at_most=6)
    kept = second.filter(pc.invert(pc.starts_with(second["scene_id"], "log3")))
    kept = kept.take(pa.array(np.random.default_rng(0).permutation(kept.num_rows)))
    write(folder, "other", kept)
    name_second(folder, "other")
    found = scene_scores(folder)
    expected = summarize_scenes(score_model_disagreement(first, kept, ScoreConfig()))
    for name in ("sum_sum", "max_mean", "box_mean_max", "sum_per_object"):
        column = f"detection_model_disagreement_{name}"
        assert found[column].to_pylist() == expected[column].to_pylist()
    invalid = found.filter(pc.invert(found["detection_model_disagreement_sum_sum_valid"]))
    assert {scene[:4] for scene in invalid["scene_id"].to_pylist()} == {"log3"}
    # THEN what a scene costs still goes by the objects of its own model
    own = pc.list_value_length(first["boxes"]).to_numpy().reshape(-1, toy.N_FRAMES).sum(axis=1)
    assert sorted(found["n_objects_sum"].to_pylist()) == sorted(own.tolist())


def test_a_change_of_the_second_model_is_scored_anew(folder: Path) -> None:
    write(folder, "other", detections(2))
    name_second(folder, "other")
    run_at(folder)
    assert "score" not in [step.name for step in run_at(folder).steps if step.computed]
    pq.write_table(detections(3), folder / "lake/predictions/detection/other/a.parquet")
    assert "score" in [step.name for step in run_at(folder).steps if step.computed]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("toy_model", r"second_model = 'toy_model' is the model that is scored; name another, or leave it out"),
        ("nobody", r"second_model = 'nobody', but `predictions/detection` holds: other, toy_model"),
    ],
)
def test_a_second_model_that_cannot_be_compared_is_refused(folder: Path, second: str, message: str) -> None:
    write(folder, "other", detections(2))
    name_second(folder, second)
    with pytest.raises(WorkspaceError, match=message):
        scene_scores(folder)


def test_a_model_without_detections_cannot_be_compared(tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "ws")
    write(tmp_path / "ws", "other", detections(2))
    name_second(tmp_path / "ws", "other")
    with pytest.raises(WorkspaceError, match="but the model 'toy_model' has no detections; leave it out"):
        scene_scores(tmp_path / "ws")
