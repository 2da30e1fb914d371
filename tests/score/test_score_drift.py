"""PSI and KS against naive references and scipy, their intervals, and what no drift looks like."""

import datetime
import doctest
import importlib
import math
import pkgutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

import oddloop.score.drift
from oddloop.derived_tables import DRIFT
from oddloop.errors import TableError
from oddloop.score.drift import (
    DriftConfig,
    DriftSides,
    expected_psi,
    ks,
    measure_drift,
    pair_scenes,
    psi,
    week_names,
)
from oddloop.score.drift.measures import bin_edges
from oddloop.score.drift.resampled import LogCounts, Side, interval_of

NAN = float("nan")
VALUES = st.sampled_from([0.0, 0.0, 1.0, 2.0, -3.5]) | st.floats(-1e6, 1e6)
SAMPLES = st.lists(VALUES, min_size=1, max_size=40)


def naive_psi(reference, current, n_bins, smoothing=0.5):
    quantiles = [float(np.quantile(reference, j / n_bins)) for j in range(1, n_bins)]
    ends = sorted({*quantiles, *(math.nextafter(q, -math.inf) for q in quantiles if quantiles.count(q) > 1)})
    bins = [sum(end < x for end in ends) for x in reference], [sum(end < x for end in ends) for x in current]
    share = smoothing / min(len(reference), len(current))
    total = 0.0
    for i in range(len(ends) + 1):
        p, q = ((b.count(i) / len(b) + share) / (1 + (len(ends) + 1) * share) for b in bins)
        total += (q - p) * math.log(q / p)
    return total


class TestPsi:
    @given(SAMPLES, SAMPLES, st.integers(2, 12))
    def test_agrees_with_a_loop(self, reference, current, n_bins):
        assert psi(reference, current, n_bins=n_bins) == pytest.approx(naive_psi(reference, current, n_bins), abs=1e-12)

    def test_worked_numbers(self):
        # bins up to 2.5 and above: shares 2/4, 2/4 and 1/4, 3/4; half a value more per bin: 2.5/5 and 1.5/5, 3.5/5
        expected = (0.3 - 0.5) * math.log(0.3 / 0.5) + (0.7 - 0.5) * math.log(0.7 / 0.5)
        assert psi([1, 2, 3, 4], [2, 3, 4, 4], n_bins=2) == pytest.approx(expected)

    @given(SAMPLES)
    def test_of_a_sample_with_itself_is_0(self, values):
        assert psi(values, values) == 0.0

    @given(SAMPLES, SAMPLES)
    def test_is_finite_and_not_negative(self, reference, current):
        assert 0.0 <= psi(reference, current) < math.inf

    @given(st.lists(st.integers(-50, 50), min_size=2, max_size=40), st.lists(st.integers(-50, 50), min_size=1))
    def test_does_not_change_with_the_unit(self, reference, current):
        # by a power of two, which keeps every quantile and its neighbours exact
        scaled = [4.0 * x for x in reference], [4.0 * x for x in current]
        assert psi(*scaled) == pytest.approx(psi(reference, current), rel=1e-9, abs=1e-12)

    def test_a_value_that_many_share_has_a_bin_of_its_own(self):
        # a reference that is the same everywhere: what moves below it, or above, is seen
        assert psi(np.zeros(100), np.full(100, -1.0)) > 5
        assert psi(np.zeros(100), np.full(100, 1.0)) > 5
        assert psi(np.zeros(100), np.zeros(50)) == 0.0

    def test_without_drift_it_is_as_expected(self):
        rng = np.random.default_rng(0)
        found = [psi(rng.normal(size=400), rng.normal(size=800)) for _ in range(400)]
        assert np.mean(found) == pytest.approx(expected_psi(400, 800), rel=0.1)

    def test_one_side_without_values(self):
        assert math.isnan(psi([], [1.0]))
        assert math.isnan(psi([1.0], [NAN, math.inf]))
        assert psi([1.0, NAN], [1.0]) == 0.0

    def test_faults_are_named(self):
        with pytest.raises(ValueError, match="n_bins must be 2 or more; got 1"):
            psi([1.0], [1.0], n_bins=1)
        with pytest.raises(ValueError, match="smoothing must be above 0; got 0"):
            psi([1.0], [1.0], smoothing=0)

    def test_bins_have_equal_mass_in_the_reference(self):
        reference = np.random.default_rng(0).normal(size=1000)
        assert np.histogram(reference, [-np.inf, *bin_edges(reference), np.inf])[0].tolist() == [100] * 10


