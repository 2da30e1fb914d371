"""Grouping on bare arrays: planted rare groups, plain references for each step, and what must not matter."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

from oddloop.config import ClusterConfig
from oddloop.discover.grouping import Groups, cells, find, find_groups
from oddloop.discover.grouping.communities import find_layers, neighbour_graph
from oddloop.discover.grouping.lines import follow_lines
from oddloop.errors import TableError
from oddloop.neighbours import nearest_neighbours, reduce_columns
from oddloop.neighbours import search as neighbours_module

LOOSE = ClusterConfig(min_scenes=5, min_logs=1)


def blobs(sizes: list[int], d: int, seed: int, sep: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    return (rng.normal(size=(len(sizes), d)) * sep)[truth] + rng.normal(size=(len(truth), d)), truth


def best_jaccard(groups: Groups, rows: np.ndarray) -> float:
    mine = set(rows.tolist())
    found = [set(groups.members(i).tolist()) for i in range(len(groups))]
    return max((len(mine & g) / len(mine | g) for g in found), default=0.0)


@pytest.mark.parametrize(("d", "sep"), [(2, 30.0), (8, 8.0), (64, 1.2), (256, 0.7)])
def test_every_rare_group_is_found_beside_large_ones(d: int, sep: float) -> None:
    sizes = [1500, 600, 300, *range(15, 45, 3)]
    points, truth = blobs(sizes, d, seed=d, sep=sep)
    groups = find_groups(points, config=LOOSE)
    assert all(best_jaccard(groups, np.flatnonzero(truth == k)) >= 0.5 for k in range(3, len(sizes)))


def test_groups_are_nested_and_the_flat_partition_is_made_of_them() -> None:
    points, _ = blobs([400, 200, 100, 50, 25, 12], 5, seed=1)
    groups = find_groups(points, config=LOOSE)
    sets = [set(groups.members(i).tolist()) for i in range(len(groups))]
    for a, b in combinations(range(len(sets)), 2):
        assert not sets[a] & sets[b] or sets[a] <= sets[b] or sets[b] <= sets[a]
    for i, p in enumerate(groups.parent.tolist()):
        holders = [q for q in range(len(sets)) if q != i and sets[i] < sets[q]]
        assert p == (min(holders, key=lambda q: len(sets[q])) if holders else -1)
    for label in set(groups.labels.tolist()) - {-1}:
        assert set(np.flatnonzero(groups.labels == label).tolist()) == sets[label]
    assert ((groups.persistence > 0) & (groups.persistence <= 1)).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_neither_order_nor_scale_nor_place_matters(seed: int) -> None:
    points, _ = blobs([60, 30, 15], 3, seed)
    order = np.random.default_rng(seed + 1).permutation(len(points))
    one, two = find_groups(points, config=LOOSE), find_groups(points[order], config=LOOSE)
    for i in range(len(one)):
        assert best_jaccard(two, np.argsort(order)[one.members(i)]) == 1.0
    assert len(one) == len(two)
    scaled = find_groups((points * 1024.0).astype(np.float32), config=LOOSE)
    assert scaled.rows.tolist() == one.rows.tolist()


def test_threads_do_not_matter() -> None:
    import faiss

    points, _ = blobs([700, 200, 40, 20], 32, seed=3, sep=2.0)
    before = faiss.omp_get_max_threads()
    try:
        found = []
        for n in (1, 2):
            faiss.omp_set_num_threads(n)
            found.append(find_groups(points, config=LOOSE))
    finally:
        faiss.omp_set_num_threads(before)
    assert found[0].rows.tolist() == found[1].rows.tolist()
    assert found[0].labels.tolist() == found[1].labels.tolist()


def test_a_group_must_span_logs() -> None:
    points, truth = blobs([60, 20, 20], 3, seed=5, sep=30.0)
    logs = np.where(truth == 1, 7, np.arange(len(truth)) // 2 + 10)  # the second group is one parked car
    groups = find_groups(points, logs=logs, config=ClusterConfig(min_scenes=5, min_logs=3))
    assert best_jaccard(groups, np.flatnonzero(truth == 2)) == 1.0
    assert all(len(np.unique(logs[groups.members(i)])) >= 3 for i in range(len(groups)))
    assert best_jaccard(groups, np.flatnonzero(truth == 1)) < 1.0


def test_cells_beyond_one_graph_find_the_same_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = [4000, 3000, 2000, 80, 60, 40]
    points, truth = blobs(sizes, 6, seed=2, sep=12.0)
    monkeypatch.setattr(find, "MOST_IN_GRAPH", 1000)
    monkeypatch.setattr(cells, "MOST_IN_PART", 4500)
    monkeypatch.setattr(cells, "_MOST_IN_SHARD", 3500)

    def backwards(task, items):
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(task, items[::-1]))[::-1]

    groups = find_groups(points, config=LOOSE)
    assert groups.method == "layers of cells"
    assert all(best_jaccard(groups, np.flatnonzero(truth == k)) >= 0.9 for k in range(3, 6))
    assert len(groups.labels) == len(points)
    again = find_groups(points, config=LOOSE, run=backwards)
    assert np.array_equal(again.rows, groups.rows)
    assert np.array_equal(again.labels, groups.labels)


def test_neighbours_in_cells_are_nearly_the_exact_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    points = blobs([500] * 6, 8, seed=4)[0].astype(np.float32)
    _, expected = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(points).kneighbors(points)
    exact = nearest_neighbours(points, 10, 0)
    assert np.mean([np.isin(a, b).mean() for a, b in zip(exact, expected, strict=True)]) > 0.999
    monkeypatch.setattr(neighbours_module, "MOST_EXACT", 100)
    near = nearest_neighbours(points, 10, 0)
    assert np.mean([np.isin(a, b).mean() for a, b in zip(near, expected, strict=True)]) > 0.95


@given(st.integers(0, 2**32 - 1))
def test_edges_are_the_jaccard_overlap_of_neighbour_lists(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = 12, 4
    lists = np.array([[i, *rng.choice(np.delete(np.arange(n), i), size=k - 1, replace=False)] for i in range(n)])
    lists[rng.random((n, k)) < 0.1] = -1
    lists[:, 0] = np.arange(n)
    graph = neighbour_graph(lists).toarray()
    expected = np.zeros((n, n))
    for i in range(n):
        mine = set(lists[i].tolist()) - {-1}
        for j in mine - {i}:
            other = set(lists[j].tolist()) - {-1}
            expected[i, j] += len(mine & other) / len(mine | other)
    np.testing.assert_allclose(graph, expected + expected.T, rtol=1e-6)


def modularity(graph: np.ndarray, community: np.ndarray, resolution: float) -> float:
    total, strength = graph.sum(), graph.sum(axis=1)
    same = community[:, None] == community
    return float(((graph - resolution * np.outer(strength, strength) / total) * same).sum() / total)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_no_single_row_could_move_to_a_better_community(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random((14, 14)) * (rng.random((14, 14)) < 0.4)
    graph = np.triu(weights, 1) + np.triu(weights, 1).T
    first = find_layers(csr_array(graph), (1.0,))[0]
    alone = modularity(graph, np.arange(14), 1.0)
    assert modularity(graph, first, 1.0) >= alone - 1e-12
    layers = find_layers(csr_array(graph), (4.0, 1.0, 0.1))
    for fine, coarse in pairwise(layers):
        for c in np.unique(fine):
            assert len(np.unique(coarse[fine == c])) == 1


def test_a_line_ends_when_the_group_has_grown_by_more_than_a_quarter() -> None:
    fine = np.repeat([0, 1, 2], [80, 15, 5])
    layers = [fine, np.where(fine == 2, 0, fine), np.zeros(100, dtype=np.int64)]
    lines = follow_lines(layers, 5)
    assert lines.first_size == [80, 15, 5]
    assert lines.n_layers == [3, 2, 1]  # 80 of 85, then 80 of 100: still itself
    assert lines.parent == [-1, 0, 0]
    assert follow_lines([fine, np.where(fine == 0, 0, 1)], 5).parent == [-1, 3, 3, -1]  # 15 of 20 is too little


def test_methods_by_name_are_those_of_their_libraries() -> None:
    points, truth = blobs([80, 40, 20], 3, seed=6, sep=20.0)
    for config in (
        ClusterConfig(method="kmeans", n_clusters=3, min_logs=1),
        ClusterConfig(method="hdbscan", min_logs=1),
    ):
        groups = find_groups(points, config=config)
        assert all(best_jaccard(groups, np.flatnonzero(truth == k)) > 0.9 for k in range(3))
        assert groups.method == config.method
    found = find_groups(points, config=ClusterConfig(method="dbscan", eps=3.0, min_logs=1))
    labels = DBSCAN(eps=3.0, min_samples=5).fit_predict(points.astype(np.float32))
    assert {frozenset(np.flatnonzero(labels == k)) for k in set(labels) - {-1}} == {
        frozenset(found.members(i)) for i in range(len(found))
    }


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((0, 3)),
        np.zeros((1, 3)),
        np.zeros((4, 3)),
        np.zeros((50, 3)),
        np.ones((50, 0)),
        np.arange(50.0)[:, None],
    ],
)
def test_nothing_to_tell_apart(points: np.ndarray) -> None:
    groups = find_groups(points, config=LOOSE)
    assert len(groups.labels) == len(points)
    assert all(len(groups.members(i)) < len(points) for i in range(len(groups)))


def test_copies_of_two_scenes_are_two_groups_in_any_precision() -> None:
    for dtype in (np.float16, np.float32, np.float64):
        points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 12, axis=0).astype(dtype)
        assert len(set(find_groups(points, config=LOOSE).labels.tolist()) - {-1}) == 2
    for scale in (1e200, 1e-200):
        points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 12, axis=0) * scale
        assert len(set(find_groups(points, config=LOOSE).labels.tolist()) - {-1}) == 2


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros(3), "must be a matrix"),
        (np.array([["a"]]), "must be a matrix"),
        (np.array([[0.0], [np.nan]]), "row 1 holds NaN"),
        (np.array([[np.inf]]), "row 0 holds NaN"),
    ],
)
def test_bad_points_are_named(points: np.ndarray, words: str) -> None:
    with pytest.raises(TableError, match=words):
        find_groups(points)


def test_logs_that_do_not_fit_are_named() -> None:
    with pytest.raises(TableError, match="logs must be 3 integers"):
        find_groups(np.zeros((3, 1)), logs=[1, 2])


def test_many_rows_are_compared_in_the_directions_of_greatest_variance() -> None:
    rng = np.random.default_rng(7)
    points = (rng.normal(size=(900, 5)) @ rng.normal(size=(5, 80)) + 3.0).astype(np.float32)
    assert reduce_columns(points, 900) is points
    assert reduce_columns(points[:, :64], 10).shape == (900, 64)
    reduced = reduce_columns(points, 100)
    assert reduced.shape == (900, 64)
    # five directions hold everything, so no distance changes
    one, two = (np.linalg.norm(p[:50, None] - p[None, :50], axis=2) for p in (points, reduced))
    np.testing.assert_allclose(two, one, rtol=1e-3, atol=1e-3)
