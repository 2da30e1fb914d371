"""Bootstrap intervals of few logs: worked numbers, scipy's t, and how often the truth is covered."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from oddloop.intervals import bootstrap_interval, draw_weights, widen_for_few_logs


def widen(value, low, high, n_logs, confidence=0.95):
    low, high = widen_for_few_logs(*(np.array([v], float) for v in (value, low, high)), [n_logs], confidence)
    return float(low[0]), float(high[0])


def test_worked_numbers():
    # 5 logs: 2.776 / 1.960 x sqrt(5 / 4) = 1.584; each end keeps its own distance
    assert widen(1.0, 0.9, 1.2, 5) == pytest.approx((1 - 0.1584, 1 + 0.3167), abs=1e-4)


@given(st.integers(2, 10_000), st.floats(0.5, 0.999), st.floats(0, 10), st.floats(0, 10))
def test_the_factor_is_that_of_students_t(n_logs, confidence, below, above):
    tail = (1 + confidence) / 2
    factor = stats.t.ppf(tail, n_logs - 1) / stats.norm.ppf(tail) * (n_logs / (n_logs - 1)) ** 0.5
    expected = (3 - factor * below, 3 + factor * above)
    assert widen(3.0, 3 - below, 3 + above, n_logs, confidence) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_no_interval_stays_none_and_a_value_outside_becomes_the_nearer_end():
    assert np.isnan(widen(1.0, np.nan, np.nan, 7)).all()
    assert widen(1.0, 1.1, 1.2, 100)[0] == 1.0
    assert widen(1.0, 1.0, 1.0, 0) == (1.0, 1.0)


def test_many_logs_change_next_to_nothing():
    assert widen(0.0, -1.0, 1.0, 1_000_000) == pytest.approx((-1, 1), abs=1e-5)


def test_it_covers_the_truth_of_few_logs_where_the_percentiles_alone_do_not():
    """1,000 fleets of 5 logs of 1-8 scenes that share an offset; the standard error of a share is 0.7 to 1.2 %."""
    rng = np.random.default_rng(7)
    n_fleets, n_logs = 1000, 5
    scenes = rng.integers(1, 9, (n_fleets, n_logs)).astype(float)
    means = 3.0 + rng.normal(0, 1, scenes.shape) + rng.normal(0, 1, scenes.shape) / np.sqrt(scenes)
    low, high = bootstrap_interval(means * scenes, scenes, draw_weights(n_logs, 1000, rng), 0.95)
    value = (means * scenes).sum(axis=1) / scenes.sum(axis=1)
    wide_low, wide_high = widen_for_few_logs(value, low, high, n_logs, 0.95)
    assert np.mean((low <= 3.0) & (high >= 3.0)) < 0.86
    assert 0.90 <= np.mean((wide_low <= 3.0) & (wide_high >= 3.0)) <= 0.98
