"""A group against the rest, logs as the unit of chance: against a plain loop, and by how often the interval covers."""

from __future__ import annotations

import doctest
import importlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from oddloop.intervals import difference_by_log, ratio_by_log


def by_loops(inside: np.ndarray, log: np.ndarray, value: np.ndarray, support: np.ndarray) -> tuple[float, ...]:
    """mean, elsewhere, low, high of one group of scenes, every sum written out."""
    n_log = int(log.max()) + 1
    sums = {}
    for side, chosen in (("in", inside), ("out", ~inside)):
        for i in range(n_log):
            here = chosen & (log == i)
            sums[side, i] = (float((value * support)[here].sum()), float(support[here].sum()))
    d_in, d_out = (sum(sums[side, i][1] for i in range(n_log)) for side in ("in", "out"))
    r_in, r_out = (sum(sums[s, i][0] for i in range(n_log)) / d for s, d in (("in", d_in), ("out", d_out)))
    k = sum(sums["in", i][1] > 0 for i in range(n_log))
    squares = 0.0
    for i in range(n_log):
        one = (sums["in", i][0] - r_in * sums["in", i][1]) / d_in
        other = (sums["out", i][0] - r_out * sums["out", i][1]) / d_out
        squares += (one - other) ** 2
    half = student.ppf(0.975, k - 1) * math.sqrt(squares * k / (k - 1))
    return r_in, r_out, r_in - r_out - half, r_in - r_out + half


def compare(groups: list[np.ndarray], log: np.ndarray, value: np.ndarray, support: np.ndarray):
    """The library's answer for groups given as masks over scenes."""
    n_log = int(log.max()) + 1
    pairs = [(g, i) for g, inside in enumerate(groups) for i in range(n_log) if (inside & (log == i)).any()]
    here = [groups[g] & (log == i) for g, i in pairs]
    group, of_log = (np.array([p[j] for p in pairs], dtype=np.int64) for j in (0, 1))
    sums = [np.array([float(x[rows].sum()) for rows in here]) for x in (value * support, support)]
    totals = [np.bincount(log, x, minlength=n_log) for x in (value * support, support)]
    return difference_by_log(group, of_log, *sums, *totals, len(groups))


@given(st.integers(0, 2**32 - 1))
def test_it_agrees_with_loops_also_where_groups_overlap(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_log = int(rng.integers(20, 60)), int(rng.integers(3, 8))
    log = np.concatenate([np.arange(n_log), rng.integers(n_log, size=n - n_log)])
    value, support = rng.normal(size=n) * 10, rng.integers(1, 5, size=n).astype(float)
    groups = [np.isin(np.arange(n), rng.choice(n, size=n // 3, replace=False)) for _ in range(3)]
    groups = [g for g in groups if len(np.unique(log[g])) > 1]
    found = compare(groups, log, value, support)
    for i, inside in enumerate(groups):
        expected = by_loops(inside, log, value, support)
        got = (found.mean[i], found.elsewhere[i], found.low[i], found.high[i])
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_one_log_gives_no_interval_and_no_rest_gives_no_difference() -> None:
    log, value, ones = np.array([0, 0, 1]), np.array([1.0, 3.0, 7.0]), np.ones(3)
    one = compare([np.array([True, True, False])], log, value, ones)
    assert (one.mean[0], one.elsewhere[0]) == (2.0, 7.0)
    assert math.isnan(one.low[0])
    all_of_it = compare([np.ones(3, dtype=bool)], log, value, ones)
    assert math.isnan(all_of_it.difference[0])
    assert math.isnan(all_of_it.low[0])


@pytest.mark.parametrize("n_group_logs", [3, 6, 20])
def test_the_interval_covers_the_truth_as_often_as_it_says(n_group_logs: int) -> None:
    """Scenes of a log are alike (shared log effect), the group is no different: 0 must lie inside in about 95 %."""
    rng = np.random.default_rng(n_group_logs)
    n_log, per_log, n_trials, covered = 60, 10, 400, 0
    log = np.repeat(np.arange(n_log), per_log)
    inside = (log < n_group_logs) & (np.tile(np.arange(per_log), n_log) < 5)
    for _ in range(n_trials):
        value = rng.normal(size=n_log)[log] + rng.normal(size=len(log))
        found = compare([inside], log, value, np.ones(len(log)))
        covered += bool(found.low[0] <= 0 <= found.high[0])
    assert 0.92 <= covered / n_trials <= 0.985


@given(st.integers(0, 2**32 - 1))
def test_a_ratio_agrees_with_loops(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(2, 40)), int(rng.integers(2, 8))
    log = np.concatenate([np.arange(k), rng.integers(k, size=n)])
    value, support = rng.normal(size=n + k) * 10, rng.uniform(0, 5, size=n + k)
    ratio = sum(value.tolist()) / sum(support.tolist())
    squares = sum(float((value - ratio * support)[log == i].sum()) ** 2 for i in range(k))
    half = student.ppf(0.95, k - 1) * math.sqrt(squares * k / (k - 1)) / sum(support.tolist())
    expected = (ratio, ratio - half, ratio + half)
    np.testing.assert_allclose(ratio_by_log(value, support, log, confidence=0.9), expected, rtol=1e-9, atol=1e-9)


def test_a_ratio_without_support_or_with_one_log() -> None:
    nothing = np.zeros(0)
    assert np.isnan(ratio_by_log(nothing, nothing, np.zeros(0, dtype=np.int64))).all()
    assert np.isnan(ratio_by_log(np.ones(2), np.zeros(2), np.array([0, 1]))).all()
    ratio, low, high = ratio_by_log(np.array([1.0, 2.0]), np.ones(2), np.array([0, 0]))
    assert (ratio, math.isnan(low), math.isnan(high)) == (1.5, True, True)


def test_the_examples_run() -> None:
    assert doctest.testmod(importlib.import_module("oddloop.intervals.by_log")).failed == 0
