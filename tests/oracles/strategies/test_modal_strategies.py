"""What modAL's strategies pick as policies is what its own `ActiveLearner` picks with the real model."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select.adapters.modal import LIBRARY
from oracles.peers import load
from oracles.strategies.world import N, assert_rules, farthest_first, make_world, pick

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
PATHS = {
    name: f"modAL.{'batch' if name == 'uncertainty_batch_sampling' else 'uncertainty'}:{name}"
    for name in LIBRARY.strategies
}
SCORES = {
    "uncertainty_sampling": "least_confidence",
    "entropy_sampling": "entropy",
    "margin_sampling": "one_minus_margin",
}


@pytest.fixture(scope="module", autouse=True)
def modal():
    load("modAL.batch", "modAL-python is not installed; `make test-all` installs it into .venv-strategies ({error})")
    return load("modAL.models", "modAL cannot be imported: {error}")


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_uncertainty_of_three_classes(modal, name: str, seed: int) -> None:
    world = make_world(seed)
    score = getattr(world, SCORES[name])
    rows = pick(PATHS[name], world.pool(score), 20).rows
    strategy = getattr(load("modAL.uncertainty", "{error}"), name)
    learner = modal.ActiveLearner(world.model, strategy, world.labelled, world.y)
    theirs, _ = learner.query(world.x, n_instances=20)
    assert set(rows) == set(theirs)
    assert rows.tolist() == np.argsort(-score, kind="stable")[:20].tolist()  # best first, which theirs are not


@pytest.mark.parametrize("seed", range(3))
def test_ranked_batch_of_two_classes(modal, seed: int) -> None:
    # 1 - margin of two classes holds the probabilities whole, and so the library's trade-off.
    world = make_world(seed, n_classes=2)
    strategy = load("modAL.batch", "{error}").uncertainty_batch_sampling
    learner = modal.ActiveLearner(world.model, strategy, world.labelled, world.y)
    theirs, _ = learner.query(world.x, n_instances=15)
    assert pick(PATHS["uncertainty_batch_sampling"], world.pool(world.one_minus_margin), 15).rows.tolist() == [*theirs]


def test_a_ranked_batch_without_labels_starts_in_the_middle_and_repeats_nothing() -> None:
    world = make_world(0)
    rows = pick(PATHS["uncertainty_batch_sampling"], world.pool(world.entropy, labelled=False), 1e9).rows
    apart = np.linalg.norm(world.x[:, None] - world.x, axis=2).mean(axis=0)
    assert rows[0] == apart.argmin()
    assert sorted(rows) == list(range(len(world.x)))
    certain = pick(PATHS["uncertainty_batch_sampling"], world.pool(labelled=False), 6).rows  # nothing but distance
    assert certain[1:].tolist() == farthest_first(world.x, world.x[rows[:1]], 5)


@pytest.mark.parametrize("k", [N - 2, N - 1, N])
def test_a_repeat_of_a_ranked_batch_costs_no_pick(modal, k: int) -> None:
    world = make_world(0)
    learner = modal.ActiveLearner(world.model)
    learner.X_training = None
    repeated, _ = load("modAL.batch", "{error}").uncertainty_batch_sampling(learner, world.x, n_instances=N)
    assert len(set(repeated)) == N - 1
    rows = pick(PATHS["uncertainty_batch_sampling"], world.pool(world.entropy, labelled=False), k).rows
    assert len(set(rows)) == len(rows) == k


def test_ties_fall_by_the_seed() -> None:
    pool = make_world(0).pool()
    picks = {seed: pick(PATHS["margin_sampling"], pool, 10, seed).rows.tolist() for seed in range(3)}
    assert picks[0] == pick(PATHS["margin_sampling"], pool, 10, 0).rows.tolist()
    assert len({tuple(rows) for rows in picks.values()}) == 3


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(PATHS[name])
