"""`logits` in a workspace: beside `probs` or instead of them, in some files of a table or in all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import toy
from oddloop.errors import TableError
from oddloop.lake import Workspace
from oddloop.rounds.run import run_stages
from toy import run_at, shell

PREDICTIONS = "lake/predictions/classification/toy_model"
NESTED = pa.list_(pa.list_(pa.float32()))


def scene_scores(folder: Path) -> pa.Table:
    scored = run_stages(Workspace.open(folder), shell(), until="score")["score"]
    return scored.storage.read_table("scene_scores.parquet")


def with_logits(predictions: pa.Table) -> pa.Table:
    """The same predictions as logits of the same softmax."""
    logits = [np.log(np.maximum(row, 1e-30)).tolist() for row in predictions["probs"].to_pylist()]
    return predictions.drop_columns("probs").append_column("logits", pa.array(logits, NESTED))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def test_files_with_probabilities_and_files_with_logits_make_one_table(folder: Path) -> None:
    of_probs = scene_scores(folder)
    assert not [name for name in of_probs.column_names if name.startswith("ood_")]
    predictions = toy.predictions_table(toy.frames_table(toy.scenes_table()))
    toy.write(folder / PREDICTIONS, predictions.slice(0, 96))
    toy.write(folder / PREDICTIONS, with_logits(predictions.slice(96)), "part-1.parquet")
    of_both = scene_scores(folder)
    expected = of_probs["classification_entropy_mean"].to_numpy()
    assert of_both["classification_entropy_mean"].to_numpy() == pytest.approx(expected, rel=1e-4)
    # 96 of 192 frames, so half of the scenes, have logits
    assert of_both["ood_energy_mean_valid"].to_pylist() == [False] * 24 + [True] * 24
    assert run_at(folder).round_id == "r001"


def test_a_table_without_rows_has_its_scores_all_the_same(folder: Path) -> None:
    predictions = with_logits(toy.predictions_table(toy.frames_table(toy.scenes_table())))
    toy.write(folder / PREDICTIONS, predictions.slice(0, 0))
    found = scene_scores(folder)
    assert found.num_rows == 0
    assert {"classification_entropy_mean", "ood_gen_p95", "ood_gen_n"} <= set(found.column_names)


def test_neither_column_is_told_before_anything_is_written(folder: Path) -> None:
    predictions = toy.predictions_table(toy.frames_table(toy.scenes_table()))
    toy.write(folder / PREDICTIONS, predictions.rename_columns(["frame_id", "scene_id", "softmax"]))
    with pytest.raises(TableError, match=r"none of the columns `probs`, `logits` is there, and one is needed"):
        run_at(folder)
    assert not (folder / "derived/score").exists() or not list((folder / "derived/score").iterdir())
