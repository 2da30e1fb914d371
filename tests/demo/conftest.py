"""Fleets that the demo's tests share; simulated once per session."""

from __future__ import annotations

import pytest

from oddloop.demo import Fleet, FleetSettings, simulate_fleet, small_fleet


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """Six short logs; never write to it."""
    return simulate_fleet(tmp_path_factory.mktemp("fleets") / "small", settings=small_fleet())


@pytest.fixture(scope="session")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    """A third of the demo's fleet, enough to see what was planted; never write to it."""
    settings = FleetSettings(n_logs=48, log_duration_s=100.0, n_initial_scenes=100)
    return simulate_fleet(tmp_path_factory.mktemp("fleets") / "medium", settings=settings)
