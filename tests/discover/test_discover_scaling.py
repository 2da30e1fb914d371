"""Columns get median 0 and a robust spread of 1; what says nothing becomes 0; blocks get their share of variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import RobustScaler

from oddloop.discover.scaling import CLIP, block_factor, fit_scale

NAN = np.nan


def scale_columns(values: np.ndarray) -> np.ndarray:
    return fit_scale(values).apply(values)


@pytest.mark.parametrize(
    ("column", "scaled"),
    [
        # median 2, quartiles 1 and 3
        ([1, 3, 1, 3], [-0.6745, 0.6745, -0.6745, 0.6745]),
        # missing: not in the median, and 0 afterwards
        ([1, 3, NAN, 1, 3], [-0.6745, 0.6745, 0, -0.6745, 0.6745]),
        # nearly all alike: the standard deviation stands in (mean 1/6, deviation sqrt(5)/6)
        ([0, 0, 0, 0, 0, 1], [-0.44721] * 5 + [2.23607]),
        # a broken sensor is cut
        ([*range(20), 1e9], [*((np.arange(20) - 10) / (10 / 1.34898)), CLIP]),
        # constant, constant but for rounding, only one value, no value at all
        ([7, 7, 7], [0, 0, 0]),
        ([0.1 + 0.2, 0.3, 0.3], [0, 0, 0]),
        ([NAN, 5, NAN], [0, 0, 0]),
        ([NAN, NAN], [0, 0]),
        ([5], [0]),
        # an infinity is no value
        ([1, 3, 1, 3, np.inf], [-0.6745, 0.6745, -0.6745, 0.6745, 0]),
        # squares beyond float64, and below it
        ([1e300, 3e300, 1e300, 3e300], [-0.6745, 0.6745, -0.6745, 0.6745]),
        ([1e-300, 3e-300, 1e-300, 3e-300], [-0.6745, 0.6745, -0.6745, 0.6745]),
    ],
)
def test_scale_columns(column, scaled) -> None:
    result = scale_columns(np.array(column, dtype=float)[:, None])
    np.testing.assert_allclose(result.ravel(), scaled, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing(shape) -> None:
    assert scale_columns(np.zeros(shape)).shape == shape
    assert block_factor(np.zeros(shape), 2.0) == 1.0


def test_agrees_with_scikit_learn() -> None:
    values = np.random.default_rng(0).normal(size=(200, 5)) * [1, 10, 1e3, 1e-3, 1]
    values[::7, 2] = NAN
    expected = np.clip(np.nan_to_num(RobustScaler(unit_variance=True).fit_transform(values)), -CLIP, CLIP)
    np.testing.assert_allclose(scale_columns(values), expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(width=64)))
def test_always_finite_and_the_input_is_left_as_it_is(values) -> None:
    before = values.tobytes()
    result = scale_columns(values)
    assert np.isfinite(result).all()
    assert np.abs(result).max(initial=0) <= CLIP
    assert values.tobytes() == before


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100.0))
def test_variances_of_a_block_sum_to_its_weight(seed: int, weight: float) -> None:
    block = np.random.default_rng(seed).normal(size=(30, 7)) * np.arange(7)
    assert (block * block_factor(block, weight)).var(axis=0).sum() == pytest.approx(weight)


def test_later_rows_are_scaled_as_scikit_learn_scales_them() -> None:
    rng = np.random.default_rng(1)
    values, later = rng.normal(size=(80, 3)) * [1, 1e4, 1e-5], rng.normal(size=(9, 3)) * [1, 1e4, 1e-5]
    expected = np.clip(RobustScaler(unit_variance=True).fit(values).transform(later), -CLIP, CLIP)
    np.testing.assert_allclose(fit_scale(values).apply(later), expected, rtol=1e-9)


def test_later_rows_far_beyond_the_first_are_cut_and_what_was_constant_stays_mute() -> None:
    scale = fit_scale(np.array([[1e-300, 7.0], [3e-300, 7.0]]))
    assert scale.apply(np.array([[1e300, 8.0], [-1e300, -np.inf]])).tolist() == [[CLIP, 0.0], [-CLIP, 0.0]]
