"""Redundancy in log, time and place: against a naive reference, hand-worked numbers, and within policies."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.config import GapDrivenConfig, RedundancyConfig
from oddloop.errors import TableError
from oddloop.select.discounted import discounted_top_k
from oddloop.select.gap_driven import gap_driven
from oddloop.select.policies import top_k
from oddloop.select.redundancy import Redundancy, Whereabouts, redundancy_of

CONFIG = RedundancyConfig(log=0.3, time=0.8, time_s=20.0, place=0.6, place_m=40.0)
RADIUS_M = 6_371_008.8


def make_scenes(rng: np.random.Generator, n: int) -> pa.Table:
    missing = rng.random(n) < 0.15
    return pa.table(
        {
            "scene_id": [f"s{i}" for i in range(n)],
            "log_id": [f"l{i}" for i in rng.integers(0, 4, n)],
            "vehicle_id": pa.array([None if one else f"v{one}" for one in rng.integers(0, 3, n)]),
            "start_ns": pa.array(1_700_000_000_000_000_000 + rng.integers(0, 200, n) * 10**9, mask=missing),
            "duration_s": pa.array(rng.integers(1, 30, n).astype(float), mask=rng.random(n) < 0.1),
            "latitude_deg": pa.array(48.0 + rng.random(n) * 1e-3, mask=missing),
            "longitude_deg": 11.0 + rng.random(n) * 1e-3,
        }
    )


def naive(scenes: pa.Table, taken: list[int], config: RedundancyConfig) -> list[float]:
    """Every row against every taken one."""
    rows, factors = scenes.to_pylist(), []
    for one in rows:
        in_log, in_time, in_place = 0, 0.0, 0.0
        for other in (rows[j] for j in taken):
            in_log += one["log_id"] == other["log_id"]
            same = (one["log_id"], one["vehicle_id"] or "") == (other["log_id"], other["vehicle_id"] or "")
            if same and one["start_ns"] is not None and other["start_ns"] is not None:
                spans = [(r["start_ns"] / 1e9, r["start_ns"] / 1e9 + (r["duration_s"] or 0.0)) for r in (one, other)]
                gap = max(spans[0][0] - spans[1][1], spans[1][0] - spans[0][1], 0.0)
                in_time = max(in_time, np.exp(-gap / config.time_s))
            if one["latitude_deg"] is not None and other["latitude_deg"] is not None:
                here, there = (np.radians([r["latitude_deg"], r["longitude_deg"]]) for r in (one, other))
                half = np.sin((here - there) / 2) ** 2
                angle = 2 * np.arcsin(np.sqrt(half[0] + np.cos(here[0]) * np.cos(there[0]) * half[1]))  # haversine
                in_place = max(in_place, np.exp(-RADIUS_M * angle / config.place_m))
        factors.append((1 - config.log) ** in_log * (1 - config.time * in_time) * (1 - config.place * in_place))
    return factors


@pytest.mark.parametrize("seed", range(25))
def test_factors_are_those_of_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scenes = make_scenes(rng, 40)
    labelled = np.sort(rng.choice(40, rng.integers(0, 10), replace=False))
    picked = [int(row) for row in rng.permutation(40) if row not in labelled][: rng.integers(0, 6)]
    found = Redundancy(Whereabouts.of(scenes), np.isin(np.arange(40), labelled), CONFIG)
    for row in picked:
        before = found.factor.copy()
        found.add(row)
        assert (found.factor <= before + 1e-12).all()
    # What lies beyond six kernel widths is left out where picked: e^-6 of 60 %.
    assert found.factor == pytest.approx(naive(scenes, [*labelled.tolist(), *picked], CONFIG), abs=2e-3)


def test_hand_worked() -> None:
    scenes = pa.table({"log_id": ["a", "a", "b"], "start_ns": [0, 30 * 10**9, 0], "duration_s": [10.0, 10.0, 10.0]})
    found = redundancy_of(scenes, np.array([0, 1]), np.array([2]), RedundancyConfig(log=0.5, time=0.5, time_s=20.0))
    assert found is not None
    assert found.factor[:2].tolist() == [1.0, 1.0]
    found.add(0)
    assert found.factor[1] == pytest.approx(0.5 * (1 - 0.5 * np.exp(-1.0)))
    assert redundancy_of(scenes, np.array([0, 1]), np.array([2]), RedundancyConfig()) is None


def test_what_is_not_known_takes_nothing_off() -> None:
    scenes = pa.table({"log_id": ["a"] * 3, "start_ns": pa.array([None, None, 5], pa.int64())})
    found = Redundancy(Whereabouts.of(scenes), np.array([True, False, False]), RedundancyConfig(time=1.0, place=1.0))
    found.add(1)
    assert found.factor.tolist() == [1.0, 1.0, 1.0]


def test_a_copy_goes_its_own_way() -> None:
    scenes = make_scenes(np.random.default_rng(0), 10)
    found = Redundancy(Whereabouts.of(scenes), np.zeros(10, dtype=bool), CONFIG)
    other = found.copy()
    other.add(3)
    assert found.factor.tolist() == [1.0] * 10
    assert other.factor[3] < 1.0


def naive_picks(scores: list[float], costs: list[float], budget: float, scenes: pa.Table) -> list[int]:
    lowest, taken, spent = min(scores), [], 0.0
    while True:
        factors = naive(scenes, taken, CONFIG)
        fits = [i for i in range(len(scores)) if i not in taken and spent + costs[i] <= budget]
        if not fits:
            return taken
        best = max(fits, key=lambda i: ((scores[i] - lowest + 1e-300) * factors[i], -i))
        taken.append(best)
        spent += costs[best]


@pytest.mark.parametrize("seed", range(25))
def test_picks_by_score_are_those_of_the_naive_reference(seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    scenes, n = make_scenes(rng, 14), 14
    # Nothing beyond the reach of the kernels, so that both are exact.
    scenes = scenes.set_column(5, "latitude_deg", pa.array(np.full(n, 48.0)))
    scenes = scenes.set_column(6, "longitude_deg", pa.array(11.0 + rng.random(n) * 1e-3))
    scores, costs = rng.normal(size=n).round(1).tolist(), rng.integers(1, 4, n).astype(float).tolist()
    budget = float(rng.integers(0, 25))
    redundancy = redundancy_of(scenes, np.arange(n), np.arange(0), CONFIG)
    assert redundancy is not None
    found = discounted_top_k(scores, [True] * n, costs, budget, redundancy)
    assert found.rows.tolist() == naive_picks(scores, costs, budget, scenes)
    assert found.gains.tolist() == [scores[row] for row in found.rows]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_without_neighbours_it_is_top_k(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores, valid = rng.integers(0, 5, n).astype(float), rng.random(n) < 0.8
    scenes = pa.table({"log_id": [f"l{i}" for i in range(n)]})
    redundancy = redundancy_of(scenes, np.arange(n), np.arange(0), RedundancyConfig(log=0.9))
    assert redundancy is not None
    found = discounted_top_k(scores, valid, np.ones(n), n / 2, redundancy)
    assert found.rows.tolist() == top_k(scores, valid, np.ones(n), n / 2).rows.tolist()


def test_gap_driven_takes_another_log_where_one_is_picked_from() -> None:
    vectors = np.array([[0.0], [5.0], [10.0], [15.0]])
    plain = GapDrivenConfig(control_share=0.0, exploration_share=0.0, n_neighbours=2)
    scenes, need = pa.table({"log_id": ["a", "a", "b", "c"]}), np.array([4.0, 3.0, 2.0, 1.9])
    without = gap_driven(vectors, 3, need=need, config=plain).picks.rows.tolist()
    redundancy = redundancy_of(scenes, np.arange(4), np.arange(0), RedundancyConfig(log=0.9))
    found = gap_driven(vectors, 3, need=need, config=plain, redundancy=redundancy).picks.rows.tolist()
    assert set(without) >= {0, 1}
    assert set(found) >= {2, 3}
    assert redundancy is not None
    assert redundancy.factor.tolist() == [1.0] * 4  # the caller's is not changed


def test_shapes_must_agree() -> None:
    redundancy = redundancy_of(pa.table({"log_id": ["a"]}), np.arange(1), np.arange(0), CONFIG)
    assert redundancy is not None
    with pytest.raises(TableError, match="differ in shape"):
        discounted_top_k([1.0, 2.0], [True, True], [1.0, 1.0], 2.0, redundancy)
