"""Neighbour lists are taken over from the run before, by the scenes that were there; the folders come out the same."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.derived_tables import NEIGHBOURS
from oddloop.lake import Workspace
from oddloop.neighbours import search
from oddloop.neighbours.exact import Found, Lists, exact_neighbours, mark_rows
from oddloop.rounds.run import run_stages
from toy import shell

CONFIG = toy.CONFIG.replace('policy = "uncertainty"', 'policy = "gap_driven"')


@pytest.fixture
def reused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Share of the rows of each search whose lists were known before."""
    shares = []

    def noted(points: np.ndarray, k: int, known: Lists | None = None) -> Found:
        shares.append(float(np.isin(mark_rows(points), known.marks).mean()) if known is not None else 0.0)
        return exact_neighbours(points, k, known)

    monkeypatch.setattr(search, "exact_neighbours", noted)
    return shares


def made(folder: Path) -> dict[str, bytes]:
    derived = run_stages(Workspace.open(folder), shell())
    storages = {stage: derived[stage].storage for stage in ("discover", "select")}
    return {
        f"{stage}/{info.base_name}": storage.read_bytes(info.base_name)
        for stage, storage in storages.items()
        for info in storage.list_files()
    }


def test_a_new_log_is_merged_with_the_lists_of_before(tmp_path: Path, reused: list[float]) -> None:
    folder = tmp_path / "ws"
    toy.make_workspace(folder, config=CONFIG)
    path = folder / "lake/scenes/part-0.parquet"
    scenes = pq.read_table(path)
    pq.write_table(scenes.filter(pc.not_equal(scenes["log_id"], "log5")), path)
    before = made(folder)
    assert reused == [0.0, 0.0]  # clusters, then candidates
    pq.write_table(scenes, path)
    after = made(folder)
    assert reused[2:] == [42 / 48, 24 / 30]  # of all scenes, and of those in the pool without labels
    # The same to the byte as where nothing was known; the basis is an input.
    shutil.copytree(folder, tmp_path / "anew", ignore=shutil.ignore_patterns("derived", "history", "ledger.db*"))
    assert made(tmp_path / "anew") == after
    assert reused[4:] == [0.0, 0.0]
    assert f"select/{NEIGHBOURS.name}.parquet" in after
    assert before.keys() == after.keys()


def test_the_table_is_as_it_is_declared(tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "ws", config=CONFIG)
    derived = run_stages(Workspace.open(tmp_path / "ws"), shell())
    for stage in ("discover", "select"):
        table = derived[stage].storage.read_table(f"{NEIGHBOURS.name}.parquet")
        assert table.schema.equals(NEIGHBOURS.schema())
        assert (np.diff(table["mark"].to_numpy().view(np.uint64)) > 0).all()
        assert [i in near for i, near in enumerate(table["near"].to_pylist())] == [True] * table.num_rows


def test_lists_of_another_version_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reused: list[float]
) -> None:
    toy.make_workspace(tmp_path / "ws", config=CONFIG)
    made(tmp_path / "ws")
    monkeypatch.setattr("oddloop.rounds.stages.kept_neighbours.__version__", "999")
    config = (tmp_path / "ws/oddloop.toml").read_text()
    (tmp_path / "ws/oddloop.toml").write_text(config.replace("budget = 3.0", "budget = 4.0"))
    made(tmp_path / "ws")
    assert reused == [0.0, 0.0, 0.0]
