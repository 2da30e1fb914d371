"""Drift of a workspace's scores: between models, from week to week, kept as a derived folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.derived_tables import DRIFT
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.drift import drift
from oddloop.rounds.ledger import open_ledger
from oddloop.score.drift import ks

NAME = "classification_entropy_mean"
NAMED = toy.CONFIG + '\n[model]\nid = "toy_model"\n'


def two_models(folder: Path) -> Workspace:
    workspace = toy.make_workspace(folder, config=NAMED)
    frames = toy.frames_table(toy.scenes_table())
    other = toy.predictions_table(frames, seed=9).slice(0, 160)  # of the first 40 scenes
    toy.write(folder / "lake/predictions/classification/other_model", other)
    return workspace


def weekly(folder: Path) -> Workspace:
    """Logs of two weeks; the first of them starts on 1 January 1970."""
    workspace = toy.make_workspace(folder)
    scenes = toy.scenes_table()
    starts = [
        (7 * 86_400 * 10**9 if log in ("log1", "log4") else 0) + i for i, log in enumerate(scenes["log_id"].to_pylist())
    ]
    scenes = scenes.set_column(scenes.column_names.index("start_ns"), "start_ns", pa.array(starts, pa.int64()))
    toy.write(folder / "lake/scenes", scenes)
    return workspace


def row_of(table: pa.Table, name: str = NAME) -> dict[str, object]:
    return next(row for row in table.to_pylist() if row["score"] == name)


def test_against_the_only_other_model_on_the_scenes_that_both_scored(tmp_path: Path) -> None:
    workspace = two_models(tmp_path / "ws")
    derived = drift(workspace, toy.shell())
    table = derived.storage.read_table("drift.parquet")
    assert table.schema.equals(DRIFT.schema())
    row = row_of(table)
    assert (row["reference"], row["current"]) == ("other_model", "toy_model")
    assert (row["n_reference"], row["n_current"], row["n_logs_current"]) == (40, 40, 7)
    current, reference = (
        workspace.storage.sub(f"derived/score/{derived.manifest['inputs'][name]}").read_table("scene_scores.parquet")
        for name in ("score", "reference")
    )
    shared = current.slice(0, 40)[NAME]
    assert row["ks"] == pytest.approx(ks(reference[NAME], shared))
    assert row["ks_low"] is not None


def test_a_second_call_does_no_work(tmp_path: Path) -> None:
    workspace = two_models(tmp_path / "ws")
    first = drift(workspace, toy.shell())
    again = drift(workspace, toy.shell(), against="other_model")
    assert first.computed
    assert not again.computed
    assert again.digest == first.digest


def test_against_rounds(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    workspace = toy.make_workspace(folder, train="")
    first = toy.run_at(folder)
    with pytest.raises(WorkspaceError, match=r"which model to compare m000 with\?; there is no other"):
        drift(workspace, toy.shell())
    toy.label_all_picks(folder, first.round_id)
    toy.run_at(folder)
    ledger = open_ledger(workspace)
    models = [str(state.training["model_id"]) for state in ledger.rounds() if state.training]
    ledger.close()
    row = row_of(drift(workspace, toy.shell()).storage.read_table("drift.parquet"))
    assert [row["reference"], row["current"]] == models
    named = drift(workspace, toy.shell(), against="r000")
    assert not named.computed
    with pytest.raises(WorkspaceError, match=f"'{models[-1]}' is the current model; there are: {models[0]}"):
        drift(workspace, toy.shell(), against=models[-1])


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    workspace = two_models(tmp_path / "ws")
    with pytest.raises(WorkspaceError, match="'m9' is no model; there are: other_model"):
        drift(workspace, toy.shell(), against="m9")
    toy.write(
        tmp_path / "ws/lake/predictions/classification/third",
        toy.predictions_table(toy.frames_table(toy.scenes_table())),
    )
    with pytest.raises(WorkspaceError, match=r"which model to compare toy_model with\?; there are: other_model, third"):
        drift(workspace, toy.shell())


def test_week_by_week(tmp_path: Path) -> None:
    table = drift(weekly(tmp_path / "ws"), toy.shell(), "week").storage.read_table("drift.parquet")
    row = row_of(table)
    assert (row["reference"], row["current"]) == ("1970-W01", "1970-W02")
    assert (row["n_reference"], row["n_current"], row["n_logs_reference"], row["n_logs_current"]) == (36, 12, 6, 2)
    assert row["psi_low"] is None  # two logs are too few


def test_against_another_week(tmp_path: Path) -> None:
    workspace = weekly(tmp_path / "ws")
    row = row_of(drift(workspace, toy.shell(), "week", "1970-W02").storage.read_table("drift.parquet"))
    assert (row["reference"], row["current"]) == ("1970-W02", "1970-W01")
    with pytest.raises(WorkspaceError, match="no scored scene began in week '1999-W01'; there are: 1970-W01, 1970-W02"):
        drift(workspace, toy.shell(), "week", "1999-W01")


def test_one_week_has_no_drift(tmp_path: Path) -> None:
    workspace = toy.make_workspace(tmp_path / "ws")
    scenes = toy.scenes_table()
    same = scenes.set_column(scenes.column_names.index("start_ns"), "start_ns", pa.array(range(48), pa.int64()))
    toy.write(tmp_path / "ws/lake/scenes", same)
    with pytest.raises(WorkspaceError, match="needs scored scenes of two weeks; there are: 1970-W01"):
        drift(workspace, toy.shell(), "week")


def test_weeks_of_which_nothing_has_changed_are_taken_over(tmp_path: Path) -> None:
    # GIVEN the drift of one week against the first
    workspace = weekly(tmp_path / "ws")
    lake = tmp_path / "ws/lake/scenes"
    scenes = pq.read_table(lake / "part-0.parquet")
    toy.write(lake, scenes.slice(0, 42))
    first = drift(workspace, toy.shell(), "week")
    # WHEN a log of a third week comes
    starts = pa.array([21 * 86_400 * 10**9] * 6)
    toy.write(lake, scenes.slice(42).set_column(2, "start_ns", starts), "part-1.parquet")
    second = drift(workspace, toy.shell(), "week")
    # THEN its week alone is measured, and the result is what measuring all gives
    n_scores = first.manifest["rows"]["drift"]
    assert (second.manifest["rows"]["drift"], second.told) == (2 * n_scores, {"drift_reused": n_scores})
    files = ("drift.parquet", "drift_keys.parquet", "manifest.json")
    found = [second.storage.read_bytes(file) for file in files]
    shutil.rmtree(tmp_path / "ws/derived")
    anew = drift(workspace, toy.shell(), "week")
    assert anew.told == {"drift_reused": 0}
    assert [anew.storage.read_bytes(file) for file in files] == found
