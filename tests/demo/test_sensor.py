"""The sensor model: properties of its formulas, and of what it draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.demo.sensor import Observed, observe, sensor_quality

RAIN = st.floats(0.0, 150.0)
LUX = st.floats(0.01, 100_000.0)
CLEAR = sensor_quality(0.0, 50_000.0)
WORST = sensor_quality(30.0, 0.3)


def perfect(xy_m: np.ndarray) -> Observed:
    n = len(xy_m)
    return Observed(np.ones(n, dtype=bool), xy_m, np.zeros(n), np.ones((n, 3), dtype=bool))


@given(RAIN, LUX)
def test_quality_stays_in_its_range(rain: float, lux: float) -> None:
    quality = sensor_quality(rain, lux)
    assert 0 < quality.range_m <= 65.0
    assert 0 < quality.dropout < 1
    assert 0 < quality.lamp_reading < 1
    assert quality.noise_m >= CLEAR.noise_m
    assert quality.depth_error >= CLEAR.depth_error


@given(RAIN, RAIN, LUX, LUX)
def test_more_rain_and_less_light_are_never_better(rain_a: float, rain_b: float, lux_a: float, lux_b: float) -> None:
    good = sensor_quality(min(rain_a, rain_b), max(lux_a, lux_b))
    bad = sensor_quality(max(rain_a, rain_b), min(lux_a, lux_b))
    assert bad.range_m <= good.range_m
    for name in ("dropout", "noise_m", "depth_error", "heading_noise_rad"):
        assert getattr(bad, name) >= getattr(good, name)
    assert bad.lamp_reading <= good.lamp_reading


def test_rain_at_night_is_worse_than_rain_and_night_together_would_suggest() -> None:
    rain, night = sensor_quality(20.0, 50_000.0), sensor_quality(0.0, 0.5)
    both = sensor_quality(20.0, 0.5)
    assert both.depth_error - CLEAR.depth_error > 2 * (rain.depth_error + night.depth_error - 2 * CLEAR.depth_error)


@pytest.mark.parametrize("quality", [CLEAR, WORST])
def test_nothing_is_seen_beyond_the_range(quality: object) -> None:
    distance = np.linspace(0.0, 200.0, 4_000)
    report = observe(
        perfect(np.column_stack([distance, 0 * distance])), np.zeros((4_000, 2)), np.arange(4_000), quality,
        np.random.default_rng(0),
    )  # fmt: skip
    assert not report.seen[distance > float(quality.range_m)].any()
    # 1 - dropout of those in range, to four standard errors of a share of at least 1,000 draws
    near = distance <= float(quality.range_m)
    assert abs(report.seen[near].mean() - (1 - float(quality.dropout))) < 4 * 0.5 / np.sqrt(near.sum())


def test_position_noise_has_the_stated_spread() -> None:
    n = 40_000
    at_25_m = perfect(np.tile([0.0, 25.0], (n, 1)))
    quality = replace(WORST, depth_error=np.float64(0.0))
    report = observe(at_25_m, np.zeros((n, 2)), np.arange(n), quality, np.random.default_rng(1))
    # at 25 m the factor 0.5 + r / 50 is 1
    np.testing.assert_allclose((report.xy_m - at_25_m.xy_m).std(axis=0), float(quality.noise_m), rtol=0.02)


def test_a_road_user_keeps_its_error_of_distance() -> None:
    truth = perfect(np.tile([20.0, 0.0], (6, 1)))
    quality = replace(WORST, noise_m=np.float64(0.0))
    report = observe(truth, np.zeros((6, 2)), np.array([0, 0, 0, 1, 1, 1]), quality, np.random.default_rng(2))
    assert len(np.unique(report.xy_m[:3, 0])) == len(np.unique(report.xy_m[3:, 0])) == 1
    assert report.xy_m[0, 0] != report.xy_m[3, 0]
    np.testing.assert_allclose(report.xy_m[:, 1], 0.0, atol=1e-12)  # the error lies along the line of sight


def test_a_dark_lamp_is_never_reported_as_lit() -> None:
    truth = replace(perfect(np.zeros((500, 2))), lamps=np.zeros((500, 3), dtype=bool))
    report = observe(truth, np.zeros((500, 2)), np.arange(500), CLEAR, np.random.default_rng(3))
    assert not report.lamps.any()


def test_the_same_generator_gives_the_same_report_and_inputs_stay_as_they_were() -> None:
    truth = perfect(np.random.default_rng(4).uniform(-50, 50, (100, 2)))
    before = truth.xy_m.copy()
    draws = [observe(truth, np.zeros((100, 2)), np.arange(100), WORST, np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(draws[0].xy_m, draws[1].xy_m)
    np.testing.assert_array_equal(draws[0].seen, draws[1].seen)
    np.testing.assert_array_equal(truth.xy_m, before)


def test_nobody_there() -> None:
    report = observe(
        perfect(np.zeros((0, 2))), np.zeros((0, 2)), np.zeros(0, dtype=np.int64), CLEAR, np.random.default_rng(6)
    )
    assert report.seen.shape == (0,)
    assert report.xy_m.shape == (0, 2)
