"""A faulty policy of the team's own is told by name, with the scene, and picks nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oddloop.select import Picks, PolicyError, Pool
from oddloop.select.guard import run_policy
from oddloop.select.registry import Policy


def ask(make_pool, function, budget: float = 5.0) -> Picks:
    return run_policy(Policy("our:policy", function), make_pool(10, 0), budget, np.random.default_rng(0))


@pytest.mark.parametrize("answer", [[2, 0], (2, 0), np.array([2, 0], dtype=np.uint8)])
def test_row_numbers_are_enough(make_pool, answer) -> None:
    picks = ask(make_pool, lambda pool, budget, rng: answer, 99.0)
    assert picks.rows.tolist() == [2, 0]
    assert np.isnan(picks.gains).all()


def test_gains_are_kept(make_pool) -> None:
    assert ask(make_pool, lambda *_: Picks(np.array([3]), np.array([0.5]))).gains.tolist() == [0.5]


def test_no_picks_are_an_answer(make_pool) -> None:
    assert ask(make_pool, lambda *_: []).rows.tolist() == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([0, 10], "policy `our:policy` picked row 10, but the pool has rows 0 to 9"),
        ([-1], "picked row -1"),
        ([1, 2, 1], "picked scene 's0001' more than once"),
        ([0.5], "must return Picks or a list of row numbers; got [0.5]"),
        (["s0001"], "must return Picks or a list of row numbers"),
        ([[1], [2]], "must return Picks or a list of row numbers"),
        (None, "must return Picks or a list of row numbers; got None"),
        (Picks(np.array([1, 2]), np.array([1.0])), "gave 1 gains for 2 rows"),
    ],
)
def test_an_answer_that_is_no_selection_is_told(make_pool, answer, message: str) -> None:
    with pytest.raises(PolicyError) as error:
        ask(make_pool, lambda *_: answer)
    assert message in str(error.value)


def test_a_selection_beyond_the_budget_is_told(make_pool) -> None:
    costs = make_pool(10, 0).costs
    with pytest.raises(PolicyError) as error:
        ask(make_pool, lambda *_: [0, 1, 2], costs[:2].sum())
    total = f"{costs[:3].sum():g} of {costs[:2].sum():g}"
    assert (
        str(error.value)
        == f"policy `our:policy` picked scene 's0002' beyond the budget: with it the picks cost {total}"
    )


def test_a_policy_that_raises_is_told(make_pool) -> None:
    with pytest.raises(PolicyError, match="policy `our:policy` failed: ZeroDivisionError: division by zero") as error:
        ask(make_pool, lambda *_: 1 / 0)
    assert isinstance(error.value.__cause__, ZeroDivisionError)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([[1], [1, 2]], "must return Picks or a list of row numbers; got [[1], [1, 2]]"),
        (Picks(np.array([1.0]), np.ones(1)), "must return Picks or a list of row numbers"),
        (Picks(np.array([[1]]), np.ones((1, 1))), "must return Picks or a list of row numbers"),
        (Picks(np.array([1]), np.array(["high"])), "gave 1 gains for 1 rows; give one number for each, or None"),
        (Picks(np.array([1]), np.ones(1), ("cover", "cover")), "gave 2 rules for 1 rows"),
    ],
)
def test_picks_of_the_wrong_shape_or_kind_are_told(make_pool, answer, message: str) -> None:
    with pytest.raises(PolicyError, match="policy `our:policy`") as error:
        ask(make_pool, lambda *_: answer)
    assert message in str(error.value)


def test_picks_may_hold_plain_lists_and_no_gains(make_pool) -> None:
    picks = ask(make_pool, lambda *_: Picks([3, 1], [0.5, 2]), 99.0)
    assert (picks.rows.tolist(), picks.gains.tolist()) == ([3, 1], [0.5, 2.0])
    assert np.isnan(ask(make_pool, lambda *_: Picks(np.array([3]), None)).gains).all()


def test_a_policy_that_gives_up_is_told(make_pool) -> None:
    def leaves(*_) -> None:
        raise SystemExit("no licence")

    with pytest.raises(PolicyError, match="policy `our:policy` failed: SystemExit: no licence"):
        ask(make_pool, leaves)


@pytest.mark.parametrize("name", ["scene_ids", "costs", "score", "score_valid", "vectors", "has_vector", "need"])
def test_a_policy_can_change_nothing_of_its_pool(make_pool, name: str) -> None:
    pool = replace(make_pool(10, 0), need=np.ones(10))
    before = getattr(pool, name).copy()

    def writes(pool: Pool, *_) -> list[int]:
        getattr(pool, name)[0] = 0
        return [0]

    with pytest.raises(PolicyError, match="read-only"):
        run_policy(Policy("our:policy", writes), pool, 5.0, np.random.default_rng(0))
    assert getattr(pool, name).flags.writeable
    np.testing.assert_array_equal(getattr(pool, name), before)


def test_an_infinite_gain_is_no_number(make_pool) -> None:
    gains = ask(make_pool, lambda *_: Picks(np.array([3, 1]), np.array([np.inf, 2.0])), 99.0).gains
    assert np.isnan(gains[0])
    assert gains[1] == 2.0
