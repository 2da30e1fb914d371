"""What BAAL's heuristics pick as policies is what they rank first of the real outputs."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select.adapters.baal import LIBRARY
from oracles.peers import load_beside_torch
from oracles.strategies.world import N, assert_rules, make_world, pick, seed_given

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
SCORES = {"Certainty": "least_confidence", "Entropy": "entropy", "Margin": "one_minus_margin"}


@pytest.fixture(scope="module", autouse=True)
def heuristics():
    return load_beside_torch("baal.active.heuristics")


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_three_classes(heuristics, name: str, seed: int) -> None:
    world = make_world(seed)
    ours = pick(f"baal.active.heuristics:{name}", world.pool(getattr(world, SCORES[name])), 20).rows
    assert ours.tolist() == getattr(heuristics, name)()(world.probs)[:20].tolist()


def test_random_is_given_the_seed() -> None:
    expected = np.argsort(np.random.RandomState(seed_given()).rand(N))[:10]
    assert pick("baal.active.heuristics:Random", make_world(0).pool(), 10).rows.tolist() == expected.tolist()


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(f"baal.active.heuristics:{name}")
