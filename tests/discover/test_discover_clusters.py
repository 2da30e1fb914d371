"""Planted groups come back, under the same names whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import adjusted_rand_score

from oddloop.config import ClusterConfig, DiscoverConfig
from oddloop.derived_tables import CLUSTER_MEMBERS, FOUND_CLUSTERS, SCENE_MAP
from oddloop.discover import cluster_scenes, discover
from oddloop.discover import medoids as medoids_module
from oddloop.discover.medoids import most_typical
from oddloop.errors import TableError

CONFIG = ClusterConfig(min_scenes=8, min_logs=3)
SIZES = [200, 90, 40, 25, 12]


def labels_of(scene_map: pa.Table) -> np.ndarray:
    return np.array([-1 if c is None else int(c[1:]) for c in scene_map["cluster_id"].to_pylist()])


def best_jaccard(found, vectors: pa.Table, rows: np.ndarray) -> float:
    """How well the best cluster matches the scenes of some rows."""
    mine = set(np.array(vectors["scene_id"].to_pylist())[rows])
    groups: dict[str, set[str]] = {}
    for m in found.members.to_pylist():
        groups.setdefault(m["cluster_id"], set()).add(m["scene_id"])
    return max(len(mine & g) / len(mine | g) for name, g in groups.items() if name)


def test_planted_blobs_are_recovered(make_blobs) -> None:
    vectors, scenes, truth = make_blobs(SIZES, n_noise=30)
    found = cluster_scenes(vectors, scenes, CONFIG)
    assert adjusted_rand_score(truth[truth >= 0], labels_of(found.scene_map)[truth >= 0]) > 0.98
    assert all(best_jaccard(found, vectors, np.flatnonzero(truth == blob)) > 0.7 for blob in range(len(SIZES)))


def test_members_clusters_and_map_say_the_same(make_blobs) -> None:
    vectors, scenes, _ = make_blobs(SIZES, n_noise=30)
    found = cluster_scenes(vectors, scenes, CONFIG)
    pairs = {(m["scene_id"], m["cluster_id"]) for m in found.members.to_pylist()}
    assert len(pairs) == found.members.num_rows
    assert {p[0] for p in pairs} == set(vectors["scene_id"].to_pylist())
    for row in found.scene_map.to_pylist():
        assert row["cluster_id"] is None or (row["scene_id"], row["cluster_id"]) in pairs
    logs = dict(zip(scenes["scene_id"].to_pylist(), scenes["log_id"].to_pylist(), strict=True))
    for row in found.clusters.to_pylist():
        mine = {s for s, c in pairs if c == row["cluster_id"]}
        assert row["n_scenes"] == len(mine) >= 8
        assert len({logs[s] for s in mine}) >= 3
        if row["parent_id"]:
            assert mine < {s for s, c in pairs if c == row["parent_id"]}
    assert np.diff(found.clusters["n_scenes"].to_numpy()).max() <= 0


def test_order_of_rows_does_not_matter(make_blobs) -> None:
    vectors, scenes, _ = make_blobs(SIZES, n_noise=30)
    expected = cluster_scenes(vectors, scenes, CONFIG)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n = vectors.num_rows
        shuffled = cluster_scenes(vectors.take(rng.permutation(n)), scenes.take(rng.permutation(n)), CONFIG)
        for name in ("scene_map", "members", "clusters"):
            assert getattr(shuffled, name).equals(getattr(expected, name))


def test_the_map_is_the_first_two_components(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([30, 30])
    scene_map = cluster_scenes(vectors, scenes, CONFIG).scene_map
    points = np.stack(vectors["vector"].to_numpy())
    assert scene_map["x"].to_numpy().tolist() == points[:, 0].tolist()
    assert scene_map["y"].to_numpy().tolist() == points[:, 1].tolist()
    assert scene_map["scene_id"].to_pylist() == vectors["scene_id"].to_pylist()


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_too_few_scenes_make_no_cluster(make_blobs, n: int) -> None:
    vectors, scenes, _ = make_blobs([20])
    found = cluster_scenes(vectors[:n], scenes, CONFIG)
    assert found.clusters.schema.equals(FOUND_CLUSTERS.schema())
    assert found.members.schema.equals(CLUSTER_MEMBERS.schema())
    assert found.scene_map.schema.equals(SCENE_MAP.schema())
    assert found.clusters.num_rows == 0
    assert found.scene_map["cluster_id"].to_pylist() == [None] * n
    assert found.members["cluster_id"].to_pylist() == [None] * n


def test_medoids_of_a_large_cluster_are_estimated_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medoids_module, "_REFERENCE", 100)
    monkeypatch.setattr(medoids_module, "_ROWS", 64)
    points = np.random.default_rng(0).normal(size=(3000, 2))
    radius = np.linalg.norm(points[most_typical(points, 3)], axis=1)
    # within the innermost tenth: P(r < 0.459) = 1 - exp(-0.459^2 / 2) = 0.1
    assert radius.max() < 0.459


def test_medoids_are_the_members_with_the_least_summed_distance() -> None:
    points = np.random.default_rng(1).normal(size=(60, 3))
    sums = [sum(np.linalg.norm(a - b) for b in points) for a in points]
    assert most_typical(points, 3).tolist() == np.argsort(sums)[:3].tolist()


def test_medoids_of_many_members_are_those_of_plain_distances() -> None:
    points = np.random.default_rng(1).normal(size=(600, 40)) + 1000.0
    sums = cdist(points, points).sum(axis=1)
    assert most_typical(points, 600).tolist() == np.argsort(sums).tolist()


def test_a_scene_that_scenes_does_not_know_is_refused(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([30, 30])
    with pytest.raises(TableError, match="scene_vectors: scene 's00059' is not in `scenes`"):
        cluster_scenes(vectors, scenes[:59], CONFIG)


def test_the_whole_stage(make_blobs) -> None:
    vectors, scenes, truth = make_blobs([120, 60, 30], d=2)
    features = vectors.append_column("frame_id", vectors["scene_id"])[:-3]
    result = discover(scenes, features, None, DiscoverConfig(clusters=CONFIG))
    assert (result.vectors.num_rows, result.scene_map.num_rows, result.n_without_vector) == (207, 207, 3)
    assert [best_jaccard(result, vectors, np.flatnonzero(truth[:-3] == blob)) > 0.9 for blob in range(3)] == [True] * 3
    again = discover(scenes, features, None, DiscoverConfig(clusters=CONFIG))
    assert again.vectors.equals(result.vectors)
    assert again.clusters.equals(result.clusters)


def test_the_whole_stage_on_telemetry_alone() -> None:
    rng = np.random.default_rng(0)
    slow = np.arange(100) % 3 == 0
    scenes = pa.table(
        {
            "scene_id": [f"s{i:03d}" for i in range(100)],
            "log_id": [f"l{i // 5}" for i in range(100)],
            "duration_s": np.full(100, 10.0),
            "speed_mps": np.where(slow, 3.0, 30.0) + rng.normal(size=100),
            "agents_per_frame": np.where(slow, 20, 2) + rng.normal(size=100),
        }
    )
    result = discover(scenes, None, None, DiscoverConfig(clusters=CONFIG))
    assert best_jaccard(result, scenes, np.flatnonzero(slow)) > 0.9


def test_no_scenes_at_all() -> None:
    scenes = pa.table({"scene_id": pa.array([], pa.string()), "log_id": pa.array([], pa.string()), "duration_s": []})
    result = discover(scenes, None, None, DiscoverConfig())
    assert (result.vectors.num_rows, result.scene_map.num_rows, result.clusters.num_rows) == (0, 0, 0)
