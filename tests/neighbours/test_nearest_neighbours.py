"""Neighbour lists: every row first in its own, nearest first; the examples in the docstrings run."""

from __future__ import annotations

import doctest

import numpy as np
import pytest

from oddloop.neighbours import columns, nearest_neighbours, reduce_columns, search


@pytest.mark.parametrize("module", [columns, search])
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
