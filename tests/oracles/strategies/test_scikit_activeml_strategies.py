"""What scikit-activeml's strategies pick as policies is what they pick when asked as their users ask them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from oddloop.select.adapters.scikit_activeml import LIBRARY
from oddloop.select.guard import run_policy
from oddloop.select.registry import Policy
from oracles.peers import load
from oracles.strategies.world import assert_rules, farthest_first, make_world, pick, seed_given

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def pool_strategies():
    return load(
        "skactiveml.pool",
        "scikit-activeml is not installed; `make test-all` installs it into .venv-strategies ({error})",
    )


@pytest.mark.parametrize("seed", range(3))
def test_uncertainty_of_three_classes(pool_strategies, seed: int) -> None:
    world = make_world(seed)
    classifier = load("skactiveml.classifier", "{error}").SklearnClassifier(world.model, classes=[0, 1, 2])
    x, y = np.concatenate([world.labelled, world.x]), np.concatenate([world.y, np.full(len(world.x), np.nan)])
    theirs = pool_strategies.UncertaintySampling(random_state=0).query(x, y, clf=classifier, batch_size=20)
    ours = pick("skactiveml.pool:UncertaintySampling", world.pool(world.least_confidence), 20).rows
    assert ours.tolist() == (theirs - len(world.labelled)).tolist()


@pytest.mark.parametrize("seed", range(3))
def test_core_set_takes_the_farthest(seed: int) -> None:
    world = make_world(seed)
    ours = pick("skactiveml.pool:CoreSet", world.pool(), 15).rows
    assert ours.tolist() == farthest_first(world.x, world.labelled, 15)


@pytest.mark.parametrize("name", ["TypiClust", "MaxHerding", "GreedySamplingX", "ProbCover"])
def test_strategies_on_vectors_read_no_label(pool_strategies, name: str) -> None:
    world = make_world(0, n_classes=2)  # two, since ProbCover counts the classes, at least two
    x, y = np.concatenate([world.x, world.labelled]), np.concatenate([np.full(len(world.x), np.nan), world.y])
    theirs = getattr(pool_strategies, name)(random_state=seed_given()).query(x, y, batch_size=12)
    assert pick(f"skactiveml.pool:{name}", world.pool(), 12).rows.tolist() == theirs.tolist()


def test_random_follows_the_seed() -> None:
    pool = make_world(0).pool()
    picks = [tuple(pick("skactiveml.pool:RandomSampling", pool, 10, seed).rows) for seed in (0, 0, 1, 2)]
    assert picks[0] == picks[1]
    assert len(set(picks)) == 3


def test_the_policy_in_the_docs_runs() -> None:
    page = Path(__file__).parents[3] / "docs/how-to/select-with-other-libraries.md"
    code = re.search(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)[1]
    scope: dict[str, object] = {}
    exec(compile(code, str(page), "exec"), scope)
    pool = make_world(0).pool(costs=np.linspace(0.5, 2.0, 60))
    picks = run_policy(Policy("docs", scope["typical_of_ten"]), pool, 9.0, np.random.default_rng(0))
    assert 0 < pool.costs[picks.rows].sum() <= 9.0


@pytest.mark.parametrize("name", LIBRARY.strategies)
def test_rules(name: str) -> None:
    assert_rules(f"skactiveml.pool:{name}")