class TestKs:
    # two values a side at least, since scipy's own probability divides by 0 for one
    @given(st.lists(VALUES, min_size=2, max_size=40), st.lists(VALUES, min_size=2, max_size=40))
    def test_agrees_with_scipy(self, reference, current):
        assert ks(reference, current) == pytest.approx(
            ks_2samp(reference, current, method="asymp").statistic, abs=1e-12
        )

    def test_not_finite_is_left_out(self):
        assert ks([1.0, NAN, 2.0], [1.0, 2.0, math.inf]) == 0.0
        assert math.isnan(ks([], [1.0]))

    def test_float16_and_integers(self):
        assert ks(np.array([1, 2], np.float16), np.array([3, 4], np.int64)) == 1.0


def samples(rng, n_logs=20, n=15, likeness=0.4, shift=0.0):
    """Scores of scenes, alike within logs."""
    logs = np.repeat(np.arange(n_logs), n)
    values = np.sqrt(likeness) * rng.normal(size=n_logs)[logs] + np.sqrt(1 - likeness) * rng.normal(size=n_logs * n)
    return Side(values + shift, logs)


class TestResamples:
    def test_counts_are_those_of_the_measures(self):
        rng = np.random.default_rng(0)
        ours, theirs = samples(rng), samples(rng, shift=0.5)
        found = LogCounts(ours, theirs, 10, is_paired=False).found
        assert found[0] == pytest.approx(psi(ours.values, theirs.values))
        assert found[1] == pytest.approx(ks(ours.values, theirs.values), abs=1 / 256)
        few = Side(np.round(ours.values, 1), ours.logs)
        exact = LogCounts(few, theirs, 10, is_paired=False).found
        assert exact[1] == pytest.approx(ks(few.values, theirs.values), abs=1e-12)

    def test_resamples_are_of_whole_logs(self):
        # each log holds one value, twice; so a resample of logs is a resample of these values, and KS a multiple of 1/4
        side = Side(np.repeat([1.0, 2.0, 3.0, 4.0], 2), np.repeat(np.arange(4), 2))
        found = LogCounts(side, side, 4, is_paired=False).resample(100, np.random.default_rng(0))
        assert np.allclose(4 * found.drawn[1], np.round(4 * found.drawn[1]))
        assert found.drawn[1].max() > 0
        paired = LogCounts(side, side, 4, is_paired=True).resample(100, np.random.default_rng(0))
        assert (paired.drawn == 0).all()  # both sides of a log are drawn together
        assert (paired.swapped == 0).all()

    @pytest.mark.parametrize("is_paired", [False, True])
    def test_without_drift_chance_is_uniform_and_0_is_in_the_interval(self, is_paired):
        rng = np.random.default_rng(1)
        p_values, covers, means, without = [], [], [], []
        for _ in range(120):
            ours = samples(rng)
            noise = [rng.normal(0, 0.5, len(ours.values)) for _ in range(2)]
            theirs = Side(ours.values + noise[0], ours.logs) if is_paired else samples(rng)
            ours = Side(ours.values + noise[1], ours.logs) if is_paired else ours
            counts = LogCounts(ours, theirs, 10, is_paired=is_paired)
            found = counts.resample(128, rng)
            p_values.append((found.swapped >= np.array(counts.found)[:, None]).mean(axis=1))
            covers.append([interval_of(counts.found[i], found.drawn[i], 1 + i)[0] == 0.0 for i in range(2)])
            means.append(counts.found)
            without.append(found.swapped.mean(axis=1))
        assert np.mean(p_values, axis=0) == pytest.approx([0.5, 0.5], abs=0.1)
        assert (np.mean(np.array(p_values) <= 0.05, axis=0) <= 0.12).all()
        assert (np.mean(covers, axis=0) >= 0.88).all()
        # what is said to come without drift comes without drift, though scenes of a log are alike
        assert np.mean(without, axis=0) == pytest.approx(np.mean(means, axis=0), rel=0.15)
        if not is_paired:
            assert np.mean(means, axis=0)[0] > 1.3 * expected_psi(300, 300)

    def test_drift_is_found(self):
        rng = np.random.default_rng(2)
        counts = LogCounts(samples(rng), samples(rng, shift=1.5), 10, is_paired=False)
        found = counts.resample(128, rng)
        assert (found.swapped < np.array(counts.found)[:, None]).all()
        assert all(interval_of(counts.found[i], found.drawn[i], 1 + i)[0] > 0.1 for i in range(2))


def scenes_of(n_logs=8, n=6, shift=0.0, seed=0, **more):
    rng = np.random.default_rng(seed)
    total = n_logs * n
    values = np.sort(rng.normal(size=total)) + shift
    columns = {"scene_id": [f"s{i:03d}" for i in range(total)], "log_id": [f"log{i % n_logs}" for i in range(total)]}
    columns |= {"risk_max": values, "risk_max_valid": np.ones(total, bool), **more}
    return pa.table(columns)


