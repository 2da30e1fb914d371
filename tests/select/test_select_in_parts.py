"""Picks in parts: quotas hold for the whole, chance stays fair, and little is lost against one piece."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from oddloop.config import GapDrivenConfig
from oddloop.errors import ConfigError
from oddloop.select.in_parts import pick_in_parts
from oddloop.select.pool import Pool
from oddloop.select.quotas import Quota
from oddloop.select.registry import POLICIES, Policy
from strategy_pools import distances, make_case

COMPARING = [name for name, policy in POLICIES.items() if policy.compares_scenes]


def make_pool(points: np.ndarray, costs: np.ndarray | None = None, **others: object) -> Pool:
    n = len(points)
    ids = np.array([f"s{i:04d}" for i in range(n)], dtype=object)
    labelled = others.pop("labelled_vectors", points[:0])
    score = np.random.default_rng(n).random(n)
    costs = np.ones(n) if costs is None else costs
    return Pool(ids, costs, score, np.ones(n, bool), points, np.ones(n, bool), labelled, **others)


def groups_of_points(n: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(8, 6))[rng.integers(0, 8, n)] * 4 + rng.normal(size=(n, 6))).astype(np.float32)


def pick(pool: Pool, policy: str = "gap_driven", budget: float = 12.0, parts: int = 4, **how: object):
    return pick_in_parts(POLICIES[policy], pool, budget, np.random.default_rng(3), parts, **how)


@pytest.mark.parametrize("policy", COMPARING)
def test_picks_are_a_selection_wherever_and_in_whatever_order_parts_run(policy: str) -> None:
    for seed in range(1, 20, 6):
        case = make_case(seed, most=60, d=3)
        pool = make_pool(case.points.astype(np.float32), case.costs, labelled_vectors=case.fixed.astype(np.float32))

        def backwards(task, items):
            with ThreadPoolExecutor(2) as threads:
                return list(threads.map(task, reversed(items)))[::-1]

        found = pick(pool, policy, case.budget, parts=5)
        again = pick(pool, policy, case.budget, parts=5, run=backwards)
        assert found.rows.tolist() == again.rows.tolist()
        assert len(set(found.rows.tolist())) == len(found.rows)
        assert case.costs[found.rows].sum() <= case.budget * (1 + 1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_k_center_stays_within_four_times_the_smallest_radius(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(14, 2)).astype(np.float32)
    picks = pick(make_pool(points), "kcenter", budget=3, parts=3)
    apart = distances(points, points)
    best = min(apart[:, list(three)].min(axis=1).max() for three in combinations(range(14), 3))
    assert apart[:, picks.rows].min(axis=1).max() <= 4 * best * (1 + 1e-6)


@pytest.mark.parametrize("policy", ["facility_location", "maxherding", "gap_driven"])
def test_little_is_lost_against_one_piece(policy: str) -> None:
    pool = make_pool(groups_of_points(800))
    plain = replace(pool, gap_driven=GapDrivenConfig(control_share=0.0, exploration_share=0.0))

    def left(parts: int) -> float:
        return float(distances(pool.vectors, pool.vectors[pick(plain, policy, 24, parts).rows]).min(axis=1).mean())

    assert left(6) <= 1.1 * left(1)
    at_random = float(distances(pool.vectors, pool.vectors[:24]).min(axis=1).mean())
    assert left(6) < at_random - 0.5 * (at_random - left(1))


@pytest.mark.parametrize("seed", range(8))
def test_quotas_hold_for_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = make_pool(groups_of_points(300, seed))
    rare, capped = np.sort(rng.choice(300, 7, replace=False)), np.sort(rng.choice(300, 150, replace=False))
    only_capped = np.setdiff1d(capped, rare)
    quotas = (Quota("rare", rare, minimum=6), Quota("capped", only_capped, maximum=3))
    rows = pick(replace(pool, quotas=quotas), budget=20, parts=7).rows
    assert np.isin(rows, rare).sum() >= 6
    assert np.isin(rows, only_capped).sum() <= 3


def test_what_chance_draws_does_not_depend_on_what_merit_wants() -> None:
    pool = make_pool(groups_of_points(2000), gap_driven=GapDrivenConfig(control_share=0.5, exploration_share=0.0))

    def control(score: np.ndarray) -> list[int]:
        found = pick(replace(pool, score=score), budget=100.0)
        return [r for r, rule in zip(found.rows.tolist(), found.rules or (), strict=True) if rule == "control"]

    one, other = control(np.arange(2000.0)), control(np.arange(2000.0)[::-1].copy())
    assert len(set(one) & set(other)) >= 0.9 * min(len(one), len(other)) > 30


def test_a_policy_that_compares_nothing_picks_in_one_piece() -> None:
    pool = make_pool(groups_of_points(50))
    whole = POLICIES["random"].pick(pool, 9, np.random.default_rng(3))
    assert pick(pool, "random", 9).rows.tolist() == whole.rows.tolist()


def test_a_policy_of_the_teams_own_is_refused() -> None:
    mine = Policy("mine:pick", lambda pool, budget, rng: [0], needs_vectors=True)
    with pytest.raises(ConfigError, match="may need to see all candidates"):
        pick_in_parts(mine, make_pool(groups_of_points(5)), 1, np.random.default_rng(0), 2)


def test_more_parts_than_candidates_and_no_candidates() -> None:
    assert sorted(pick(make_pool(groups_of_points(3)), "kcenter", 9, parts=8).rows.tolist()) == [0, 1, 2]
    assert len(pick(make_pool(groups_of_points(3)[:0]), "kcenter", 9, parts=8).rows) == 0
