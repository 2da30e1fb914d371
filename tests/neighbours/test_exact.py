"""Exact neighbours: as measured pair by pair, and the same to the bit whichever lists were known before."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from oddloop.neighbours import exact, keeping, nearest_neighbours
from oddloop.neighbours.exact import Lists, exact_neighbours, mark_rows


def squared(points: np.ndarray) -> np.ndarray:
    """(n, n) squared distances in float64."""
    return ((points[:, None].astype(np.float64) - points[None]) ** 2).sum(axis=2)


def blobs(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    centres = rng.normal(size=(5, d)) * 3
    return (centres[rng.integers(0, 5, n)] + rng.normal(size=(n, d))).astype(np.float32)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """How many rows were searched among how many, search by search."""
    seen, plain = [], exact._nearest

    def noted(points: np.ndarray, rows: np.ndarray, among: np.ndarray, *more: object) -> np.ndarray:
        seen.append((len(rows), len(among)))
        return plain(points, rows, among, *more)

    monkeypatch.setattr(exact, "_nearest", noted)
    return seen


@pytest.mark.parametrize("n", [0, 1, 2, 9, 150])
@pytest.mark.parametrize("d", [1, 3, 40])
@pytest.mark.parametrize("k", [1, 4, 20])
def test_they_are_the_nearest(n: int, d: int, k: int) -> None:
    rng = np.random.default_rng([n, d, k])
    # Of a lattice many rows are alike, and many equally far.
    for points in (blobs(rng, n, d), rng.integers(0, 3, (n, d)).astype(np.float32)):
        rows, distance = exact_neighbours(points, k).rows, squared(points)
        assert rows.shape == (n, min(k, n))
        assert [len(set(row)) for row in rows.tolist()] == [min(k, n)] * n
        found = np.take_along_axis(distance, rows, axis=1)
        np.testing.assert_allclose(found, np.sort(distance, axis=1)[:, :k], rtol=1e-5)


def test_what_matrix_products_cannot_tell_apart_is_measured() -> None:
    # Far from the origin |x|^2 + |y|^2 - 2 x.y in float32 is noise: squares of 6e7 go in steps of 4.
    points = (1000 + np.random.default_rng(1).normal(size=(2000, 64)) * 0.1).astype(np.float32)
    by_products = exact.exact_index(points).search(points, 5)[1]
    expected = np.argsort(cdist(points.astype(np.float64), points, "sqeuclidean"), axis=1)[:, :5]
    assert (by_products != expected).mean() > 0.5
    assert exact_neighbours(points, 5).rows.tolist() == expected.tolist()


def test_a_row_far_from_all_makes_nothing_harder_for_the_others(looked_at: list[tuple[int, int]]) -> None:
    points = blobs(np.random.default_rng(6), 3000, 64)
    points[7] = 1e4
    rows = exact_neighbours(points, 5).rows
    expected = np.argsort(cdist(points.astype(np.float64), points, "sqeuclidean"), axis=1)[:, :5]
    assert rows.tolist() == expected.tolist()
    assert looked_at[0] == (3000, 3000)
    assert sum(n_rows for n_rows, _ in looked_at[1:]) < 60


@pytest.mark.parametrize("seed", range(30))
def test_lists_of_before_change_nothing(seed: int) -> None:
    """Rows come, go, come back, and are there twice, in any order; each search knows the lists of the one before."""
    rng = np.random.default_rng(seed)
    d, k = int(rng.choice([1, 2, 30, 257])), int(rng.choice([1, 5, 16]))
    fleet = blobs(rng, 300, d) if seed % 3 else rng.integers(0, 4, (300, d)).astype(np.float32)
    known = None
    for _ in range(6):
        there = rng.choice(300, int(rng.integers(0, 300)), replace=bool(rng.integers(0, 2)))
        found, anew = exact_neighbours(fleet[there], k, known), exact_neighbours(fleet[there], k)
        assert found.rows.tolist() == anew.rows.tolist()
        assert [part.tolist() for part in found.lists] == [part.tolist() for part in anew.lists]
        known = found.lists


def test_only_what_is_new_is_compared_with_all(looked_at: list[tuple[int, int]]) -> None:
    points = blobs(np.random.default_rng(2), 1000, 8)
    before = exact_neighbours(points[:980], 10).lists
    looked_at.clear()
    exact_neighbours(points, 10, before)
    assert looked_at[0] == (980, 20)
    assert (20, 1000) in looked_at
    assert sum(n_rows * n_among for n_rows, n_among in looked_at) < 50_000  # of a million
    # A row that is gone sends those to search anew that had it as a neighbour, and no others.
    had_it = (before.near == int(np.flatnonzero(before.marks == mark_rows(points[:1]))[0])).any(axis=1).sum() - 1
    looked_at.clear()
    exact_neighbours(points[1:980], 10, before)
    assert looked_at[:2] == [(979 - had_it, 0), (had_it, 979)]


def test_lists_of_another_width_or_of_no_rows_are_of_no_use_and_do_no_harm() -> None:
    points = blobs(np.random.default_rng(3), 40, 3)
    expected = exact_neighbours(points, 5).rows.tolist()
    nothing = Lists(np.zeros(0, np.uint64), np.zeros((0, 5), np.int64))
    for known in (nothing, exact_neighbours(points, 4).lists, exact_neighbours(points + 99, 5).lists):
        assert exact_neighbours(points, 5, known).rows.tolist() == expected
    assert exact_neighbours(points[:0], 5, exact_neighbours(points, 5).lists).rows.shape == (0, 0)


def test_marks_tell_rows_apart_whatever_is_beside_them() -> None:
    rows = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 5), axis=-1).reshape(-1, 5).astype(np.float32)
    marks = mark_rows(rows)
    assert len(np.unique(marks)) == len(rows) == 3125
    assert mark_rows(rows[7:8]).tolist() == marks[7:8].tolist()


def test_distances_do_not_depend_on_what_else_is_measured() -> None:
    rng = np.random.default_rng(4)
    for d in (1, 7, 64, 257):
        points, others = blobs(rng, 200, d), rng.integers(0, 200, (200, 19))
        whole = exact._measure(points, np.arange(200), others)
        for n in range(1, 9):
            rows, places = rng.integers(0, 200, n), rng.integers(0, 19, n + 1)
            part = exact._measure(points, rows, others[rows][:, places])
            assert part.tolist() == whole[rows][:, places].tolist()


def test_the_first_search_is_kept_and_no_other() -> None:
    points = blobs(np.random.default_rng(5), 60, 3)
    first = exact_neighbours(points, 5).lists
    with keeping(None) as kept:
        nearest_neighbours(points, 5, 0)
        nearest_neighbours(points[:9], 2, 0)
    assert kept.found is not None
    assert kept.found.near.tolist() == first.near.tolist()
    nearest_neighbours(points[:9], 2, 0)  # nobody keeps them any more
    assert kept.found.near.tolist() == first.near.tolist()
