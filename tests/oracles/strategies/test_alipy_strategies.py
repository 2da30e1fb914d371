"""What ALiPy's strategies pick as policies is what they pick with the real model, or the plain algorithm."""

from __future__ import annotations

import collections

import numpy as np
import pytest

from oddloop.select import PolicyError
from oddloop.select.adapters.alipy import LIBRARY, removed_names
from oracles.peers import load
from oracles.strategies.world import N, assert_rules, farthest_first, make_world, pick

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def alipy():
    return load(
        "alipy.query_strategy", "alipy is not installed; `make test-all` installs it into .venv-strategies ({error})"
    )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 20, N])
def test_entropy_of_three_classes(alipy, seed: int, k: int) -> None:
    world = make_world(seed)
    ours = pick("alipy.query_strategy:QueryInstanceUncertainty", world.pool(world.entropy), k).rows
    with removed_names():
        theirs = alipy.QueryInstanceUncertainty(world.x, np.zeros(N)).select([], np.arange(N), world.model, k)
    assert set(ours) == set(theirs)
    assert ours.tolist() == np.argsort(-world.entropy, kind="stable")[:k].tolist()


def test_it_fails_without_the_names_that_were_removed(alipy) -> None:
    with pytest.raises(AttributeError, match="Iterable"):
        alipy.QueryInstanceUncertainty().select_by_prediction_mat([0, 1], np.full((2, 2), 0.5))
    make = make_world(0)
    pick("alipy.query_strategy:QueryInstanceUncertainty", make.pool(make.entropy), 5)
    assert not hasattr(collections, "Iterable")
    assert not hasattr(np, "infty")


@pytest.mark.parametrize("seed", range(3))
def test_core_set_takes_the_farthest(seed: int) -> None:
    world = make_world(seed)
    ours = pick("alipy.query_strategy:QueryInstanceCoresetGreedy", world.pool(), 15).rows
    assert ours.tolist() == farthest_first(world.x, world.labelled, 15)


def test_core_set_cannot_start_without_labels() -> None:
    with pytest.raises(PolicyError, match="QueryInstanceCoresetGreedy measures from labelled scenes"):
        pick("alipy.query_strategy:QueryInstanceCoresetGreedy", make_world(0).pool(labelled=False), 5)


@pytest.mark.parametrize("seed", range(3))
def test_density_weighted_is_entropy_times_mean_distance(seed: int) -> None:
    world = make_world(seed, n_classes=2)
    distance = np.array([np.mean([np.linalg.norm(a - b) for b in world.x]) for a in world.x])
    ours = pick("alipy.query_strategy:QueryInstanceDensityWeighted", world.pool(world.one_minus_margin), 15).rows
    assert ours.tolist() == np.argsort(-world.entropy * distance, kind="stable")[:15].tolist()


@pytest.mark.parametrize("seed", range(3))
def test_graph_density_one_at_a_time_is_the_batch(alipy, seed: int) -> None:
    world = make_world(seed)
    x = np.concatenate([world.x, world.labelled]).astype(float)
    rows = np.arange(len(x))
    with removed_names():
        asked = alipy.QueryInstanceGraphDensity(x, np.zeros(len(x)), rows)
        theirs = asked.select(rows[N:], rows[:N], batch_size=10)
    assert set(pick("alipy.query_strategy:QueryInstanceGraphDensity", world.pool(), 10).rows) == set(theirs)


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(f"alipy.query_strategy:{name}")