class TestTable:
    def test_a_row_per_score(self):
        old, new = scenes_of(), scenes_of(shift=0.7)
        found = measure_drift(DriftSides(old, new, ("m1", "m2"), True), np.random.default_rng(0))
        assert found.schema.equals(DRIFT.schema())
        (row,) = found.to_pylist()
        assert row["psi"] == pytest.approx(psi(old["risk_max"], new["risk_max"]))
        assert row["ks"] == pytest.approx(ks(old["risk_max"], new["risk_max"]))
        assert (row["reference"], row["current"], row["n_reference"], row["n_logs_current"]) == ("m1", "m2", 48, 8)
        assert row["psi_independent"] == pytest.approx(expected_psi(48, 48, row["n_bins"]))
        assert row["psi_low"] <= row["psi_high"]
        assert 1 / 501 <= row["psi_p"] <= 1

    def test_the_same_seed_gives_the_same_whatever_the_order_of_rows(self):
        old, new = scenes_of(), scenes_of(shift=0.3, seed=1)
        order = np.random.default_rng(0).permutation(48)
        sides = [DriftSides(a, b, ("x", "y"), True) for a, b in ((old, new), (old.take(order), new.take(order)))]
        one, two = (measure_drift(s, np.random.default_rng(5)) for s in sides)
        assert one.equals(two)

    def test_a_scene_counts_where_it_is_valid_on_both_sides(self):
        valid = np.arange(48) % 3 > 0
        old, new = scenes_of(), scenes_of().set_column(3, "risk_max_valid", [valid])
        paired = measure_drift(DriftSides(old, new, ("a", "b"), True), np.random.default_rng(0))
        assert (paired["n_reference"][0].as_py(), paired["psi"][0].as_py()) == (32, 0.0)
        apart = measure_drift(DriftSides(old, new, ("a", "b"), False), np.random.default_rng(0))
        assert (apart["n_reference"][0].as_py(), apart["n_current"][0].as_py()) == (48, 32)

    def test_few_logs_give_no_interval(self):
        old, new = scenes_of(n_logs=4), scenes_of(n_logs=4, shift=1)
        (row,) = measure_drift(DriftSides(old, new, ("a", "b"), True), np.random.default_rng(0)).to_pylist()
        assert row["psi"] > 0
        assert {row[name] for name in ("psi_low", "psi_p", "psi_no_drift", "ks_high")} == {None}
        assert row["psi_independent"] > 0

    def test_no_valid_score_is_null_and_last(self):
        none = {"empty_max": pa.nulls(48, pa.float64()), "empty_max_valid": np.zeros(48, bool)}
        sides = DriftSides(scenes_of(**none), scenes_of(**none), ("a", "b"), True)
        found = measure_drift(sides, np.random.default_rng(0), DriftConfig(n_resamples=10))
        assert found["score"].to_pylist() == ["risk_max", "empty_max"]
        assert found["psi"].to_pylist() == [0.0, None]
        assert found["n_current"].to_pylist() == [48, 0]

    def test_the_most_drifted_come_first_and_only_those_asked_for(self):
        more = {"other_max": np.arange(48.0), "other_max_valid": np.ones(48, bool)}
        moved = scenes_of(**{**more, "other_max": np.arange(48.0) + 40})
        sides = DriftSides(scenes_of(**more), moved, ("a", "b"), True)
        config = DriftConfig(n_resamples=10)
        found = measure_drift(sides, np.random.default_rng(0), config)
        assert found["score"].to_pylist() == ["other_max", "risk_max"]
        assert measure_drift(sides, np.random.default_rng(0), config, ["risk_max"])["score"].to_pylist() == ["risk_max"]

    def test_shared_scenes_and_scores(self):
        old, new = (
            scenes_of(),
            scenes_of().slice(10).drop_columns("log_id").rename_columns(["scene_id", "x", "x_valid"]),
        )
        with pytest.raises(TableError, match="the two have no score in common"):
            pair_scenes(old, new)
        with pytest.raises(TableError, match="the two have no scene in common"):
            pair_scenes(old.slice(0, 5), scenes_of().slice(10))
        ours, theirs = pair_scenes(old, scenes_of().slice(10).take(np.arange(38)[::-1]).drop_columns("log_id"))
        assert ours["scene_id"].equals(theirs["scene_id"])
        assert ours.equals(theirs)


class TestWeeks:
    @given(st.lists(st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2200, 1, 1)), max_size=8))
    def test_agree_with_the_calendar(self, instants):
        utc = [instant.replace(tzinfo=datetime.UTC) for instant in instants]
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        nanoseconds = [(i - epoch) // datetime.timedelta(microseconds=1) * 1000 for i in utc]
        expected = [f"{i.isocalendar().year}-W{i.isocalendar().week:02d}" for i in utc]
        assert week_names(np.array(nanoseconds, np.int64)).tolist() == expected


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(oddloop.score.drift.__path__)])
def test_examples_in_docstrings(name):
    module = importlib.import_module(f"oddloop.score.drift.{name}")
    assert doctest.testmod(module).failed == 0
