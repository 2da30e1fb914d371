"""Neighbour lists: every row first in its own, nearest first; the examples in the docstrings run."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from oddloop.neighbours import among, columns, nearest_among, nearest_neighbours, reduce_columns, search


@pytest.mark.parametrize("module", [among, columns, search])
def test_examples(module) -> None:
    assert doctest.testmod(module).failed == 0


def test_lists_are_those_of_all_distances() -> None:
    points = np.random.default_rng(0).normal(size=(200, 5)).astype(np.float32)
    distance = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    assert nearest_neighbours(points, 7, 0).tolist() == np.argsort(distance, axis=1)[:, :7].tolist()


def test_no_more_neighbours_than_rows() -> None:
    assert nearest_neighbours(np.array([[0.0], [5.0]], dtype=np.float32), 9, 0).tolist() == [[0, 1], [1, 0]]


def test_few_rows_keep_all_columns() -> None:
    points = np.random.default_rng(0).normal(size=(50, 100)).astype(np.float32)
    assert reduce_columns(points, 50) is points
    assert reduce_columns(points, 49).shape == (50, 64)


def test_the_nearest_among_others_are_those_of_all_distances() -> None:
    rng = np.random.default_rng(0)
    points, others = (rng.normal(size=(n, 5)).astype(np.float32) for n in (200, 60))
    distance = ((points[:, None] - others[None]) ** 2).sum(axis=2)
    assert nearest_among(points, others, 7, 0).tolist() == np.argsort(distance, axis=1)[:, :7].tolist()
    assert nearest_among(points, others[:3], 7, 0).shape == (200, 3)


def test_cells_find_what_is_equal_and_seldom_miss_what_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    centres = 4 * rng.normal(size=(40, 100))
    others = (centres[rng.integers(40, size=3000)] + rng.normal(size=(3000, 100))).astype(np.float32)
    points = (centres[rng.integers(40, size=500)] + rng.normal(size=(500, 100))).astype(np.float32)
    points[:50] = others[:50]
    exact = nearest_among(points, others, 1, 0)[:, 0]
    monkeypatch.setattr(among, "MOST_PAIRS", 1000)
    found = nearest_among(points, others, 1, 0)[:, 0]
    assert found[:50].tolist() == list(range(50))
    away, least = (np.linalg.norm(points - others[rows], axis=1)[50:] for rows in (found, exact))
    assert np.median(away / least) < 1.05  # noise in 100 dimensions: nearly all of a group are as near as the nearest
    assert (away / least).max() < 1.5
    assert nearest_among(points, others, 1, 0)[:, 0].tolist() == found.tolist()
