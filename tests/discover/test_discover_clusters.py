"""Planted groups come back, under the same names whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from oddloop.config import DiscoverConfig
from oddloop.derived_tables import CLUSTERS, SCENE_MAP, SCENE_VECTORS
from oddloop.discover import cluster_scenes, discover
from oddloop.discover import medoids as medoids_module
from oddloop.discover.density import density_labels
from oddloop.discover.medoids import most_typical
from oddloop.errors import TableError

CONFIG = DiscoverConfig(min_cluster_size=10, min_samples=5)
SIZES = [200, 90, 40, 25, 12]


def labels_of(scene_map: pa.Table) -> np.ndarray:
    return np.array([-1 if c is None else int(c[1:]) for c in scene_map["cluster_id"].to_pylist()])


def test_planted_blobs_are_recovered(make_blobs) -> None:
    vectors, scenes, truth = make_blobs(SIZES, n_noise=30)
    scene_map, clusters = cluster_scenes(vectors, scenes, [], CONFIG)
    found = labels_of(scene_map)
    assert clusters["cluster_id"].to_pylist() == ["c000", "c001", "c002", "c003", "c004"]
    assert adjusted_rand_score(truth[truth >= 0], found[truth >= 0]) > 0.98
    # thinly spread noise is in no cluster
    assert (found[truth == -1] == -1).mean() > 0.8


def test_facts_of_a_cluster_are_counted_from_scenes(make_blobs) -> None:
    vectors, scenes, _ = make_blobs(SIZES)
    labelled = scenes["scene_id"].to_pylist()[:100]
    scene_map, clusters = cluster_scenes(vectors, scenes, [*labelled, "gone"], CONFIG)
    found = labels_of(scene_map)
    logs, duration_s = np.array(scenes["log_id"]), scenes["duration_s"].to_numpy()
    for i, row in enumerate(clusters.to_pylist()):
        mine = found == i
        assert row["n_scenes"] == mine.sum()
        assert row["n_logs"] == len(set(logs[mine].tolist()))
        assert row["duration_s"] == pytest.approx(duration_s[mine].sum())
        assert row["n_labelled"] == mine[:100].sum()
        assert row["medoid_scene_id"] == row["medoids"][0]
        assert len(set(row["medoids"])) == 3
    assert np.diff(clusters["n_scenes"].to_numpy()).max() <= 0


def test_medoids_are_the_members_with_the_least_summed_distance(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([60, 40])
    scene_map, clusters = cluster_scenes(vectors, scenes, [], CONFIG)
    points, found, ids = np.stack(vectors["vector"].to_numpy()), labels_of(scene_map), np.array(vectors["scene_id"])
    for i, row in enumerate(clusters.to_pylist()):
        mine = points[found == i].astype(float)
        sums = [sum(np.linalg.norm(a - b) for b in mine) for a in mine]
        assert row["medoids"] == ids[found == i][np.argsort(sums)[:3]].tolist()


def test_order_of_rows_does_not_matter(make_blobs) -> None:
    vectors, scenes, _ = make_blobs(SIZES, n_noise=30)
    expected = cluster_scenes(vectors, scenes, ["s00001"], CONFIG)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n = vectors.num_rows
        shuffled = cluster_scenes(vectors.take(rng.permutation(n)), scenes.take(rng.permutation(n)), ["s00001"], CONFIG)
        assert all(ours.equals(theirs) for ours, theirs in zip(shuffled, expected, strict=True))


def test_clusters_of_one_size_are_ordered_by_their_first_scene() -> None:
    ids = [f"s{i}" for i in range(8)]
    far = [[9.0], [0.0], [9.1], [0.1], [9.2], [0.2], [9.3], [0.3]]
    vectors = pa.table([ids, far], schema=SCENE_VECTORS.schema())
    scenes = pa.table({"scene_id": ids, "log_id": ids, "duration_s": [1.0] * 8})
    scene_map, clusters = cluster_scenes(vectors, scenes, [], DiscoverConfig(min_cluster_size=4, min_samples=2))
    assert scene_map["cluster_id"].to_pylist() == ["c000", "c001"] * 4
    # 9.1 and 9.2 are equally typical: the smaller scene_id
    assert clusters["medoids"].to_pylist() == [["s2", "s4", "s0"], ["s3", "s5", "s1"]]


def test_the_map_is_the_first_two_components(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([30, 30])
    scene_map, _ = cluster_scenes(vectors, scenes, [], CONFIG)
    points = np.stack(vectors["vector"].to_numpy())
    assert scene_map["x"].to_numpy().tolist() == points[:, 0].tolist()
    assert scene_map["y"].to_numpy().tolist() == points[:, 1].tolist()
    assert scene_map["scene_id"].to_pylist() == vectors["scene_id"].to_pylist()


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_too_few_scenes_make_no_cluster(make_blobs, n: int) -> None:
    vectors, scenes, _ = make_blobs([20])
    scene_map, clusters = cluster_scenes(vectors[:n], scenes, [], CONFIG)
    assert clusters.schema.equals(CLUSTERS.schema())
    assert scene_map.schema.equals(SCENE_MAP.schema())
    assert clusters.num_rows == 0
    assert scene_map["cluster_id"].to_pylist() == [None] * n


@pytest.mark.parametrize(
    ("points", "n_clusters"),
    [
        # copies of one scene are nothing to tell apart; copies of two are two groups
        (np.zeros((50, 3)), 0),
        (np.repeat([[0.0, 0.0], [1.0, 1.0]], 30, axis=0), 2),
        # fewer points than neighbours asked for
        (np.zeros((2, 1)), 0),
        (np.zeros((1, 1)), 0),
        (np.zeros((0, 1)), 0),
    ],
)
def test_points_that_are_alike(points, n_clusters) -> None:
    assert density_labels(points, 2 if len(points) < 5 else 10, 5).max(initial=-1) + 1 == n_clusters


def test_medoids_of_a_large_cluster_are_estimated_from_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medoids_module, "_REFERENCE", 100)
    monkeypatch.setattr(medoids_module, "_ROWS", 64)
    points = np.random.default_rng(0).normal(size=(3000, 2))
    radius = np.linalg.norm(points[most_typical(points, 3)], axis=1)
    # within the innermost tenth: P(r < 0.459) = 1 - exp(-0.459^2 / 2) = 0.1
    assert radius.max() < 0.459


def test_a_scene_that_scenes_does_not_know_is_refused(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([30, 30])
    with pytest.raises(TableError, match="scene_vectors: scene 's00059' is not in `scenes`"):
        cluster_scenes(vectors, scenes[:59], [], CONFIG)


def test_the_whole_stage(make_blobs) -> None:
    vectors, scenes, truth = make_blobs([120, 60, 30])
    features = vectors.append_column("frame_id", vectors["scene_id"])[:-3]
    result = discover(scenes, features, None, pa.array(["s00000"]), CONFIG)
    assert (result.vectors.num_rows, result.scene_map.num_rows, result.n_without_vector) == (207, 207, 3)
    assert result.clusters.num_rows == 3
    assert adjusted_rand_score(truth[:-3], labels_of(result.scene_map)) > 0.98
    again = discover(scenes, features, None, pa.array(["s00000"]), CONFIG)
    assert again.vectors.equals(result.vectors)
    assert again.clusters.equals(result.clusters)


def test_the_whole_stage_on_telemetry_alone() -> None:
    rng = np.random.default_rng(0)
    slow = np.arange(100) % 3 == 0
    scenes = pa.table(
        {
            "scene_id": [f"s{i:03d}" for i in range(100)],
            "log_id": ["l"] * 100,
            "duration_s": np.full(100, 10.0),
            "speed_mps": np.where(slow, 3.0, 30.0) + rng.normal(size=100),
            "agents_per_frame": np.where(slow, 20, 2) + rng.normal(size=100),
        }
    )
    result = discover(scenes, None, None, [], CONFIG)
    assert adjusted_rand_score(slow, labels_of(result.scene_map)) > 0.9


def test_no_scenes_at_all() -> None:
    scenes = pa.table({"scene_id": pa.array([], pa.string()), "log_id": pa.array([], pa.string()), "duration_s": []})
    result = discover(scenes, None, None, [], CONFIG)
    assert (result.vectors.num_rows, result.scene_map.num_rows, result.clusters.num_rows) == (0, 0, 0)
