"""The harness of label efficiency: curves as worked by hand, costs respected, nothing held out in a pool."""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))  # benchmarks are scripts, not a package

import al_pools
import peers_al
from al_models import Fitted, Frames, classify, forest, regress
from al_pools import POOLS, AlPool, geometric
from al_run import Ask, CannotRunError, area, checked, compare, learn, ranks, run_seed, walk


def toy(_seed: int = 0) -> AlPool:
    """Five units of cost 1 to 5; the error is 1 / (number of labelled units)."""
    return AlPool("toy", "units", "toy", np.eye(5, dtype=np.float32), np.arange(1.0, 6.0), np.array([0]), 1,
                  (3.0, 7.0), lambda rows, _seed: Fitted(1.0 / len(rows), np.arange(5.0)),
                  labels=np.array([7, 8, 9, 10, 11]))  # fmt: skip


def cheapest(ask: Ask) -> np.ndarray:
    return walk(ask.candidates[np.argsort(ask.costs[ask.candidates])], ask.costs, ask.budget)


def test_a_curve_is_what_is_worked_by_hand():
    pool = toy()
    curve = learn(pool, cheapest, 0, (np.array([0]), pool.fit(np.array([0]), 0)))
    # The start costs 1. Step 1 may spend 3: the unit of 2; the 1 that is left is carried. Step 2 may spend 4 + 1: 3.
    assert curve.cost.tolist() == [1.0, 4.0, 8.0]
    assert curve.spent.tolist() == [1.0, 3.0, 6.0]
    assert curve.error.tolist() == [1.0, 1 / 2, 1 / 3]
    # Over log2 of cost, from 0 by 2 to 3: (1 + 1/2) / 2 * 2 + (1/2 + 1/3) / 2 * 1, divided by 3.
    assert area(curve) == pytest.approx((1.5 + 5 / 12) / 3)


def test_a_strategy_sees_the_labels_that_were_paid_for_and_no_other():
    seen = []

    def look(ask: Ask) -> np.ndarray:
        seen.append(ask.labels.tolist())
        return cheapest(ask)

    run_seed(toy, {"look": look}, 0)
    assert seen == [[7, -1, -1, -1, -1], [7, 8, -1, -1, -1]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [([1, 1], "twice"), ([0], "no candidate"), ([2, 3], "spent 7 of a budget of 3"), ([9], "no candidate")],
)
def test_picks_that_are_not_allowed_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        run_seed(toy, {"bad": lambda ask: np.array(rows)}, 0)


def test_a_strategy_that_cannot_run_is_left_out():
    def never(ask: Ask) -> np.ndarray:
        raise CannotRunError

    assert list(run_seed(toy, {"never": never, "cheapest": cheapest}, 0)) == ["cheapest"]


@pytest.mark.parametrize("name", sorted(POOLS))
def test_nothing_held_out_is_in_a_pool(name, monkeypatch):
    pools: list[tuple[Frames, Frames]] = []

    def note(model, pool, held_out, *arguments, **options):
        pools.append((pool, held_out))
        return model(pool, held_out, *arguments, **options)

    monkeypatch.setattr(al_pools, "classify", partial(note, classify))
    monkeypatch.setattr(al_pools, "regress", partial(note, regress))
    pool = POOLS[name](3)
    fitted = pool.fit(pool.start(np.random.default_rng(0)), 0)
    ((inside, held_out),) = pools
    assert not {row.tobytes() for row in inside.inputs} & {row.tobytes() for row in held_out.inputs}
    assert fitted.score.shape == (len(pool),) == pool.costs.shape
    assert len(pool.vectors) == len(pool)
    assert fitted.probs is None or np.allclose(fitted.probs.sum(axis=1), 1.0)
    assert pool.costs.min() > 0
    assert pool.n_start + pool.steps[-1] <= pool.costs.sum()
    assert list(pool.steps) == sorted(pool.steps)


@pytest.mark.parametrize("name", sorted(POOLS))
def test_a_seed_draws_one_pool_and_another_seed_another(name):
    first, again, other = POOLS[name](0), POOLS[name](0), POOLS[name](1)
    assert np.array_equal(first.vectors, again.vectors)
    rows = first.start(np.random.default_rng(0))
    assert first.fit(rows, 0).error == again.fit(rows, 0).error
    assert not np.array_equal(first.vectors, other.vectors)


