"""Temperature scaling and calibration error: worked numbers, naive oracles, properties, refusals."""

import itertools
import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.score import bootstrap_calibration_error, calibration_error, fit_temperature, softmax
from oddloop.score.temperature import HIGHEST, LOWEST


def overconfident(n=4000, temperature=2.5, seed=0):
    """Logits whose labels are drawn at this temperature."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 4, (n, 5))
    probs = scipy.special.softmax(logits / temperature, axis=1)
    labels = (probs.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, np.minimum(labels, 4)


class TestTemperature:
    @pytest.mark.parametrize("confidence", [0.3, 1.0, 4.0, 9.0])
    def test_worked_numbers(self, confidence):
        # Of two classes at logits (c, 0), 3 of 4 right: e^(c/T) = 3, T = c / ln 3.
        found = fit_temperature([[confidence, 0.0]] * 4, [0, 0, 0, 1])
        assert found == pytest.approx(confidence / math.log(3), rel=1e-6)

    @pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
    def test_finds_the_temperature_that_labels_were_drawn_at(self, temperature):
        assert fit_temperature(*overconfident(20_000, temperature)) == pytest.approx(temperature, rel=0.05)

    @given(st.integers(0, 1000))
    @settings(deadline=None, max_examples=20)
    def test_no_temperature_of_a_grid_is_better(self, seed):
        rng = np.random.default_rng(seed)
        logits, labels = rng.normal(0, rng.uniform(0.2, 9), (30, 3)), rng.integers(0, 3, 30)

        def loss(t):
            return -scipy.special.log_softmax(logits / t, axis=1)[np.arange(30), labels].mean()

        best = min(loss(t) for t in np.geomspace(LOWEST, HIGHEST, 400))
        assert loss(fit_temperature(logits, labels)) <= best + 1e-7

    def test_scaling_the_logits_scales_the_temperature(self):
        logits, labels = overconfident()
        assert fit_temperature(3 * logits, labels) == pytest.approx(3 * fit_temperature(logits, labels), rel=1e-5)

    def test_logarithms_of_probabilities_are_logits(self):
        logits, labels = overconfident()
        assert fit_temperature(np.log(softmax(logits)), labels) == pytest.approx(fit_temperature(logits, labels))

    def test_scaling_makes_the_confidence_true(self):
        logits, labels = overconfident()
        before = calibration_error(softmax(logits), labels).error
        after = calibration_error(softmax(logits, fit_temperature(logits, labels)), labels).error
        assert before > 0.1
        assert after < 0.02

    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    def test_narrow_floats(self, dtype):
        logits, labels = overconfident()
        assert fit_temperature(logits.astype(dtype), labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-3)

    def test_always_right_and_always_wrong_end_at_the_bounds(self):
        assert fit_temperature([[1.0, 0.0]], [0]) == pytest.approx(LOWEST, rel=1e-3)
        assert fit_temperature([[1.0, 0.0]], [1]) == pytest.approx(HIGHEST, rel=1e-3)

    def test_rows_that_are_not_finite_are_left_out(self):
        logits, labels = overconfident(100)
        spoilt = np.concatenate([logits, [[np.nan] * 5, [np.inf, 0, 0, 0, 0]]])
        assert fit_temperature(spoilt, np.append(labels, [0, 0])) == fit_temperature(logits, labels)

    @pytest.mark.parametrize(
        ("logits", "labels", "fault"),
        [
            ([0.5, 0.5], [0, 1], "need two axes"),
            ([[0.5, 0.5]], [0, 1], r"must be \(1,\), one per row"),
            ([[0.5, 0.5]], [0.0], "must be integers"),
            ([[0.5, 0.5]], [2], r"must be in \[0, 1\]; got 2 to 2"),
            ([[0.5, 0.5]], [-1], r"must be in \[0, 1\]; got -1"),
            ([[1, 2]], [0], "got int64"),
            ([[np.nan, 0.5]], [0], "no row of the logits is finite"),
            (np.empty((0, 3)), np.empty(0, int), "no row"),
        ],
    )
    def test_refusals(self, logits, labels, fault):
        with pytest.raises(ValueError, match=fault):
            fit_temperature(logits, labels)


def naive_error(confidences, correct, edges):
    total = 0.0
    for low, high in itertools.pairwise(edges):
        inside = [i for i, c in enumerate(confidences) if low < c <= high]
        if inside:
            gap = np.mean([correct[i] for i in inside]) - np.mean([confidences[i] for i in inside])
            total += len(inside) / len(confidences) * abs(gap)
    return total


class TestCalibrationError:
    def test_worked_numbers(self):
        # 4 rows at .9, 3 right: gap -.15; 2 rows at .6, 2 right: gap .4. ECE = 4/6 · .15 + 2/6 · .4 = .7/3.
        probs = [[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 2
        found = calibration_error(probs, [0, 0, 0, 1, 0, 0], n_bins=10)
        assert found.error == pytest.approx(0.7 / 3)
        assert found.worst == pytest.approx(0.4)
        assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 4, 0]
        assert found.correct_sums.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 3, 0]
        assert found.gaps[[5, 8]] == pytest.approx([0.4, -0.15])
        assert np.isnan(found.gaps[0])

    @pytest.mark.parametrize("bins", ["width", "mass"])
    @given(seed=st.integers(0, 1000), n=st.integers(1, 60), n_bins=st.integers(1, 20))
    @settings(deadline=None, max_examples=50)
    def test_agrees_with_counting_one_by_one(self, bins, seed, n, n_bins):
        rng = np.random.default_rng(seed)
        probs = rng.dirichlet(np.ones(3), n)
        probs = np.where(rng.random((n, 1)) < 0.3, [0.5, 0.25, 0.25], probs)  # ties
        labels = rng.integers(0, 3, n)
        found = calibration_error(probs, labels, bins, n_bins)
        confidences, correct = probs.max(axis=1), probs.argmax(axis=1) == labels
        assert found.error == pytest.approx(naive_error(confidences, correct, found.edges))
        assert found.counts.sum() == n
        assert found.correct_sums.sum() == correct.sum()
        assert 0 <= found.error <= found.worst + 1e-12 <= 1 + 1e-12
        assert np.all(np.diff(found.edges) > 0)

    @pytest.mark.parametrize("n_bins", [3, 7, 10, 15])
    def test_bins_of_equal_mass_divide_evenly_where_they_can(self, n_bins):
        # 3/10 is a little above 0.3 in binary, and would move a row
        p = np.linspace(0.5, 1.0, 210 * n_bins)
        found = calibration_error(np.stack([p, 1 - p], axis=1), np.zeros(len(p), int), "mass", n_bins)
        assert found.counts.tolist() == [210] * n_bins

    def test_bins_of_equal_mass_hold_equally_many(self):
        probs = np.random.default_rng(0).dirichlet(np.ones(4), 1500)
        found = calibration_error(probs, np.zeros(1500, int), "mass")
        assert found.counts.tolist() == [100] * 15

    def test_equal_confidences_share_a_bin(self):
        assert calibration_error([[0.9, 0.1]] * 40, [0] * 40, "mass").counts.tolist() == [40]

    def test_certain_and_right(self):
        found = calibration_error(np.eye(3), [0, 1, 2])
        assert (found.error, found.worst, found.counts[-1]) == (0.0, 0.0, 3)

    def test_permutation_of_rows_and_of_classes(self):
        logits, labels = overconfident(500)
        probs, order = softmax(logits), np.random.default_rng(0).permutation(500)
        error = calibration_error(probs, labels).error
        assert calibration_error(probs[order], labels[order]).error == pytest.approx(error)
        assert calibration_error(probs[:, ::-1], 4 - labels).error == pytest.approx(error)

    @pytest.mark.parametrize("bins", ["width", "mass"])
    def test_bad_rows_are_left_out_and_none_at_all_is_nan(self, bins):
        good = calibration_error([[0.8, 0.2]], [0], bins)
        found = calibration_error([[np.nan, 1], [0.8, 0.2], [0.7, 0.7]], [0, 0, 0], bins)
        assert (found.error, found.counts.sum()) == (good.error, 1)
        for nothing in (calibration_error(np.empty((0, 2)), [], bins), calibration_error([[2.0, 3.0]], [0], bins)):
            assert math.isnan(nothing.error)
            assert math.isnan(nothing.worst)
            assert nothing.counts.sum() == 0

    def test_refusals(self):
        with pytest.raises(ValueError, match='"width" or "mass"; got \'area\''):
            calibration_error([[1.0]], [0], "area")
        with pytest.raises(ValueError, match="n_bins must be 1 or more; got 0"):
            calibration_error([[1.0]], [0], n_bins=0)
        with pytest.raises(ValueError, match="need two axes"):
            calibration_error([1.0], [0])


class TestInterval:
    def test_holds_the_truth_about_as_often_as_it_says(self):
        """Labels at the stated confidence minus 0.2, so that the true error is 0.2 in every bin."""
        hits = 0
        for seed in range(100):
            rng = np.random.default_rng(seed)
            confidences = rng.uniform(0.75, 0.99, 300)
            labels = (rng.random(300) > confidences - 0.2).astype(int)
            probs = np.stack([confidences, 1 - confidences], axis=1)
            low, high = bootstrap_calibration_error(probs, labels, rng, n_bootstrap=200)
            hits += low <= 0.2 <= high
        assert 88 <= hits <= 100

    def test_the_same_rows_again_in_the_same_logs_make_no_narrower_interval(self):
        logits, labels = overconfident(200)
        probs, logs = softmax(logits), np.arange(200).astype(str)
        rng = np.random.default_rng
        once = bootstrap_calibration_error(probs, labels, rng(0), logs)
        twice = bootstrap_calibration_error(np.tile(probs, (2, 1)), np.tile(labels, 2), rng(0), np.tile(logs, 2))
        assert twice == pytest.approx(once)
        assert once == pytest.approx(bootstrap_calibration_error(probs, labels, rng(0)), abs=0.02)

    @pytest.mark.parametrize("groups", [None, ["a"]])
    def test_one_group_has_no_interval(self, groups):
        found = bootstrap_calibration_error([[0.9, 0.1]], [0], np.random.default_rng(0), groups)
        assert np.isnan(found).all()

    def test_groups_must_fit(self):
        with pytest.raises(ValueError, match=r"groups must be \(1,\), one per row; got shape \(2,\)"):
            bootstrap_calibration_error([[0.9, 0.1]], [0], np.random.default_rng(0), ["a", "b"])
