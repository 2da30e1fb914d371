"""Attributes worked out from data: the sun against Meeus's worked examples, motion against arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.errors import TableError
from oddloop.exchange.attributes import Poses, summarize_motion, sun_elevation_deg, time_of_day

OCTOBER_13_1992 = np.array([718_934_400 * 10**9])
"""Midnight; Meeus, Astronomical Algorithms, examples 25.a and 28.a."""


def test_at_the_pole_the_sun_stands_at_its_declination() -> None:
    elevation = sun_elevation_deg(OCTOBER_13_1992, np.array([90.0]), np.array([0.0]))
    assert elevation == pytest.approx([-7.785], abs=0.002)  # 25.a: declination -7.78507


def test_the_sun_culminates_where_the_equation_of_time_says() -> None:
    # 28.a: equation of time +13 min 42.6 s, so it is noon where 720 - 13.71 minutes are 4 minutes a degree.
    longitude = (720.0 - 13.71) / 4.0
    around = longitude + np.array([-0.5, 0.0, 0.5])
    elevation = sun_elevation_deg(np.repeat(OCTOBER_13_1992, 3), np.full(3, -7.785), around)
    assert elevation.argmax() == 1
    assert elevation[1] == pytest.approx(90.0, abs=0.01)


def test_an_unknown_place_has_no_sun() -> None:
    elevation = sun_elevation_deg(np.repeat(OCTOBER_13_1992, 2), np.array([np.nan, 0.0]), np.array([0.0, np.nan]))
    assert np.isnan(elevation).all()
    assert time_of_day(elevation).tolist() == [None, None]


def test_latitude_and_longitude_exchanged_are_refused() -> None:
    with pytest.raises(TableError, match="are they exchanged"):
        sun_elevation_deg(OCTOBER_13_1992, np.array([139.7]), np.array([35.7]))


def test_the_edges_of_day_and_twilight() -> None:
    assert time_of_day(np.array([-0.8, -0.9, -6.0, -6.1])).tolist() == ["day", "low_ambient", "low_ambient", "night"]


T = np.arange(101) * 0.1


def drive(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> Poses:
    return Poses((T * 1e9).astype(np.int64), x, y, heading)


ZERO = np.zeros(101)
TURN = np.pi / 2 * T / 10
MANOEUVRES = [
    # (place and heading over 10 s, manoeuvre)
    ("stationary", ZERO, ZERO, ZERO),
    ("straight", 10 * T, ZERO, ZERO),
    ("straight", 10 * T, 0.4 * T, ZERO),  # 4 m to the side
    ("straight_left", 10 * T, 0.6 * T, ZERO),
    ("straight_right", 10 * T, -0.6 * T, ZERO),
    ("reverse", -1 * T, ZERO, ZERO),
    ("left", 40 * np.sin(TURN), 40 * (1 - np.cos(TURN)), TURN),
    ("right", 40 * np.sin(TURN), -40 * (1 - np.cos(TURN)), -TURN),
    ("u_turn", 10 * np.sin(2 * TURN) - T, 10 * (1 - np.cos(2 * TURN)), 2 * TURN),
]


@pytest.mark.parametrize(("name", "x", "y", "heading"), MANOEUVRES)
@pytest.mark.parametrize("rotated", [0.0, 2.0])
def test_manoeuvres(name: str, x: np.ndarray, y: np.ndarray, heading: np.ndarray, rotated: float) -> None:
    cos, sin = np.cos(rotated), np.sin(rotated)
    poses = drive(x * cos - y * sin, x * sin + y * cos, (heading + rotated + np.pi) % (2 * np.pi) - np.pi)
    motion = summarize_motion(poses, np.array([0]), np.array([10 * 10**9]))
    assert motion.manoeuvre.tolist() == [name]


def test_noise_of_fast_poses_does_not_add_up() -> None:
    t = np.arange(2000) * 5_000_000
    jitter = 0.002 * np.random.default_rng(0).standard_normal((2, 2000))
    still = Poses(t, *jitter, np.zeros(2000))
    motion = summarize_motion(still, np.array([0]), np.array([10 * 10**9]))
    assert motion.distance_m[0] < 0.5  # all steps together would be 7 m
    assert motion.manoeuvre[0] == "stationary"


def test_a_scene_without_poses_says_nothing() -> None:
    motion = summarize_motion(drive(10 * T, ZERO, ZERO), np.array([0, 20 * 10**9]), np.array([5 * 10**9, 30 * 10**9]))
    assert motion.distance_m.tolist() == [pytest.approx(50.0), pytest.approx(np.nan, nan_ok=True)]
    assert motion.manoeuvre.tolist() == ["straight", None]
