"""Maps: components by default; a fitted one is frozen, and places later scenes by their nearest reference scenes."""

from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop import compiled
from oddloop.config import DiscoverConfig, MapConfig
from oddloop.discover import FrozenMap, cluster_scenes, fit_map, place_on_map
from oddloop.discover import maps as maps_module
from oddloop.discover.maps import reason_to_fit_map
from oddloop.errors import MissingExtraError


def table_of(points: np.ndarray, prefix: str = "s") -> pa.Table:
    vectors = pa.array(list(points.astype(np.float32)), pa.list_(pa.float32()))
    return pa.table(
        {"scene_id": pa.array([f"{prefix}{i:04d}" for i in range(len(points))], pa.string()), "vector": vectors}
    )


def frozen_of(points: np.ndarray, places: np.ndarray) -> FrozenMap:
    return FrozenMap(
        {"method": "tsne"}, np.array(table_of(points)["scene_id"].to_pylist()), points.astype(np.float32), places
    )


@pytest.mark.parametrize(
    ("points", "places"),
    [
        (np.array([[1.0, 2.0, 3.0]]), [[1.0, 2.0]]),
        (np.array([[1.0], [4.0]]), [[1.0, 0.0], [4.0, 0.0]]),
        (np.zeros((0, 3)), []),
    ],
)
def test_components_are_the_default_and_need_no_fit(points, places) -> None:
    assert fit_map(table_of(points), MapConfig()) is None
    assert place_on_map(None, table_of(points)).tolist() == places


def naive(frozen: FrozenMap, point: np.ndarray) -> np.ndarray:
    distance = np.sqrt(((frozen.vectors.astype(float) - point) ** 2).sum(axis=1))
    near = np.argsort(distance, kind="stable")[:10]
    same = distance[near] == 0
    weight = same.astype(float) if same.any() else 1 / distance[near]
    return (weight[:, None] * frozen.places[near]).sum(axis=0) / weight.sum()


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 5))
def test_later_scenes_agree_with_a_loop_and_their_company_changes_nothing(seed, m, d) -> None:
    rng = np.random.default_rng(seed)
    frozen = frozen_of(rng.integers(-3, 4, size=(m, d)), rng.normal(size=(m, 2)))
    points = rng.integers(-3, 4, size=(25, d)).astype(np.float32)
    later = table_of(points, prefix="new")
    places = place_on_map(frozen, later)
    np.testing.assert_allclose(places, [naive(frozen, p) for p in points.astype(float)], atol=1e-12)
    order = rng.permutation(25)[: rng.integers(1, 26)]
    assert place_on_map(frozen, later.take(order)).tobytes() == places[order].tobytes()


def test_a_reference_scene_stays_while_its_vector_does() -> None:
    points, places = np.zeros((3, 2)), np.array([[1.0, 1.0], [5.0, 5.0], [9.0, 0.0]])
    frozen = frozen_of(points, places)
    # three scenes with one vector: each has its own place, and a newcomer like them the mean
    assert place_on_map(frozen, table_of(points)).tolist() == places.tolist()
    assert place_on_map(frozen, table_of(np.zeros((1, 2)), prefix="new"))[0] == pytest.approx([5.0, 2.0])
    moved = place_on_map(frozen, table_of(np.array([[1.0, 0.0]])))
    assert moved[0] == pytest.approx([5.0, 2.0])  # known by name, but elsewhere now: equally far from all three


def test_more_scenes_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frozen, later = (
        frozen_of(rng.normal(size=(30, 4)), rng.normal(size=(30, 2))),
        table_of(rng.normal(size=(50, 4)), "n"),
    )
    whole = place_on_map(frozen, later)
    monkeypatch.setattr(maps_module, "_ROWS", 7)
    assert place_on_map(frozen, later).tobytes() == whole.tobytes()


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_missing_package_is_told_with_what_to_do(method, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("umap", "umap.umap_", "openTSNE"):
        monkeypatch.setitem(sys.modules, name, None)
    compiled.import_loops.cache_clear()
    vectors = table_of(np.random.default_rng(0).normal(size=(30, 3)))
    with pytest.raises(
        MissingExtraError, match=r"pip install 'oddloop\[maps\]', or set method = \"pca\" in \[discover.map\]"
    ):
        fit_map(vectors, MapConfig(method=method))
    compiled.import_loops.cache_clear()


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.ones((1, 2)), np.arange(18.0).reshape(9, 2), np.ones((40, 2))])
def test_too_few_scenes_or_scenes_that_are_all_alike_have_their_components(points) -> None:
    frozen = fit_map(table_of(points), MapConfig(method="tsne"))
    assert frozen.places.tolist() == points.tolist()
    assert place_on_map(frozen, table_of(points)).tolist() == points.tolist()


def test_a_map_is_fitted_to_a_draw_and_kept_in_the_basis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps_module, "_fit_tsne", lambda points, neighbours, seed: points[:, :2] * 10.0 + neighbours)
    config = MapConfig(method="tsne", neighbours=5, max_scenes=12)
    vectors = table_of(np.random.default_rng(0).normal(size=(40, 3)))
    frozen = fit_map(vectors, config)
    assert frozen.scene_ids.shape == (12,)
    assert sorted(frozen.scene_ids) == frozen.scene_ids.tolist()
    again, other = fit_map(vectors, config), fit_map(vectors, config, seed=1)
    assert again.scene_ids.tolist() == frozen.scene_ids.tolist() != other.scene_ids.tolist()
    assert reason_to_fit_map(frozen, config) == ""
    assert reason_to_fit_map(frozen, MapConfig()) == "other [discover.map]; vectors stay"
    assert reason_to_fit_map(None, config) == "other [discover.map]; vectors stay"
    assert reason_to_fit_map(None, MapConfig(neighbours=7)) == ""


def test_clusters_do_not_depend_on_the_map(make_blobs) -> None:
    vectors, scenes, _ = make_blobs([30, 20])
    plain = cluster_scenes(vectors, scenes, DiscoverConfig().clusters)
    other = cluster_scenes(vectors, scenes, DiscoverConfig().clusters, places=np.arange(100.0).reshape(50, 2))
    assert other.members.equals(plain.members)
    assert other.scene_map["x"].to_pylist() == list(range(0, 100, 2))
    assert other.scene_map["cluster_id"].equals(plain.scene_map["cluster_id"])
