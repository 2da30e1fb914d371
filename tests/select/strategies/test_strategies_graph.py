"""The similarity graph is the matrix of all pairs, as far as rows are near neighbours; facility location on vectors."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.errors import ConfigError, TableError
from oddloop.select.strategies import as_graph, facility_location, facility_location_on, similarity_graph


def distances(points) -> np.ndarray:
    points = np.asarray(points, dtype=np.float64)
    return np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=2))


def dense(graph) -> np.ndarray:
    matrix = np.zeros((len(graph), len(graph)))
    for row in range(len(graph)):
        columns, values = graph.entries(row)
        matrix[row, columns] = values
    return matrix


def joined(points, k: int) -> np.ndarray:
    """Whether either row is among the k nearest of the other, itself counted."""
    near = np.argsort(distances(points), axis=1, kind="stable")[:, :k]
    mask = np.zeros((len(points), len(points)), dtype=bool)
    mask[np.arange(len(points))[:, None], near] = True
    return mask | mask.T | np.eye(len(points), dtype=bool)


KERNELS = {
    "gaussian": lambda d, scale: np.exp(-(d**2) / (2 * scale**2)),
    "linear": lambda d, scale: np.clip(1 - d / scale, 0, None),
    "ball": lambda d, scale: np.where(d <= scale, 1.0, 0.0),
}


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", range(25))
def test_all_pairs_that_are_neighbours(kernel: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, k = rng.normal(size=(int(rng.integers(1, 40)), 3)) + 50.0 * (seed % 2), int(rng.integers(1, 45))
    expected = np.where(joined(points, k), KERNELS[kernel](distances(points), 1.5), 0.0)
    np.testing.assert_allclose(
        dense(similarity_graph(points, kernel=kernel, scale=1.5, n_neighbours=k)), expected, rtol=1e-6
    )


def test_scale_from_the_data() -> None:
    # pairs at 1, 3 and 4; in the graph each of them stands twice
    line = np.array([[0.0], [1.0], [4.0]])
    assert similarity_graph(line).scale == 3.0
    assert similarity_graph(line, kernel="linear").scale == 6.0
    assert similarity_graph(np.ones((3, 2))).scale == 1.0
    assert similarity_graph(np.ones((1, 2))).scale == 1.0
    # most pairs at distance 0: the median is no scale
    assert similarity_graph(np.array([[0.0]] * 9 + [[2.0]])).scale == 2.0


@pytest.mark.parametrize("factor", [2.0**-400, 1.0, 2.0**400, 2.0**1000])
def test_units_do_not_matter(factor: float) -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    np.testing.assert_array_equal(dense(similarity_graph(points * factor)), dense(similarity_graph(points)))


def test_given_similarities_are_turned_about() -> None:
    graph = as_graph([[1.0, 0.25], [0.5, 1.0]])
    # row j of the graph: how well j stands for each i
    assert dense(graph).tolist() == [[1.0, 0.5], [0.25, 1.0]]
    assert as_graph(graph) is graph


@pytest.mark.parametrize("seed", range(100))
def test_facility_location_on_vectors_is_that_on_their_matrix(seed: int, check_picks) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    points = rng.normal(size=(n, 3)).astype([np.float16, np.float32, np.float64][seed % 3])
    fixed = rng.normal(size=(int(rng.integers(0, 4)), 3)).astype(points.dtype)
    costs, weights, budget = rng.uniform(0.5, 2, n), rng.uniform(0, 1, n), float(rng.uniform(0, n))
    picks = facility_location(
        points, budget, costs=costs, preselected=fixed, weights=weights, kernel="gaussian", scale=1.0
    )
    check_picks(picks, costs, budget)
    both = KERNELS["gaussian"](distances(np.concatenate([points, fixed])), 1.0)
    covered = both[:n, n:].max(axis=1, initial=0.0)
    expected = facility_location_on(both[:n, :n], budget, costs=costs, weights=weights, covered=covered)
    assert picks.rows.tolist() == expected.rows.tolist()
    np.testing.assert_allclose(picks.gains, expected.gains, rtol=1e-4, atol=1e-6)


def test_what_is_labelled_already_is_not_picked_again() -> None:
    line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    picks = facility_location(line, 5, preselected=line[:3])
    assert set(picks.rows.tolist()) == {3, 4}
    assert facility_location(line, 5, preselected=line).rows.tolist() == []


def test_nothing_one_and_all_equal() -> None:
    assert facility_location(np.zeros((0, 3)), 5).rows.tolist() == []
    assert facility_location(np.zeros((0, 3)), 5, preselected=np.zeros((2, 3))).rows.tolist() == []
    assert facility_location([[1.0, 2.0]], 5).rows.tolist() == [0]
    assert facility_location(np.ones((9, 2)), 5).rows.tolist() == [0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vectors": [[0.0], [np.nan]]}, TableError, "vectors must be finite; row 1 holds NaN or infinity"),
        ({"vectors": [0.0]}, TableError, "vectors must be one row of numbers per scene"),
        ({"preselected": [[np.inf]]}, TableError, "preselected must be finite; row 0"),
        ({"preselected": [[0.0, 1.0]]}, TableError, r"vectors \(2, 1\) and preselected \(1, 2\) do not match"),
        ({"kernel": "cubic"}, ConfigError, "kernel = 'cubic' is not known; known: gaussian, linear, ball"),
        ({"scale": 0.0}, ConfigError, "scale must be above 0 and finite; got 0.0"),
        ({"n_neighbours": 0}, ConfigError, "n_neighbours must be 1 or more; got 0"),
    ],
)
def test_what_cannot_be_is_refused(options, error, message) -> None:
    with pytest.raises(error, match=message):
        facility_location(**{"vectors": [[0.0], [1.0]], "budget": 1.0, **options})


def test_an_outlier_does_not_make_all_others_alike() -> None:
    points = np.random.default_rng(0).normal(size=(60, 2))
    rows = facility_location(points, 8).rows.tolist()
    outlier = np.append(points, [[1e6, 1e6]], axis=0)
    assert similarity_graph(outlier, kernel="linear").scale < 2 * similarity_graph(points, kernel="linear").scale
    assert len({*rows} & {*facility_location(outlier, 9).rows.tolist()}) >= 6
