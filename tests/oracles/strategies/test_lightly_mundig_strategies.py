"""What lightly-mundig picks as a policy is the plain algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select.adapters.lightly_mundig import LIBRARY
from oracles.peers import load
from oracles.strategies.world import N, assert_rules, farthest_first, make_world, pick

pytestmark = pytest.mark.system


@pytest.fixture(scope="module", autouse=True)
def _mundig():
    load(
        "lightly_mundig", "lightly-mundig is not installed; `make test-all` installs it into .venv-strategies ({error})"
    )


@pytest.mark.parametrize("seed", range(3))
def test_diversity_takes_the_farthest(seed: int) -> None:
    world = make_world(seed)
    ours = pick("lightly_mundig:Selection.add_diversifying_strategy", world.pool(), 15).rows
    assert ours.tolist() == farthest_first(world.x, world.labelled, 15)


def test_without_labels_it_starts_at_the_first_candidate() -> None:
    world = make_world(0)
    ours = pick("lightly_mundig:Selection.add_diversifying_strategy", world.pool(labelled=False), 10).rows
    assert ours.tolist() == [0, *farthest_first(world.x, world.x[:1], 9)]


@pytest.mark.parametrize("k", [1, 20, N])
def test_weights_come_in_their_order(k: int) -> None:
    world = make_world(0)
    ours = pick("lightly_mundig:Selection.add_weighting_strategy", world.pool(world.one_minus_margin), k).rows
    assert ours.tolist() == np.argsort(-world.one_minus_margin, kind="stable")[:k].tolist()


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(f"lightly_mundig:{name}")
