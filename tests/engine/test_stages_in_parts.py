"""What stages do in parts travels to every engine, and comes back as what they do here: discovery and selection."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from engine.engines import ENGINES, start
from oddloop.config import ClusterConfig
from oddloop.discover.grouping import cells, find
from oddloop.engine import Engine
from oddloop.select.in_parts import pick_in_parts
from oddloop.select.pool import Pool
from oddloop.select.registry import POLICIES

COMPARING = [name for name, policy in POLICIES.items() if policy.compares_scenes]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return start(request.param)


@pytest.mark.parametrize("policy", COMPARING)
def test_picks_are_the_same(engine: Engine, policy: str) -> None:
    rng = np.random.default_rng(1)
    points, n = rng.normal(size=(120, 4)).astype(np.float32), 120
    ids = np.array([f"s{i:04d}" for i in range(n)], dtype=object)
    pool = Pool(ids, rng.uniform(0.5, 2, n), rng.random(n), np.ones(n, bool), points, np.ones(n, bool), points[:3])
    here, there = (
        pick_in_parts(POLICIES[policy], pool, 15.0, np.random.default_rng(3), 3, **how)
        for how in ({}, {"run": engine.map})
    )
    assert there.rows.tolist() == here.rows.tolist()
    assert np.array_equal(there.gains, here.gains, equal_nan=True)


def test_groups_are_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "MOST_IN_GRAPH", 500)
    monkeypatch.setattr(cells, "MOST_IN_PART", 600)
    monkeypatch.setattr(cells, "_MOST_IN_SHARD", 700)
    rng = np.random.default_rng(2)
    points = (rng.normal(size=(8, 6)) * 9)[rng.integers(0, 8, 2000)] + rng.normal(size=(2000, 6))
    group = functools.partial(find.find_groups, points, config=ClusterConfig(min_scenes=5, min_logs=1))
    here, there = group(), group(run=engine.map)
    assert here.method == there.method == "layers of cells"
    assert there.labels.tolist() == here.labels.tolist()
    assert [there.members(i).tolist() for i in range(len(there))] == [
        here.members(i).tolist() for i in range(len(here))
    ]
