"""`scenes find`: every condition against a filter written out, and errors that say what there is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import TableError, WorkspaceError
from oddloop.rounds import discovery
from oddloop.rounds.discovery import find as find_module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("find") / "ws"
    toy.make_workspace(folder)
    call(folder, "discover", "name", first_cluster(folder), "night tram", "--note", "with hail")
    return folder


def call(folder: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments, "-w", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def first_cluster(folder: Path) -> str:
    return json.loads(call(folder, "discover", "--json"))["clusters"][0]["cluster_id"]


def find(folder: Path, *arguments: str) -> list[dict]:
    return json.loads(call(folder, "scenes", "find", *arguments, "--top", "1000", "--json"))


def ids(rows: list[dict]) -> list[str]:
    return [row["scene_id"] for row in rows]


def test_values_and_labels(folder: Path) -> None:
    scenes = toy.scenes_table().to_pylist()
    rain = [s["scene_id"] for s in scenes if s["weather"] == "rain"]
    assert ids(find(folder, "--where", "weather=rain")) == sorted(rain)
    wet = [s["scene_id"] for s in scenes if s["weather"] == "rain" and s["rain_mm_h"] > 0]
    assert ids(find(folder, "--where", "weather=rain", "--where", "rain=light|moderate")) == sorted(wet)
    labelled = set(toy.labels_table(toy.scenes_table())["scene_id"].to_pylist())
    assert set(ids(find(folder, "--labelled"))) == labelled
    assert set(ids(find(folder, "--unlabelled"))).isdisjoint(labelled)


def test_scores(folder: Path) -> None:
    (path,) = folder.glob("derived/score/*/scene_scores.parquet")
    table = pq.read_table(path)
    name = "classification_entropy_mean"
    high = [r["scene_id"] for r in table.to_pylist() if r[name] >= 0.7]
    assert 0 < len(high) < table.num_rows
    assert ids(find(folder, "--score", f"{name} >= 0.7")) == sorted(high)
    assert ids(find(folder, "--score", f"{name}>=0.7", "--score", f"{name}<0.7")) == []


def test_clusters_scenarios_and_words(folder: Path) -> None:
    cluster = first_cluster(folder)
    inside = json.loads(call(folder, "discover", "show", cluster, "--json"))["scene_ids"]
    assert ids(find(folder, "--cluster", cluster)) == sorted(inside)
    assert ids(find(folder, "--scenario", "night tram")) == sorted(inside)
    assert ids(find(folder, "--text", "hail tram")) == sorted(inside)
    assert all(cluster in row["cluster_ids"] for row in find(folder, "--text", "hail"))


def test_examples_and_vectors(folder: Path, tmp_path: Path) -> None:
    (path,) = folder.glob("derived/discover/*/scene_vectors.parquet")
    table = pq.read_table(path).sort_by("scene_id")
    vectors = np.array(table["vector"].to_pylist())
    names = table["scene_id"].to_pylist()
    order = np.argsort(np.linalg.norm(vectors - vectors[0], axis=1), kind="stable")
    found = find(folder, "--like", names[0])
    assert ids(found) == [names[i] for i in order if i]
    assert found[0]["nearest"] == names[0]
    np.save(tmp_path / "v.npy", vectors[0])
    assert ids(find(folder, "--vector", str(tmp_path / "v.npy")))[0] == names[0]
    far = find(folder, "--like", names[0], "--unlike", names[order[1]])
    assert all(0 <= row["relevance"] <= 1 for row in far)
    assert names[order[1]] not in ids(far)


def test_the_index_gives_the_same_nearest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = json.loads(call(folder, "scenes", "find", "--like", "log0/s0", "--top", "5", "--json"))
    monkeypatch.setattr(find_module, "MOST_EXACT", 10)
    assert json.loads(call(folder, "scenes", "find", "--like", "log0/s0", "--top", "5", "--json")) == exact
    assert list(folder.glob("derived/index/*/vectors.faiss"))
    assert discovery.find_scenes


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (["--where", "wether=rain"], TableError, "attribute 'wether' is not known; did you mean weather"),
        (["--where", "weather=xyz"], TableError, "no scene has weather=xyz; there are: clear, rain"),
        (["--where", "weather"], TableError, "not of the form attribute=value"),
        (["--score", "nothing > 1"], TableError, "score 'nothing' is not known; there are"),
        (["--score", "entropy is high"], TableError, "not of the form `score >= 0.5`"),
        (["--cluster", "c9999"], WorkspaceError, "'c9999' has no scenes now"),
        (["--scenario", "ufo"], WorkspaceError, "'ufo' is not known; named: night tram"),
        (["--like", "ghost"], TableError, "'ghost' has no scene vector"),
        (["--unlike", "log0/s0"], TableError, "needs `like`"),
        (["--vector", "nowhere.npy"], TableError, "cannot be read as a .npy file"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, arguments: list[str], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        find(folder, *arguments)
