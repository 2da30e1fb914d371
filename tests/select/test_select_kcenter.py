"""Greedy k-center gives the picks of the plain algorithm, whatever tricks make it fast."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from oddloop.errors import TableError
from oddloop.select import cover as cover_module
from oddloop.select import kcenter
from oddloop.select.frame import Frame, lower_bounds, squared_norms

LINE = np.array([[0.0], [1.0], [5.0], [6.0], [20.0]])


@pytest.fixture
def assert_naive(kcenter_naive):
    def check(vectors, costs, budget, preselected=None) -> None:
        picks = kcenter(vectors, costs, budget, preselected=preselected)
        rows, gains = kcenter_naive(vectors, costs, budget, preselected)
        assert picks.rows.tolist() == rows
        np.testing.assert_allclose(picks.gains, gains, rtol=1e-12)

    return check


@pytest.mark.parametrize(
    ("budget", "preselected", "rows", "gains"),
    [
        # 0 is labelled: 20 is 20 away, then 6 is 6 away from 0 (14 from 20), then 1 and 5 are both 1 away: row 1
        (3, [[0.0]], [4, 3, 1], [20.0, 6.0, 1.0]),
        # nothing labelled: the mean is 6.4, so 6 first; then 20 (14 away), 0 (6 away), and 1 and 5 tie at 1
        (5, None, [3, 4, 0, 1, 2], [np.nan, 14.0, 6.0, 1.0, 1.0]),
        # an empty list of labelled scenes is none
        (1, np.zeros((0, 1)), [3], [np.nan]),
        # every scene but one coincides with a labelled one
        (5, [[0.0], [1.0], [5.0], [6.0]], [4], [14.0]),
        (0, [[0.0]], [], []),
    ],
)
def test_on_a_line(budget, preselected, rows, gains) -> None:
    picks = kcenter(LINE, np.ones(5), budget, preselected=preselected)
    assert picks.rows.tolist() == rows
    np.testing.assert_array_equal(picks.gains, gains)


def test_a_scene_that_no_longer_fits_is_skipped_and_is_no_centre() -> None:
    # 20 is farthest but costs 9 of 3: 6 comes first, then 1 and 5 tie; had 20 been a centre, nothing would change for
    # 6, but a row at 19 would have been covered by it
    points = np.append(LINE, [[19.0]], axis=0)
    picks = kcenter(points, [1, 1, 1, 1, 9, 1], 3, preselected=[[0.0]])
    assert picks.rows.tolist() == [5, 3, 1]


def test_duplicates_are_picked_once() -> None:
    points = np.repeat(LINE, 3, axis=0)
    picks = kcenter(points, np.ones(15), 15)
    assert sorted(picks.rows.tolist()) == [0, 3, 6, 9, 12]


@pytest.mark.parametrize("seed", range(120))
def test_same_picks_as_the_plain_algorithm(assert_naive, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d = int(rng.integers(1, 60)), int(rng.integers(1, 20))
    points = rng.normal(size=(n, d)) * rng.uniform(0.1, 5, d)
    preselected = rng.normal(size=(int(rng.integers(0, 6)), d)) if seed % 2 else None
    costs = rng.uniform(0.1, 3.0, n) if seed % 3 else np.ones(n)
    assert_naive(points.astype([np.float64, np.float32][seed % 2]), costs, float(rng.uniform(0, n)), preselected)


@pytest.mark.parametrize("seed", range(120))
def test_same_picks_with_ties_everywhere(assert_naive, seed: int) -> None:
    # points of a small lattice: most distances occur many times, and many points are there twice
    rng = np.random.default_rng(1000 + seed)
    n, d = int(rng.integers(1, 80)), int(rng.integers(1, 4))
    points = rng.integers(0, 4, size=(n, d)).astype(float)
    preselected = rng.integers(0, 4, size=(int(rng.integers(0, 4)), d)).astype(float) if seed % 2 else None
    dtype = [np.float16, np.float32, np.float64, np.int64][seed % 4]
    assert_naive(points.astype(dtype), np.ones(n), n, preselected)


@pytest.mark.parametrize(
    ("offset", "factor"),
    [
        # far from the origin: float32 products alone would lose all digits
        (1e6, 1.0),
        (-3e9, 1.0),
        # squares beyond float32, beyond float64, and below both; powers of two keep ties ties
        (0.0, 2.0**83),
        (0.0, 2.0**660),
        (0.0, 2.0**-100),
        (0.0, 2.0**-500),
    ],
)
def test_far_and_huge_and_tiny_vectors(kcenter_naive, offset: float, factor: float) -> None:
    rng = np.random.default_rng(5)
    lattice = rng.integers(0, 8, size=(300, 3)).astype(float)
    picks = kcenter(lattice * factor + offset, np.ones(300), 40, preselected=lattice[:2] * factor + offset)
    rows, gains = kcenter_naive(lattice, np.ones(300), 40, lattice[:2])
    assert picks.rows.tolist() == rows
    np.testing.assert_allclose(picks.gains / factor, gains, rtol=1e-12)


def test_points_close_together_and_far_apart(assert_naive) -> None:
    # groups a millionth wide, one unit apart: within a group the float32 bound can tell nothing
    rng = np.random.default_rng(6)
    points = np.repeat(rng.normal(size=(6, 5)), 20, axis=0) + 1e-6 * rng.normal(size=(120, 5))
    assert_naive(points, np.ones(120), 60)


@pytest.mark.parametrize("gather", [0.0, 1.0])
def test_both_ways_of_looking_give_the_same(assert_naive, monkeypatch: pytest.MonkeyPatch, gather: float) -> None:
    monkeypatch.setattr(cover_module, "_GATHER", gather)
    rng = np.random.default_rng(7)
    points = (rng.normal(size=(4, 6)) * 9)[rng.integers(0, 4, 200)] + rng.normal(size=(200, 6))
    assert_naive(points.astype(np.float32), rng.uniform(1, 2, 200), 90.0, points[:3] + 0.5)


def test_at_most_twice_the_best_radius() -> None:
    # Gonzalez 1985; the best by trying all sets of three
    for seed in range(20):
        points = np.random.default_rng(seed).normal(size=(12, 2))
        distance = np.linalg.norm(points[:, None] - points[None], axis=2)
        best = min(distance[:, list(rows)].min(axis=1).max() for rows in itertools.combinations(range(12), 3))
        radius = distance[:, kcenter(points, np.ones(12), 3).rows].min(axis=1).max()
        assert best <= radius <= 2 * best


def test_gains_never_rise() -> None:
    gains = kcenter(np.random.default_rng(0).normal(size=(500, 4)), np.ones(500), 200).gains[1:]
    assert (np.diff(gains) <= 0).all()


def test_order_of_rows_only_changes_row_numbers() -> None:
    rng = np.random.default_rng(3)
    points, costs, order = rng.normal(size=(200, 5)), rng.uniform(1, 2, 200), rng.permutation(200)
    picks, shuffled = kcenter(points, costs, 50), kcenter(points[order], costs[order], 50)
    assert order[shuffled.rows].tolist() == picks.rows.tolist()


def test_no_copy_of_centred_float32_vectors() -> None:
    points = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    frame = Frame.of(points, points[:0])
    assert np.shares_memory(frame.scan(points), points)
    assert not np.shares_memory(Frame.of(points + 9, points[:0]).scan(points), points)


@pytest.mark.parametrize("d", [1, 16, 700])
def test_the_bound_is_below_every_true_distance(d: int) -> None:
    rng = np.random.default_rng(d)
    points = (rng.normal(size=(2000, d)) * 10.0 ** rng.integers(-4, 5, size=(2000, 1))).astype(np.float32)
    bounds = lower_bounds(points, squared_norms(points), points[7], squared_norms(points[7:8])[0])
    true = ((points.astype(np.float64) - points[7].astype(np.float64)) ** 2).sum(axis=1)
    assert (bounds <= true).all()


@pytest.mark.parametrize(
    ("vectors", "costs", "preselected", "message"),
    [
        ([[0.0], [np.nan]], [1, 1], None, "vectors must be finite; row 1 holds NaN or infinity"),
        ([[0.0], [-np.inf]], [1, 1], None, "vectors must be finite; row 1 holds"),
        ([[0.0]], [1], [[np.inf]], "preselected must be finite; row 0"),
        ([0.0, 1.0], [1, 1], None, r"one row of numbers per scene; got shape \(2,\)"),
        (np.zeros((2, 0)), [1, 1], None, r"got shape \(2, 0\)"),
        ([[0.0], [1.0]], [1], None, r"vectors \(2, 1\), costs \(1,\) and preselected \(0, 1\) do not match"),
        ([[0.0]], [1], [[0.0, 1.0]], r"preselected \(1, 2\) do not match"),
        ([[0.0]], [np.nan], None, "costs must be finite"),
    ],
)
def test_what_cannot_be_is_refused(vectors, costs, preselected, message) -> None:
    with pytest.raises(TableError, match=message):
        kcenter(vectors, costs, 1.0, preselected=preselected)


def test_nothing_and_one() -> None:
    assert kcenter(np.zeros((0, 3)), [], 5.0).rows.tolist() == []
    assert kcenter(np.zeros((0, 3)), [], 5.0, preselected=np.zeros((2, 3))).rows.tolist() == []
    assert kcenter(np.zeros((1, 3)), [1.0], 5.0).rows.tolist() == [0]
    assert kcenter(np.zeros((1, 3)), [9.0], 5.0).rows.tolist() == []
