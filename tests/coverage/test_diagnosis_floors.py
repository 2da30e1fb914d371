"""Weighed resamples: equal to NumPy's weighted quantiles and to sums by hand, also where values are infinite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.coverage.diagnosis.floors import weigh_floors, weighted_quantiles, weighted_share

TAILS = (0.05, 0.5, 0.95)


@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_quantiles_equal_those_of_numpy(seed, n):
    rng = np.random.default_rng(seed)
    values, weight = rng.normal(size=(3, n)).round(1), rng.uniform(0.1, 5, (3, n))
    values[rng.random((3, n)) < 0.3] = np.inf
    expected = [
        np.quantile(row, TAILS, weights=w, method="inverted_cdf") for row, w in zip(values, weight, strict=True)
    ]
    assert np.array_equal(weighted_quantiles(values, weight, TAILS), np.transpose(expected))


def test_whole_weights_count_as_repeats():
    found = weighted_quantiles(np.array([[5.0, 1.0, 3.0]]), np.array([[2.0, 17.0, 1.0]]), (0.85, 0.86, 0.9, 0.91))
    # Twenty values, 17 of them 1, one 3, two 5: the 17th, 18th, 18th and 19th.
    assert found[:, 0].tolist() == [1, 3, 3, 5]


def test_equal_weights_give_the_plain_share():
    what = np.array([[True, True, False, False, True]])
    assert weighted_share(what, np.full((1, 5), 0.3)) == pytest.approx(0.6)


def test_no_weight_says_nothing():
    assert weighted_share(np.array([[True]]), np.zeros((1, 1))).tolist() == [0.5]
    assert weighted_quantiles(np.full((1, 3), np.inf), np.zeros((1, 3)), TAILS).tolist() == [[np.inf]] * 3


def test_floors_of_equal_ratio_are_equally_likely():
    # Uniform floors, weighed: as much weight between 10 and 20 % of the error as between 40 and 80 %.
    floor = np.linspace(0, 1, 100_001)[None]
    weight = weigh_floors(floor, np.ones_like(floor))[0]
    low, high = (weight[(floor[0] >= a) & (floor[0] < 2 * a)].sum() for a in (0.1, 0.4))
    assert low == pytest.approx(high, rel=1e-3)


def test_small_floors_weigh_alike_and_unknown_ones_nothing():
    floor = np.array([[0.0, 0.02, 0.05, 0.5, 1.0, np.nan]])
    assert weigh_floors(floor, np.ones((1, 6))).tolist() == [[20, 20, 20, 2, 1, 0]]


def test_without_errors_the_floor_is_small():
    assert weigh_floors(np.zeros((1, 2)), np.zeros((1, 2))).tolist() == [[20, 20]]
