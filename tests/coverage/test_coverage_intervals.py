"""Intervals: Wilson and Clopper-Pearson by hand, the bootstrap against a loop and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from oddloop.coverage import bootstrap_interval, draw_weights, exact_interval, wilson_interval
from oddloop.intervals import bootstrap

Z95 = 1.959963984540054


class TestWilson:
    @pytest.mark.parametrize(
        ("k", "n", "low", "high"),
        [
            # published: 3 of 40
            (3, 40, 0.0258, 0.1986),
            # none of 10: 0 to z²/(n + z²) = 3.8415/13.8415
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            # half of 4: centre 1/2, half width z sqrt(1/16 + z²/64) / (1 + z²/4) = .34996
            (2, 4, 0.15004, 0.84996),
        ],
    )
    def test_worked_numbers(self, k, n, low, high):
        assert wilson_interval(k, n) == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 10_000), st.floats(0, 1), st.floats(0.5, 0.999))
    def test_its_ends_solve_the_score_equation(self, n, share, confidence):
        """|p - end| = z sqrt(end (1 - end) / n): the definition, without the closed form."""
        k = share * n
        low, high = wilson_interval(k, n, confidence)
        assert 0 <= low <= k / n + 1e-12
        assert k / n - 1e-12 <= high <= 1
        z = math.sqrt(2) * _inverse_erf(confidence)
        for end in (low, high):
            assert abs(k / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), rel=1e-6, abs=1e-7)

    def test_no_trials(self):
        assert np.isnan(wilson_interval([0, 1], [0, 2])).tolist() == [[True, False], [True, False]]


class TestExact:
    @pytest.mark.parametrize(
        ("k", "n", "low", "high"),
        [
            # none of n: 1 - (alpha/2)^(1/n) = 1 - .025^(1/10)
            (0, 10, 0.0, 0.30850),
            (10, 10, 0.69150, 1.0),
            # Clopper and Pearson's own chart, 3 of 40
            (3, 40, 0.01574, 0.20386),
        ],
    )
    def test_worked_numbers(self, k, n, low, high):
        assert exact_interval(k, n) == pytest.approx((low, high), abs=5e-6)

    @given(st.integers(0, 300), st.integers(1, 300), st.floats(0.5, 0.999))
    def test_its_ends_are_where_the_binomial_tails_are(self, k, n, confidence):
        """The definition: at the lower end, k or more of n has probability (1 - c)/2; at the upper end, k or fewer."""
        k = min(k, n)
        low, high = exact_interval(k, n, confidence)
        tail = (1 - confidence) / 2
        if k > 0:
            assert binom.sf(k - 1, n, low) == pytest.approx(tail, rel=1e-6)
        if k < n:
            assert binom.cdf(k, n, high) == pytest.approx(tail, rel=1e-6)
        assert 0 <= low <= k / n <= high <= 1

    def test_agrees_with_scipy(self):
        theirs = binomtest(7, 31).proportion_ci(0.9, method="exact")
        assert exact_interval(7, 31, 0.9) == pytest.approx((theirs.low, theirs.high))

    def test_no_trials_and_parts_of_a_success(self):
        assert np.isnan(exact_interval([0, 1], [0, 2])).tolist() == [[True, False], [True, False]]
        ends = [exact_interval(k, 10)[0] for k in (2, 2.5, 3)]
        assert ends == sorted(ends)


def _inverse_erf(x):
    low, high = 0.0, 10.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erf(middle) < x else (low, middle)
    return low


class TestDraw:
    @given(st.integers(0, 30), st.integers(1, 40), st.integers(0, 5))
    def test_every_resample_holds_as_many_logs_as_there_are(self, n_logs, n_bootstrap, seed):
        weights = draw_weights(n_logs, n_bootstrap, np.random.default_rng(seed))
        assert weights.shape == (n_logs, n_bootstrap)
        assert (weights.sum(axis=0) == n_logs).all()
        assert np.array_equal(weights, draw_weights(n_logs, n_bootstrap, np.random.default_rng(seed)))

    def test_each_log_is_drawn_once_on_average_with_the_variance_of_a_multinomial(self):
        weights = draw_weights(20, 20_000, np.random.default_rng(0))
        assert weights.mean(axis=1) == pytest.approx(np.ones(20), abs=0.05)
        assert weights.var(axis=1) == pytest.approx(np.full(20, 1 - 1 / 20), abs=0.05)


class TestBootstrap:
    def sums(self, n_segments=7, n_logs=23, seed=0):
        rng = np.random.default_rng(seed)
        support = rng.integers(0, 5, (n_segments, n_logs)).astype(float)
        return support * rng.normal(10, 3, support.shape), support

    def by_loop(self, numerators, denominators, weights, confidence):
        """The definition: one segment, one resample, one log after the other."""
        ends = []
        for top, bottom in zip(numerators, denominators, strict=True):
            ratios = []
            for resample in weights.T:
                num = sum(w * t for w, t in zip(resample, top, strict=True))
                den = sum(w * b for w, b in zip(resample, bottom, strict=True))
                if den > 0:
                    ratios.append(num / den)
            ends.append(np.quantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2]) if ratios else [np.nan] * 2)
        return np.array(ends).T

    @pytest.mark.parametrize("confidence", [0.5, 0.95])
    @pytest.mark.parametrize("n_bootstrap", [1, 2, 101])
    def test_agrees_with_a_loop(self, confidence, n_bootstrap):
        top, bottom = self.sums()
        top[0], bottom[0] = 0, 0  # no log
        top[1, 1:], bottom[1, 1:] = 0, 0  # one log
        weights = draw_weights(23, n_bootstrap, np.random.default_rng(1))
        found = bootstrap_interval(top, bottom, weights, confidence)
        expected = self.by_loop(top, bottom, weights, confidence)
        assert np.array(found) == pytest.approx(expected, rel=1e-10, nan_ok=True)

    def test_weights_kept_as_bytes_give_the_same(self, monkeypatch):
        top, bottom = self.sums()
        wide = draw_weights(23, 50, np.random.default_rng(1))
        expected = bootstrap_interval(top, bottom, wide, 0.9)
        monkeypatch.setattr(bootstrap, "_WIDE", 0)
        monkeypatch.setattr(bootstrap, "_BLOCK", 100)  # blocks of 2 logs, and of 4 resamples
        narrow = draw_weights(23, 50, np.random.default_rng(1))
        assert narrow.dtype == np.uint8
        assert np.array_equal(narrow, wide)
        assert np.array(bootstrap_interval(top, bottom, narrow, 0.9)) == pytest.approx(np.array(expected), rel=1e-12)

    def test_a_segment_does_not_depend_on_the_others(self):
        top, bottom = self.sums()
        weights = draw_weights(23, 200, np.random.default_rng(1))
        low, high = bootstrap_interval(top, bottom, weights, 0.95)
        order = np.array([4, 0, 6])
        again = bootstrap_interval(top[order], bottom[order], weights, 0.95)
        assert np.array(again) == pytest.approx(np.array([low[order], high[order]]), rel=1e-12)

    def test_scaling_support_changes_nothing_and_shifting_values_shifts(self):
        top, bottom = self.sums()
        weights = draw_weights(23, 200, np.random.default_rng(1))
        base = np.array(bootstrap_interval(top, bottom, weights, 0.95))
        assert np.array(bootstrap_interval(7 * top, 7 * bottom, weights, 0.95)) == pytest.approx(base)
        assert np.array(bootstrap_interval(top + 5 * bottom, bottom, weights, 0.95)) == pytest.approx(base + 5)

    def test_it_covers_the_truth_about_as_often_as_it_says(self):
        """400 fleets of 40 logs of 1-8 scenes; scenes of a log share an offset, so scenes are far from independent.

        Percentile intervals of 40 clusters are known to cover a little less than 95 %; the standard error of the
        share is 1.2 %. An interval that resamples scenes would cover about 65 %.
        """
        rng = np.random.default_rng(20)
        n_fleets, n_logs = 400, 40
        scenes = rng.integers(1, 9, (n_fleets, n_logs)).astype(float)
        means = 3.0 + rng.normal(0, 1, scenes.shape) + rng.normal(0, 1, scenes.shape) / np.sqrt(scenes)
        low, high = bootstrap_interval(means * scenes, scenes, draw_weights(n_logs, 1000, rng), 0.95)
        covered = np.mean((low <= 3.0) & (high >= 3.0))
        assert 0.90 <= covered <= 0.97
