"""UMAP and t-SNE themselves: neighbourhoods are kept better than by components, and nothing depends on threads."""

from __future__ import annotations

import importlib.util

import numpy as np
import pyarrow as pa
import pytest
from sklearn.manifold import trustworthiness

from oddloop.config import MapConfig
from oddloop.discover import fit_map, place_on_map

# The packages compile what they need at first use, which takes half a minute.
pytestmark = [pytest.mark.system, pytest.mark.slow]


def blobs(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Twelve blobs, equally far from each other, so that no two directions hold them apart."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(12, size=n)
    return (15 * np.eye(12, 16)[truth] + rng.normal(size=(n, 16))).astype(np.float32), truth


def table_of(points: np.ndarray, prefix: str) -> pa.Table:
    vectors = pa.array(list(points), pa.list_(pa.float32()))
    return pa.table({"scene_id": [f"{prefix}{i:04d}" for i in range(len(points))], "vector": vectors})


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_fitted_map(method) -> None:
    if importlib.util.find_spec({"umap": "umap", "tsne": "openTSNE"}[method]) is None:
        pytest.skip("not installed; it comes with the extra `maps`")
    points, truth = blobs(400, seed=1)
    old, config = table_of(points, "s"), MapConfig(method=method, neighbours=15)
    frozen = fit_map(old, config)
    assert fit_map(old, config).places.tobytes() == frozen.places.tobytes()
    places = place_on_map(frozen, old)
    assert places.tobytes() == frozen.places.tobytes()
    plain = trustworthiness(points, place_on_map(None, old), n_neighbors=10)
    assert trustworthiness(points, places, n_neighbors=10) > max(0.95, plain + 0.1)
    # a fifth more: nothing moves, and each lands in the blob that it is of
    new, kind = blobs(80, seed=2)
    both = place_on_map(frozen, pa.concat_tables([table_of(new, "n"), old]))
    assert both[80:].tobytes() == places.tobytes()
    nearest = np.argmin(((both[:80, None] - places) ** 2).sum(axis=2), axis=1)
    assert (truth[nearest] == kind).mean() > 0.97
