"""The plan of the fleet: what is planted is in it, for any seed."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.demo.plan import DENSITIES, LogPlan, plan_logs
from oddloop.demo.settings import FleetSettings
from oddloop.demo.worlds import WORLDS

SETTINGS = FleetSettings()


def plan(seed: int, settings: FleetSettings = SETTINGS) -> tuple[LogPlan, ...]:
    return plan_logs(settings, np.random.default_rng(seed))


def is_floor(log: LogPlan) -> bool:
    return log.rain_mm_h > 7.6 and log.illuminance_lux <= 1.0


@pytest.mark.parametrize("seed", range(5))
def test_every_world_and_density_is_in_both_splits(seed: int) -> None:
    for split, densities in (("pool", set(DENSITIES)), ("eval", None)):
        logs = [log for log in plan(seed) if log.split == split]
        assert {log.world for log in logs} == set(WORLDS)
        assert densities is None or {log.density for log in logs} == densities


@pytest.mark.parametrize("seed", range(5))
def test_about_a_quarter_of_the_logs_is_held_out(seed: int) -> None:
    logs = plan(seed)
    assert len({log.log_id for log in logs}) == len(logs) == SETTINGS.n_logs
    assert 0.22 <= np.mean([log.split == "eval" for log in logs]) <= 0.32


@pytest.mark.parametrize("seed", range(5))
def test_heavy_rain_at_night_is_in_each_split_and_never_at_roundabouts(seed: int) -> None:
    floor = [log for log in plan(seed) if is_floor(log)]
    assert 0.08 <= len(floor) / SETTINGS.n_logs <= 0.16
    assert sum(log.split == "eval" for log in floor) >= 5
    assert sum(log.is_first for log in floor) == 2
    assert {log.world for log in floor} == set(WORLDS) - {"roundabout"}


@pytest.mark.parametrize("seed", range(5))
def test_logs_labelled_first_are_of_the_pool_and_one_is_at_a_roundabout(seed: int) -> None:
    first = [log for log in plan(seed) if log.is_first]
    assert {log.split for log in first} == {"pool"}
    assert [log.world for log in first].count("roundabout") == 1
    assert len(first) == SETTINGS.n_initial_logs + 3


def test_light_and_time_of_day_agree() -> None:
    for log in plan(0):
        hour = log.start_ns / 3.6e12 % 24
        if log.illuminance_lux >= 2_000:
            assert 8 <= hour <= 17
        if log.illuminance_lux <= 1:
            assert hour >= 21 or hour <= 4


def test_same_seed_same_plan_other_seed_other_plan() -> None:
    assert plan(3) == plan(3)
    assert plan(3) != plan(4)


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="n_logs = 5 leaves a world or a split empty; use 6 or more"):
        FleetSettings(n_logs=5)
    with pytest.raises(ValueError, match="must be at least twice scene_min_s"):
        FleetSettings(scene_min_s=10.0, scene_max_s=15.0)
