"""The settings that the how-to on out-of-distribution scores shows are settings, and do what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.config import load_config
from oddloop.errors import TableError
from oddloop.lake import Workspace
from oddloop.rounds.run import run_stages
from oddloop.score import ood
from toy import run_at, shell

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "ood.md"
FIRST, SECOND = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def workspace(tmp_path: Path, settings: str) -> Path:
    """A toy workspace with features, their classes, and a head."""
    toy.make_workspace(tmp_path / "ws", config=toy.CONFIG + settings)
    features = toy.features_table(toy.frames_table(toy.scenes_table()))
    classes = pa.array(["car" if i % 2 else "van" for i in range(features.num_rows)])
    toy.write(tmp_path / "ws/lake/features/backbone", features.append_column("truth", classes))
    weight = pa.array([[1.0, -1.0, 0.5], [-1.0, 1.0, 0.0]], pa.list_(pa.float32()))
    head = pa.table({"label": ["car", "van"], "weight": weight, "bias": [0.5, 1.0]})
    toy.write(tmp_path / "ws/lake/heads/backbone", head)
    return tmp_path / "ws"


def test_every_setting_shown_exists() -> None:
    assert load_config(FIRST).score.ood.max_rows == 20_000
    assert load_config(SECOND).model.digest == "3f2a9c"


def test_the_first_settings_score_what_the_page_says(tmp_path: Path) -> None:
    folder = workspace(tmp_path, FIRST)
    scored = run_stages(Workspace.open(folder), shell(), until="score")["score"]
    names = scored.storage.read_table("scene_scores.parquet").column_names
    wanted = {"ood_knn_mean", "ood_relative_mahalanobis_pp_max", "ood_vim_p95", "ood_telemetry_ecod"}
    assert wanted <= set(names)
    assert run_at(folder).round_id == "r001"


def test_statistics_made_as_shown_are_taken_and_those_of_another_model_refused(tmp_path: Path) -> None:
    folder = workspace(tmp_path, SECOND)
    features = toy.features_table(toy.frames_table(toy.scenes_table()))
    (folder / "fitted/m001").mkdir(parents=True)
    refusal = "were fitted to model `m001`, .* but the features are of model"
    for model_id, message in (("toy_model", ""), ("m001", refusal)):
        training = ood.training_set_of_table(features, ["log0/s0"], ood.Source(model_id, "backbone", "3f2a9c"))
        pq.write_table(ood.to_table(ood.fit_knn(training)), folder / "fitted/m001/knn.parquet")
        if message:
            with pytest.raises(TableError, match=message):
                run_at(folder)
        else:
            assert run_at(folder).round_id == "r001"