def test_entropies_of_frames_are_summed_over_their_unit():
    frames = Frames(np.array([0, 0, 1, 2]), np.array([[0.0], [0.0], [0.0], [9.0]]), np.array([0, 0, 0, 1]))
    fitted = classify(frames, frames, np.array([0, 2]), 2)
    assert fitted.score[0] == pytest.approx(2 * fitted.score[1])
    assert fitted.error == 0.0


def test_balanced_error_weighs_classes_alike():
    # Trained on class 0 alone, all is called 0: right on 3 of 4 rows, but on one class of two.
    frames = Frames(np.arange(4), np.zeros((4, 1)), np.array([0, 0, 0, 1]))
    assert classify(frames, frames, np.array([0]), 2).error == pytest.approx(0.25)
    assert classify(frames, frames, np.array([0]), 2, balanced=True).error == pytest.approx(0.5)


def test_errors_of_regressions_are_means_over_units_of_their_frames():
    # One labelled frame of target 0: the forecast is 0 everywhere.
    inputs, targets = np.ones((4, 1), np.float32), np.array([[0, 0], [0, 2], [4, 0], [0, 9]], np.float32)
    held_out = Frames(np.array([0, 0, 0, 1]), inputs, targets)
    pool = Frames(np.array([0, 1]), inputs[:2], targets[:2])
    # Unit 0: (0 + 2 + 4) / 3; unit 1: 9.
    assert regress(pool, held_out, np.array([0]), 0).error == pytest.approx((2.0 + 9.0) / 2)
    fitted = forest(pool, held_out, np.array([0]), 0, np.array([5.0, 5.0]))
    assert fitted.error == pytest.approx((2.0 + 9.0) / 2)
    assert fitted.score.tolist() == [0.0, 0.0]


def test_a_difference_is_told_with_its_interval():
    # Differences -1, -2, -3, -2: mean -2, spread 0.8165, half 3.182 * 0.8165 / 2 = 1.299.
    found = compare([1, 2, 3, 4], [2, 4, 6, 6])
    assert (found.mean, round(found.half, 3), found.verdict) == (-2.0, 1.299, "better")
    assert compare([2, 4, 6, 6], [1, 2, 3, 4]).verdict == "worse"
    assert compare([1.0], [9.0]).verdict == "unsure"


def test_ranks_count_only_pools_where_a_strategy_ran():
    assert ranks({"a": {"x": [1.0], "y": [1.0]}, "b": {"x": [3.0], "y": [2.0], "z": [1.0]}}) == {
        "x": 0.75, "y": 0.5, "z": 0.0,
    }  # fmt: skip


def test_geometric_steps():
    assert geometric(np.full(10, 10.0), 0.1, 0.4, 3) == (10.0, 20.0, 40.0)


def test_picks_may_use_a_budget_to_its_last_unit():
    ask = Ask(np.eye(3), np.full(3, 0.1), np.array([], int), np.arange(3), 0.3, np.zeros(3), None, None, None, None,
              np.random.default_rng(0), lambda rows: 0.0)  # fmt: skip
    assert checked(walk(np.arange(3), ask.costs, ask.budget), ask).tolist() == [0, 1, 2]
    assert checked(np.array([], int), ask).tolist() == []


def test_a_strategy_that_knows_no_cost_is_asked_until_the_budget_is_spent():
    asked = []

    def dearest_first(ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int) -> np.ndarray:
        asked.append((labelled.tolist(), candidates.tolist(), n))
        return candidates[::-1][:n]

    costs = np.array([1.0, 5.0, 2.0, 2.0, 9.0])
    ask = Ask(np.eye(5), costs, np.array([0]), np.arange(1, 5), 8.0, np.zeros(5), None, None, None, None,
              np.random.default_rng(0), lambda rows: 0.0)  # fmt: skip
    # 9 never fits. 8 buys 3 at a mean of 3: the order is 3, 2, 1, of which 1 fits no more beside 4; 4 buys no 5.
    assert peers_al.fill(dearest_first, ask).tolist() == [3, 2]
    assert asked == [([0], [1, 2, 3], 3)]
    # 4 buys 2 at a mean of 2; with one row asked for at a time it is asked again.
    asked.clear()
    ask = Ask(np.eye(5), costs, np.array([0]), np.arange(1, 5), 4.0, np.zeros(5), None, None, None, None,
              np.random.default_rng(0), lambda rows: 0.0)  # fmt: skip
    assert peers_al.fill(lambda *given: dearest_first(*given)[:1], ask).tolist() == [3, 2]
    assert asked == [([0], [2, 3], 2), ([0, 3], [2], 1)]
