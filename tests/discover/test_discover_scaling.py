"""Every column gets mean 0 and standard deviation 1; what says nothing becomes 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import StandardScaler

from oddloop.discover.scaling import standardise

NAN = np.nan


@pytest.mark.parametrize(
    ("column", "scaled"),
    [
        # mean 2, standard deviation 1
        ([1, 3, 1, 3], [-1, 1, -1, 1]),
        # missing: not in the mean, and 0 afterwards
        ([1, 3, NAN, 1, 3], [-1, 1, 0, -1, 1]),
        # constant, constant but for rounding, only one value, no value at all
        ([7, 7, 7], [0, 0, 0]),
        ([0.1 + 0.2, 0.3, 0.3], [0, 0, 0]),
        ([NAN, 5, NAN], [0, 0, 0]),
        ([NAN, NAN], [0, 0]),
        ([5], [0]),
        # an infinity is no value
        ([1, 3, np.inf], [-1, 1, 0]),
        # squares beyond float64, and below it
        ([1e300, 3e300], [-1, 1]),
        ([1e-300, 3e-300], [-1, 1]),
        # a small spread on a large value
        ([1e8, 1e8 + 2], [-1, 1]),
    ],
)
def test_standardise(column, scaled) -> None:
    result = standardise(np.array(column, dtype=float)[:, None])
    np.testing.assert_allclose(result.ravel(), scaled, rtol=1e-9)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing(shape) -> None:
    assert standardise(np.zeros(shape)).shape == shape


def test_agrees_with_scikit_learn() -> None:
    values = np.random.default_rng(0).lognormal(size=(200, 5)) * [1, 10, 1e3, 1e-3, 1]
    values[::7, 2] = NAN
    expected = np.nan_to_num(StandardScaler().fit_transform(values))
    np.testing.assert_allclose(standardise(values), expected, rtol=1e-9, atol=1e-12)


@settings(deadline=None)
@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(width=64)))
def test_always_finite_and_the_input_is_left_as_it_is(values) -> None:
    before = values.tobytes()
    result = standardise(values)
    assert np.isfinite(result).all()
    assert np.abs(result).max(initial=0) <= np.sqrt(len(values)) + 1e-6
    assert values.tobytes() == before
