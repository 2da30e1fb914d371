"""The highest scores, and chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.select import random, top_k

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("score", "valid", "budget", "picked"),
    [
        # highest first
        ([1, 3, 2], [1, 1, 1], 3, [1, 2, 0]),
        ([1, 3, 2], [1, 1, 1], 2, [1, 2]),
        # ties: smallest row
        ([5, 5, 5], [1, 1, 1], 2, [0, 1]),
        # what is not valid is never picked, however high, however much budget is left
        ([9, 1, 2], [0, 1, 1], 9, [2, 1]),
        # a score that is not a finite number is not valid
        ([NAN, 1, INF, -INF], [1, 1, 1, 1], 9, [1]),
        # negative scores are scores
        ([-2, -1], [1, 1], 9, [1, 0]),
        # none
        ([], [], 9, []),
        ([NAN], [1], 9, []),
        ([1], [1], 9, [0]),
    ],
)
def test_top_k(score, valid, budget, picked) -> None:
    picks = top_k(score, valid, np.ones(len(score)), budget)
    assert picks.rows.tolist() == picked
    assert picks.gains.tolist() == [score[row] for row in picked]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_any_number_is_a_score(dtype) -> None:
    assert top_k(np.array([1, 3, 2], dtype=dtype), [True] * 3, [1, 1, 1], 2).rows.tolist() == [1, 2]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(allow_nan=True), st.booleans()), max_size=30), st.integers(0, 30))
def test_no_scene_left_out_beats_one_that_was_picked(scored, budget) -> None:
    score, valid = [s for s, _ in scored], [v for _, v in scored]
    rows = top_k(score, valid, np.ones(len(score)), budget).rows.tolist()
    usable = [i for i, (s, v) in enumerate(scored) if v and np.isfinite(s)]
    assert rows == sorted(usable, key=lambda i: (-score[i], i))[:budget]


def test_different_lengths_are_refused() -> None:
    with pytest.raises(TableError, match=r"differ in shape: \(2,\), \(3,\), \(3,\)"):
        top_k([1.0, 2.0], [True] * 3, [1.0] * 3, 5)


def test_random_spends_the_budget_and_has_no_gains() -> None:
    picks = random(np.ones(10), 4.0, np.random.default_rng(0))
    assert len(picks.rows) == 4
    assert np.isnan(picks.gains).all()


def test_random_is_fair() -> None:
    # 4,000 draws of 2 of 8: each row is expected 1,000 times, standard deviation sqrt(4000 / 4 * 3 / 4) = 27
    rng = np.random.default_rng(1)
    counts = np.bincount(np.concatenate([random(np.ones(8), 2.0, rng).rows for _ in range(4000)]), minlength=8)
    assert np.abs(counts - 1000).max() < 5 * 27


def test_random_of_nothing() -> None:
    assert random([], 4.0, np.random.default_rng(0)).rows.tolist() == []
