"""Principal components: an exact, repeatable projection."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from oddloop.discover import projection
from oddloop.discover.projection import fit_components


def test_agrees_with_the_singular_value_decomposition() -> None:
    values = np.random.default_rng(0).normal(size=(80, 6)) * [5, 4, 3, 2, 1, 0.5]
    result = fit_components(values, 3)
    u, s, _ = np.linalg.svd(values - values.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(result.place(values)), np.abs((u * s)[:, :3]), atol=1e-9)
    np.testing.assert_allclose(result.explained, (s**2 / (s**2).sum())[:3])


def test_all_components_keep_all_distances() -> None:
    values = np.random.default_rng(1).normal(size=(30, 5))
    result = fit_components(values, 5).place(values)
    for a, b in ((0, 1), (3, 29)):
        assert np.linalg.norm(result[a] - result[b]) == pytest.approx(np.linalg.norm(values[a] - values[b]))


def test_the_sign_is_fixed() -> None:
    # the largest loading is positive: a point far out along one axis has a positive coordinate, whichever way it points
    values = np.random.default_rng(2).normal(size=(50, 3)) * [9, 1, 1]
    other = values * [1, -1, 1]
    first, mirrored = fit_components(values, 1).place(values), fit_components(other, 1).place(other)
    assert np.corrcoef(first.ravel(), values[:, 0])[0, 1] > 0.99
    np.testing.assert_allclose(first, mirrored)


@pytest.mark.parametrize(
    ("values", "n_components", "shape"),
    [
        # no more directions than the data has
        (np.outer(np.arange(9.0), [1, 2, 3]), 3, (9, 1)),
        # fewer rows than columns
        (np.random.default_rng(0).normal(size=(4, 50)), 16, (4, 3)),
        (np.random.default_rng(0).normal(size=(2, 5)), 16, (2, 1)),
        # all alike; one; none; no columns
        (np.ones((6, 4)), 16, (6, 1)),
        (np.ones((1, 4)), 16, (1, 1)),
        (np.zeros((0, 4)), 16, (0, 1)),
        (np.zeros((5, 0)), 16, (5, 1)),
    ],
)
def test_shapes(values, n_components, shape) -> None:
    result = fit_components(values, n_components)
    placed = result.place(values)
    assert placed.shape == shape
    assert result.explained.shape == shape[1:]
    assert np.isfinite(placed).all()
    assert result.explained.sum() <= 1 + 1e-12


def test_later_rows_are_placed_as_scikit_learn_places_them() -> None:
    rng = np.random.default_rng(3)
    values, later = rng.normal(size=(90, 7)), rng.normal(size=(20, 7))
    np.testing.assert_allclose(fit_components(values, 4).place(later), PCA(4).fit(values).transform(later), atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1, 1), (2500, 33)])
def test_compiled_and_numpy_agree_to_the_bit(shape, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).normal(size=shape) * 1e3
    components = fit_components(values, 32)
    compiled = components.place(values)
    monkeypatch.setattr(projection, "import_loops", lambda _name: None)
    assert components.place(values).tobytes() == compiled.tobytes()


def test_the_loop_is_compiled_here() -> None:
    assert projection.import_loops("oddloop.discover.loops") is not None


@pytest.mark.parametrize("d", [1, 3, 33, 257])
def test_a_row_is_placed_alike_in_any_company(d) -> None:
    values = np.random.default_rng(4).normal(size=(2500, d))
    components = fit_components(values[:300], 32)
    whole = components.place(values)
    for rows in (slice(0, 1), slice(7, 300), slice(2040, 2051), slice(None, None, -1)):
        assert components.place(values[rows]).tobytes() == whole[rows].tobytes()


def test_the_number_of_threads_changes_no_bit() -> None:
    values, found = np.random.default_rng(6).normal(size=(300, 500)), []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            found.append(fit_components(values, 32))
    assert found[0].loadings.tobytes() == found[1].loadings.tobytes()
    assert found[0].mean.tobytes() == found[1].mean.tobytes()
