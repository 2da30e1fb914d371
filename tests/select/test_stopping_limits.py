"""Rules that count, and what is left to do: hand-worked numbers at, below and above each limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.select.stopping import (
    stop_at_budget,
    stop_at_hours,
    stop_at_low_scores,
    stop_at_rounds,
    stop_at_share,
    stop_at_targets,
    stop_at_time,
)

HOUR_NS = 3_600 * 10**9


@pytest.mark.parametrize(
    ("spent", "next_cost", "limit", "stop"),
    [
        (0.0, 10.0, 10.0, False),  # the limit may be reached
        (0.0, 10.0, 9.99, True),
        (7.2, 2.4, 9.0, True),  # 9.6
        (7.2, 2.4, 10.0, False),
        (0.1 + 0.2, 0.0, 0.3, False),  # 0.30000000000000004: rounding is no overdraft
        (0.0, 0.0, 1e-9, False),
        (1e15, 1.0, 1e16, False),
    ],
)
def test_budget_counts_the_next_round(spent: float, next_cost: float, limit: float, stop: bool) -> None:
    assert stop_at_budget(spent, next_cost, limit, "EUR", 3, 0).stop is stop


def test_budget_says_what_was_only_predicted() -> None:
    assert "(2 as predicted)" in stop_at_budget(5.0, 1.0, 9.0, "EUR", 3, 2).sentence
    assert "predicted" not in stop_at_budget(5.0, 1.0, 9.0, "EUR", 3, 0).sentence
    assert stop_at_budget(5.0, 1.0, 9.0, "EUR", 1, 0).sentence.startswith("5 EUR went into 1 round and")


@given(st.integers(0, 50), st.integers(1, 50))
def test_rounds_and_hours_and_share_are_plain_comparisons(n: int, limit: int) -> None:
    assert stop_at_rounds(n, limit).stop is (n >= limit)
    assert stop_at_hours(n * HOUR_NS, 0, float(limit)).stop is (n >= limit)
    assert stop_at_share(n, 50, limit / 50).stop is (n >= limit)
    assert stop_at_time(n, limit, "then").stop is (n >= limit)


def test_what_lacks_data_says_so_and_does_not_stop() -> None:
    answers = [
        stop_at_hours(10**18, None, 1.0),
        stop_at_share(0, 0, 0.1),
        stop_at_low_scores([], "entropy", 0.5, 1.0),
        stop_at_low_scores([np.nan, np.nan], "entropy", 0.5, 1.0),
        stop_at_targets([], []),
        stop_at_targets(["ok", "eval_limited"], [0, 0]),
    ]
    assert [answer.stop for answer in answers] == [None] * 6
    assert all(answer.sentence for answer in answers)
    assert answers[-1].sentence == "no segment with a target was measured; 2 have no support"


@pytest.mark.parametrize(
    ("scores", "threshold", "limit", "stop"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.35, 0.0, False),  # one above
        ([0.1, 0.2, 0.3, 0.4], 0.4, 0.0, True),  # equal is not above
        ([0.1, 0.2, 0.3, 0.4], 0.35, 0.25, True),  # 1 of 4
        ([0.1, 0.2, 0.3, 0.4], 0.25, 0.25, False),  # 2 of 4
        ([0.1, np.nan, np.nan, 0.4], 0.35, 0.25, False),  # 1 of the 2 that have a score
        ([np.inf], 1.0, 0.0, False),
        ([-np.inf], 1.0, 0.0, True),
        (np.array([1, 5, 9]), 5, 0.34, True),
        (np.array([0.5], np.float16), 0.5, 0.0, True),
    ],
)
def test_low_scores(scores: list[float], threshold: float, limit: float, stop: bool) -> None:
    assert stop_at_low_scores(scores, "entropy", threshold, limit).stop is stop


@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1))
def test_few_are_above_the_highest_score_and_all_may_be_left(scores: list[float], threshold: float) -> None:
    assert stop_at_low_scores(scores, "s", max(scores), 0.0).stop is True
    assert stop_at_low_scores(scores, "s", threshold, 1.0).stop is True
    assert stop_at_low_scores(scores[::-1], "s", threshold, 0.3) == stop_at_low_scores(scores, "s", threshold, 0.3)


def test_targets_count_only_what_was_measured() -> None:
    met = stop_at_targets(["ok", "ok", "eval_limited"], [5, 9, 0])
    assert met.stop is True
    assert met.sentence == "2 of 2 measured targets are met; 1 has no support"
    short = stop_at_targets(["data_limited", "ok", "eval_limited", "data_limited"], [5, 9, 2, 1])
    assert short.stop is False
    assert short.sentence == ("1 of 4 measured targets is met; not met or not sure: 2 data_limited, 1 eval_limited")
    with pytest.raises(ValueError, match="each verdict has one support"):
        stop_at_targets(["ok"], [1, 2])
