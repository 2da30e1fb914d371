"""The policy `funnel`: against a naive walk through its three steps, its bounds, and through the stage."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import CostConfig, FunnelConfig, SelectConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.errors import ConfigError, TableError
from oddloop.select import select
from oddloop.select.funnel import funnel


def naive(score, vectors, budget, costs, keep, groups) -> list[int]:
    """The three steps, each with plain loops; similarity falls linearly to 0 at the largest distance."""
    ranked = sorted(range(len(score)), key=lambda i: (-score[i], i))
    most = sum(costs) * keep
    kept = [row for place, row in enumerate(ranked) if sum(costs[one] for one in ranked[: place + 1]) <= most]
    kept = kept or ranked[:1]
    away = {(i, j): float(np.linalg.norm(vectors[i] - vectors[j])) for i in kept for j in kept}
    largest = max(away.values(), default=0.0) or 1.0
    near, best, order = {pair: 1 - d / largest for pair, d in away.items()}, dict.fromkeys(kept, 0.0), []
    while left := [row for row in kept if row not in order]:
        gains = {j: sum(max(near[i, j] - best[i], 0.0) for i in kept) / costs[j] for j in left}
        row = max(left, key=lambda j: (round(gains[j], 9), -kept.index(j)))
        if gains[row] <= 1e-9:
            order += left
            break
        order.append(row)
        best = {i: max(best[i], near[i, row]) for i in kept}
    order += ranked[len(kept) :]
    taken, of = [], dict.fromkeys(groups, 0.0)
    while order:
        group = min({groups[row] for row in order}, key=lambda g: (of[g], g))
        row = next(row for row in order if groups[row] == group)
        order.remove(row)
        if sum(costs[one] for one in taken) + costs[row] <= budget:
            taken.append(row)
            of[group] += costs[row]
    return taken


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_naive_walk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    score, vectors = rng.permutation(n).astype(float), rng.normal(size=(n, 2))
    costs, groups = np.ones(n), rng.integers(0, 3, n)
    budget, keep = float(rng.integers(1, 6)), float(rng.choice([0.1, 0.5, 1.0]))
    found = funnel(score, vectors, budget, costs=costs, keep=keep, groups=groups)
    assert set(found.rows.tolist()) == set(naive(score, vectors, budget, costs, keep, groups.tolist()))
    assert found.gains.tolist() == score[found.rows].tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 25))
def test_bounds(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(n) < 0.2, np.nan, rng.random(n))
    costs, groups = rng.integers(0, 4, n).astype(float), rng.integers(0, 3, n)
    rows = funnel(score, rng.normal(size=(n, 3)), 6.0, costs=costs, groups=groups).rows
    assert len(set(rows.tolist())) == len(rows)
    assert costs[rows].sum() <= 6.0
    assert np.isfinite(score[rows]).all()


def test_groups_cost_the_same() -> None:
    rng = np.random.default_rng(1)
    groups = np.array([0] * 30 + [1] * 10)
    rows = funnel(rng.random(40), rng.normal(size=(40, 2)), 12.0, costs=np.ones(40), keep=1.0, groups=groups).rows
    assert np.bincount(groups[rows]).tolist() == [6, 6]


def test_the_stage_balances_an_attribute() -> None:
    n, rng = 40, np.random.default_rng(2)
    ids = [f"s{i:02d}" for i in range(n)]
    scenes = pa.table({"scene_id": ids, "log_id": ["l"] * n, "n_frames": [10] * n, "rain": ["heavy"] * 5 + [None] * 35})
    scores = pa.table({"scene_id": ids, "n_frames_scored": [10] * n, "n_objects_sum": [0] * n,
                       "doubt": rng.random(n), "doubt_valid": [True] * n})  # fmt: skip
    vectors = pa.table([ids, list(rng.normal(size=(n, 3)).astype(np.float32))], schema=SCENE_VECTORS.schema())
    config = SelectConfig(policy="funnel", score="doubt", budget=12.0, funnel=FunnelConfig(keep=1.0, balance="rain"))
    cost = CostConfig(per_frame=0.12)
    result = select(scenes, [], scores, vectors, None, config, cost, np.random.default_rng(0))
    assert len(set(result.picks["scene_id"].to_pylist()) & set(ids[:5])) == 5
    config = SelectConfig(policy="funnel", score="doubt", budget=12.0, funnel=FunnelConfig(balance="snow"))
    with pytest.raises(ConfigError, match=r"funnel. balance: there is no attribute 'snow'; there are: .*rain"):
        select(scenes, [], scores, vectors, None, config, cost, np.random.default_rng(0))


def test_faults_are_named() -> None:
    with pytest.raises(ConfigError, match="keep must be above 0 and at most 1; got"):
        funnel([1.0], [[0.0]], 1.0, costs=[1.0], keep=0.0)
    with pytest.raises(TableError, match=r"groups must be one number per row, 1 of them; got shape \(2,\)"):
        funnel([1.0], [[0.0]], 1.0, costs=[1.0], groups=[0, 1])
    assert len(funnel([], np.zeros((0, 2)), 1.0, costs=[]).rows) == 0
