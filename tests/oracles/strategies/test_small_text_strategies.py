"""What small-text's strategies pick as policies is what they pick with the real outputs, or the plain algorithm."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select import PolicyError
from oddloop.select.adapters.question import numpy_seed
from oddloop.select.adapters.small_text import LIBRARY
from oracles.peers import load
from oracles.strategies.world import N, assert_rules, farthest_first, make_world, pick, seed_given

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]
SCORES = {
    "LeastConfidence": "least_confidence",
    "PredictionEntropy": "entropy",
    "BreakingTies": "one_minus_margin",
}


@pytest.fixture(scope="module", autouse=True)
def small_text():
    return load(
        "small_text", "small-text is not installed; `make test-all` installs it into .venv-strategies ({error})"
    )


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize("k", [1, 20, N])
def test_confidence_of_three_classes(small_text, name: str, k: int) -> None:
    world = make_world(0)
    rows, none = np.arange(N), np.zeros(0, dtype=int)
    theirs = getattr(small_text, name)().query(world.model, world.x, rows, none, none, n=k)
    ours = pick(f"small_text:{name}", world.pool(getattr(world, SCORES[name])), k).rows
    assert set(ours) == set(theirs)
    assert ours.tolist() == np.argsort(-getattr(world, SCORES[name]), kind="stable")[:k].tolist()


def test_core_set_takes_the_farthest_direction() -> None:
    world = make_world(0)
    unit, labelled = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (world.x, world.labelled))
    assert pick("small_text:GreedyCoreset", world.pool(), 15).rows.tolist() == farthest_first(unit, labelled, 15)


def test_core_set_cannot_start_without_labels() -> None:
    with pytest.raises(PolicyError, match="GreedyCoreset measures from labelled scenes, and none of them has a vector"):
        pick("small_text:GreedyCoreset", make_world(0).pool(labelled=False), 5)


def test_lightweight_core_set_draws_by_the_seed() -> None:
    world = make_world(0)
    coresets = load("small_text.query_strategies.coresets", "{error}")
    x = world.x.astype(float)
    unit, mean = x / np.linalg.norm(x, axis=1, keepdims=True), x.mean(axis=0)
    with numpy_seed(seed_given()):
        theirs = coresets.lightweight_coreset(unit, mean / np.linalg.norm(mean), 10, normalized=True)
    assert pick("small_text:LightweightCoreset", world.pool(), 10).rows.tolist() == theirs.tolist()


def test_kmeans_takes_one_of_each_group() -> None:
    world = make_world(0)
    x = (np.eye(4)[np.arange(N) % 4] * 9 + world.x / 9).astype(np.float32)
    grouped = type(world)(world.model, world.labelled, world.y, x, world.probs)
    rows = pick("small_text:EmbeddingKMeans", grouped.pool(), 4).rows
    assert sorted(rows % 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(f"small_text:{name}")
