"""Forecast metrics against a plain loop over forecasts and steps."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from oddloop.demo.forecast_metrics import MISS_ABOVE_M, displacement_errors, scene_means


@given(st.integers(0, 20), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_errors_equal_a_loop(n: int, n_steps: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    forecast, truth = rng.normal(0, 2, (n, n_steps, 2)), rng.normal(0, 2, (n, n_steps, 2))
    errors = displacement_errors(forecast, truth)
    for i in range(n):
        apart = [math.dist(forecast[i, k], truth[i, k]) for k in range(n_steps)]
        assert math.isclose(errors["min_fde_m"][i], apart[-1])
        assert math.isclose(errors["min_ade_m"][i], sum(apart) / n_steps)
        assert errors["miss_rate"][i] == (apart[-1] > MISS_ABOVE_M)


def test_the_truth_has_no_error() -> None:
    truth = np.random.default_rng(0).normal(size=(5, 6, 2))
    assert all((values == 0).all() for values in displacement_errors(truth, truth).values())


def test_exactly_two_metres_is_no_miss() -> None:
    errors = displacement_errors(np.array([[[2.0, 0.0]], [[2.001, 0.0]]]), np.zeros((2, 1, 2)))
    assert errors["miss_rate"].tolist() == [0.0, 1.0]


def test_scene_means_equal_a_loop() -> None:
    rng = np.random.default_rng(1)
    values, scene = rng.random(200), rng.integers(0, 9, 200)
    means, support = scene_means(values, scene, 12)
    for i in range(12):
        own = values[scene == i]
        assert support[i] == len(own)
        assert np.isnan(means[i]) if len(own) == 0 else math.isclose(means[i], own.mean())
