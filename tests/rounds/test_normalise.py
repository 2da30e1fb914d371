"""Normalised scene scores in a workspace: what they are made of, and that they do not change the picks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import percentileofscore

import toy
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.derived import Derived
from oddloop.rounds.audit import audit
from oddloop.rounds.run import run, run_stages
from oddloop.score import read_normalisers

NAME = "classification_entropy_mean"


def config_with(how: str, more: str = "") -> str:
    return f'{toy.CONFIG}\n[score]\nnormalise = "{how}"\n{more}'


def scored(workspace: Workspace) -> Derived:
    return run_stages(workspace, toy.shell(), until="score")["score"]


def measured(workspace: Workspace, n: int = 48) -> None:
    scenes = toy.scenes_table()["scene_id"].slice(0, n)
    value = np.random.default_rng(2).uniform(0.5, 0.9, n)
    same = {"model_id": "toy_model", "stack": "perception", "metric": "accuracy"}
    columns = {"scene_id": scenes, **{k: [v] * n for k, v in same.items()}, "value": value}
    table = pa.table({**columns, "support": pa.array([4] * n, pa.int64())})
    toy.write(Path(workspace.storage.local_path("lake/metrics")), table)


def test_ranks_are_among_the_held_out_scenes(tmp_path: Path) -> None:
    derived = scored(toy.make_workspace(tmp_path / "ws", config=config_with("rank")))
    table = derived.storage.read_table("scene_scores.parquet")
    held_out = [name.startswith(("log6", "log7")) for name in table["scene_id"].to_pylist()]
    values = table[NAME].to_numpy()
    reference = values[held_out]
    assert table[f"{NAME}_rank"].to_numpy()[held_out] == pytest.approx(
        [percentileofscore(reference, v, kind="mean") / 100 for v in reference]
    )
    fitted = read_normalisers(derived.storage.read_table("normalisers.parquet"))[NAME]
    assert (fitted.n_scenes, fitted.model.model_id) == (12, "toy_model")
    assert "scenes" in derived.manifest["inputs"]


def test_expected_errors_are_of_the_leading_metric(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=config_with("calibrated"))
    # 12 measured held-out scenes are too few to fit anything
    few = scored(workspace)
    assert few.manifest["settings"]["metric"] == "accuracy"
    assert set(few.storage.read_table("scene_scores.parquet")[f"{NAME}_expected_errors_valid"].to_pylist()) == {False}
    scenes = toy.scenes_table()
    everything = scenes.set_column(scenes.column_names.index("split"), "split", pa.nulls(48, pa.string()))
    toy.write(Path(workspace.storage.local_path("lake/scenes")), everything)
    measured(workspace)
    table = scored(workspace).storage.read_table("scene_scores.parquet")
    expected = table[f"{NAME}_expected_errors"].to_numpy()
    # errors are (1 - accuracy) x 4 frames; their mean is kept
    assert 0.4 <= expected.min() <= expected.max() <= 2.0
    assert (np.diff(expected[np.argsort(table[NAME].to_numpy())]) >= 0).all()


def test_expected_errors_need_a_metric(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=config_with("calibrated"))
    (Path(workspace.storage.local_path("lake/metrics")) / "part-0.parquet").unlink()
    with pytest.raises(WorkspaceError, match=r"no value of any metric.*add them to `metrics`"):
        scored(workspace)


def test_nothing_is_added_and_nothing_more_depended_on_by_default(tmp_path: Path) -> None:
    derived = scored(toy.make_workspace(tmp_path / "ws"))
    assert "scenes" not in derived.manifest["inputs"]
    assert not derived.storage.exists("normalisers.parquet")
    assert f"{NAME}_rank" not in derived.storage.read_table("scene_scores.parquet").column_names


def test_ranking_by_rank_picks_the_same_scenes(tmp_path: Path) -> None:
    picks = []
    for folder, score in (("a", NAME), ("b", f"{NAME}_rank")):
        config = config_with("rank").replace('"uncertainty"', f'"uncertainty"\nscore = "{score}"')
        scenes = toy.scenes_table()
        workspace = toy.make_workspace(tmp_path / folder, config=config)
        everything = scenes.set_column(scenes.column_names.index("split"), "split", pa.nulls(48, pa.string()))
        toy.write(Path(workspace.storage.local_path("lake/scenes")), everything)
        summary = run(workspace, toy.shell())
        picks.append(workspace.storage.read_table(f"rounds/{summary.round_id}/picks.parquet")["scene_id"])
    assert picks[0].equals(picks[1])


def test_the_audit_does_not_count_them_as_further_scores(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws", config=config_with("rank"))
    names = audit(workspace, toy.shell()).storage.read_table("audit.parquet")["score"].to_pylist()
    assert NAME in names
    assert f"{NAME}_rank" not in names
