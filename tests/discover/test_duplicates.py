"""Near-duplicates: as one naive pass finds them, never chained, and a parked car is no dense cluster."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop import neighbours
from oddloop.config import ClusterConfig, DuplicatesConfig
from oddloop.derived_tables import NEAR_DUPLICATES, SCENE_VECTORS
from oddloop.discover import cluster_scenes
from oddloop.discover import duplicates as module
from oddloop.discover.duplicates import near_duplicates
from oddloop.errors import TableError
from oddloop.neighbours import growing


def naive_leaders(points: np.ndarray, threshold: float) -> set[int]:
    """Rows that lead, asked one after the other in order of their values; all distances, by rows."""
    length = np.sqrt(points.var(axis=0).sum())
    leaders: list[int] = []
    for i in np.lexsort(points.T[::-1]).tolist():
        cosines = [1 - np.sum((points[i] - points[j]) ** 2) / (2 * length**2) for j in leaders]
        if max(cosines, default=-1) < threshold:
            leaders.append(i)
    return set(leaders)


def drives(seed: int, n: int = 120, d: int = 3) -> np.ndarray:
    """Rows among which many are nearly the same."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, d))
    return base[rng.integers(n // 3, size=n)] + rng.normal(size=(n, d)) * rng.choice([0, 0.01, 0.1, 1], size=(n, 1))


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("block", [7, 512])
def test_leaders_are_those_of_a_naive_pass(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", block)
    points = drives(seed).astype(np.float32).astype(float)
    found = near_duplicates(points, threshold=0.99)
    assert set(found.representative.tolist()) == naive_leaders(points, 0.99)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([0.9, 0.995, 1.0]), st.floats(1e-3, 1e3))
def test_every_member_is_near_its_representative_and_order_and_scale_change_nothing(
    seed: int, threshold: float, scale: float
) -> None:
    points = drives(seed)
    found = near_duplicates(points, threshold=threshold)
    assert (found.cosine >= threshold - 1e-9).all()
    assert (found.representative[found.representative] == found.representative).all()
    order = np.random.default_rng(seed).permutation(len(points))
    again = near_duplicates(points[order], threshold=threshold)
    same = again.representative == again.representative[:, None]
    assert (same == (found.representative == found.representative[:, None])[order][:, order]).mean() > 0.9999
    if threshold < 1:
        scaled = near_duplicates(points * np.float32(2.0 ** round(np.log2(scale))), threshold=threshold)
        assert scaled.representative.tolist() == found.representative.tolist()


def test_the_cosine_is_at_most_that_of_the_lifted_vectors() -> None:
    points = drives(3)
    found = near_duplicates(points, threshold=0.9)
    length = np.sqrt(points.var(axis=0).sum())
    lifted = np.column_stack([points, np.full(len(points), length)])
    lifted /= np.linalg.norm(lifted, axis=1, keepdims=True)
    assert (found.cosine <= (lifted * lifted[found.representative]).sum(axis=1) + 1e-6).all()
    assert (found.representative != np.arange(len(points))).sum() > 20


def test_a_chain_of_small_steps_is_not_one_group() -> None:
    steps = np.column_stack([np.linspace(-1, 1, 400), np.zeros(400)])
    found = near_duplicates(steps, threshold=0.995)  # the typical length is .58, so .058 is near: 11 rows each way
    sizes = np.unique(found.representative, return_counts=True)[1]
    assert len(sizes) > 20
    assert sizes.max() <= 25


def test_cells_find_nearly_all_that_looking_at_all_pairs_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    base = rng.normal(size=(4000, 16))
    points = np.concatenate([base, base[:1000] + 0.05 * rng.normal(size=(1000, 16)) / 4])
    exact = near_duplicates(points).representative
    for where in (growing, module):
        monkeypatch.setattr(where, "MOST_EXACT", 100)
    monkeypatch.setattr(neighbours.search, "MOST_EXACT", 100)
    in_cells = near_duplicates(points).representative
    assert (exact != np.arange(5000)).sum() >= 1000
    assert (in_cells == exact).mean() > 0.98


def test_what_counts_is_one_row_per_group_and_log() -> None:
    points = np.array([[0.0], [0.001], [0.002], [0.003], [5.0], [-5.0]])
    found = near_duplicates(points, logs=np.array([1, 1, 2, 2, 3, 4]), threshold=0.99)
    assert found.representative.tolist() == [0, 0, 0, 0, 4, 5]
    assert found.counted.tolist() == [0, 0, 2, 2, 4, 5]


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.ones((1, 2)), np.zeros((5, 2)), np.full((4, 3), 7.0)])
def test_nothing_one_and_all_equal(points: np.ndarray) -> None:
    found = near_duplicates(points)
    assert found.representative.tolist() == [0] * len(points)
    assert found.cosine.tolist() == [1.0] * len(points)


