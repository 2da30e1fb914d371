"""Distance to the nearest of others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from oddloop.neighbours import among
from oddloop.select import nearest as nearest_module
from oddloop.select.nearest import nearest


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (50, 7, 3), (700, 300, 16), (3, 900, 40)])
def test_agrees_with_all_distances(monkeypatch: pytest.MonkeyPatch, dtype, n: int, m: int, d: int) -> None:
    monkeypatch.setattr(nearest_module, "_POINTS", 48)  # several tiles
    monkeypatch.setattr(nearest_module, "_OTHERS", 64)
    rng = np.random.default_rng(n)
    points, others = rng.normal(size=(n, d)).astype(dtype), (rng.normal(size=(m, d)) + 50).astype(dtype)
    distance, row = nearest(points, others)
    true = cdist(points.astype(float), others.astype(float))
    np.testing.assert_allclose(distance, true.min(axis=1), rtol=1e-5)
    np.testing.assert_allclose(distance, true[np.arange(n), row], rtol=1e-12)


def test_a_scene_itself_is_at_distance_zero() -> None:
    points = np.random.default_rng(0).normal(size=(300, 8)) + 1e4
    distance, row = nearest(points, points)
    assert distance.tolist() == [0.0] * 300
    assert row.tolist() == list(range(300))


def test_no_points() -> None:
    distance, row = nearest(np.zeros((0, 2)), np.zeros((3, 2)))
    assert (len(distance), len(row)) == (0, 0)


def test_very_many_pairs_are_looked_for_in_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    others = 100 + rng.normal(size=(2000, 6))
    points = np.concatenate([others[:40], 100 + rng.normal(size=(160, 6))])
    for module in (nearest_module, among):
        monkeypatch.setattr(module, "MOST_PAIRS", 1000)
    distance, row = nearest(points, others)
    true = cdist(points, others)
    assert distance[:40].tolist() == [0.0] * 40
    np.testing.assert_allclose(distance, true[np.arange(200), row], rtol=1e-9)
    assert np.isclose(distance, true.min(axis=1)).mean() > 0.9