def test_half_precision_and_huge_values() -> None:
    points = drives(1)
    half = near_duplicates(points.astype(np.float16)).representative
    assert half.tolist() == near_duplicates(points.astype(np.float16).astype(np.float64)).representative.tolist()
    huge = near_duplicates(points * 1e200).representative
    assert (huge == near_duplicates(points).representative).mean() > 0.98


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad: float) -> None:
    points = drives(0)
    points[7, 1] = bad
    with pytest.raises(TableError, match="row 7 holds NaN or infinity"):
        near_duplicates(points)


def parked_fleet() -> tuple[pa.Table, pa.Table]:
    """Sixty scenes of each of two logs' parked car, beside 400 scenes of 40 logs, of which 30 are a rare group."""
    rng = np.random.default_rng(5)
    parked = np.repeat([[9.0, -9.0, 4.0], [9.0, -9.0, 4.01]], 60, axis=0) + rng.normal(size=(120, 3)) * 0.01
    common = rng.normal(size=(370, 3)) * 3
    rare = np.array([-12.0, 12.0, 12.0]) + rng.normal(size=(30, 3))
    points = np.concatenate([parked, common, rare])
    logs = ["parked0"] * 60 + ["parked1"] * 60 + [f"log{i % 40}" for i in range(400)]
    ids = [f"s{i:03d}" for i in range(len(points))]
    vectors = pa.table([ids, list(points.astype(np.float32))], schema=SCENE_VECTORS.schema())
    return vectors, pa.table({"scene_id": ids, "log_id": logs})


def test_a_parked_car_is_not_a_dense_cluster() -> None:
    vectors, scenes = parked_fleet()
    config = ClusterConfig(min_scenes=8, min_logs=2)
    parked = {f"s{i:03d}" for i in range(120)}

    def largest_share(cosine: float) -> float:
        found = cluster_scenes(vectors, scenes, config, duplicates=DuplicatesConfig(cosine))
        clusters: dict[str, set[str]] = {}
        for row in found.members.to_pylist():
            clusters.setdefault(row["cluster_id"], set()).add(row["scene_id"])
        clusters.pop(None, None)
        return max(len(c & parked) / len(c | parked) for c in clusters.values())

    assert largest_share(1.0) > 0.9
    assert largest_share(0.995) < 0.5


def test_duplicates_join_the_clusters_of_what_stands_for_them() -> None:
    vectors, scenes = parked_fleet()
    found = cluster_scenes(vectors, scenes, ClusterConfig(min_scenes=8, min_logs=2))
    assert found.duplicates.schema == NEAR_DUPLICATES.schema()
    clusters: dict[str, set[str]] = {}
    for row in found.members.to_pylist():
        clusters.setdefault(row["scene_id"], set()).add(row["cluster_id"])
    rows = found.duplicates.to_pylist()
    assert len(rows) >= 118
    for row in (row for row in rows if row["same_log"]):
        assert clusters[row["scene_id"]] == clusters[row["representative_id"]]
