"""Ranks and expected errors against scipy, scikit-learn and numbers worked by hand."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import percentileofscore
from sklearn.isotonic import IsotonicRegression

from oddloop.derived_tables import NORMALISERS
from oddloop.errors import TableError
from oddloop.score import (
    ScoredModel,
    add_normalised,
    audit_scenes,
    fit_calibrated,
    fit_expected_errors,
    fit_rank,
    fit_ranks,
    normaliser_table,
    own_scores,
    read_normalisers,
)
from oddloop.score.normalise import MAX_KNOTS

M1 = ScoredModel("m1", "a7")
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 2.5]) | st.floats(-1e6, 1e6)
MANY = st.lists(NUMBERS, min_size=1, max_size=60)


class TestRank:
    @given(MANY)
    def test_of_the_reference_are_midranks(self, reference):
        found = fit_rank(reference, M1).apply(reference, M1)
        expected = [percentileofscore(reference, x, kind="mean") / 100 for x in reference]
        assert found == pytest.approx(expected, rel=1e-9)

    @given(MANY, st.lists(NUMBERS, min_size=2, max_size=30))
    def test_new_values_lie_between_the_shares_below_and_not_above(self, reference, values):
        found = fit_rank(reference, M1).apply(values, M1)
        order = np.argsort(values, kind="stable")
        assert (np.diff(found[order]) >= 0).all()
        array = np.array(reference)
        for value, rank in zip(values, found, strict=True):
            inside = array.min() <= value <= array.max()
            half = np.unique(array, return_counts=True)[1].max() / 2 / len(array) if inside else 0.0
            assert (array < value).mean() - half - 1e-9 <= rank <= (array <= value).mean() + half + 1e-9

    @given(MANY, st.floats(0.5, 2), st.floats(-5, 5))
    def test_models_that_differ_by_a_monotone_change_share_a_scale(self, reference, factor, shift):
        other = factor * np.array(reference) + shift
        assume(len(np.unique(other)) == len(np.unique(reference)))
        m2 = ScoredModel("m2")
        ours, theirs = fit_rank(reference, M1).apply(reference, M1), fit_rank(other, m2).apply(other, m2)
        assert np.array_equal(ours, theirs)

    def test_many_values_are_kept_as_few_knots_to_the_second_thousandth(self):
        rng = np.random.default_rng(0)
        reference = np.concatenate([rng.normal(size=50_000), np.zeros(20_000), rng.gamma(0.1, 9, 30_000)])
        fitted = fit_rank(reference, M1)
        assert len(fitted.values) <= MAX_KNOTS
        some = np.concatenate([reference[::97], [0.0]])
        ordered = np.sort(reference)
        exact = (np.searchsorted(ordered, some) + np.searchsorted(ordered, some, "right")) / 2 / len(ordered)
        assert fitted.apply(some, M1) == pytest.approx(exact, abs=0.002)

    def test_not_finite_is_not_valid(self):
        fitted = fit_rank([1.0, float("nan"), 2.0, float("inf")], M1)
        assert fitted.n_scenes == 2
        assert fitted.apply([1.0, float("nan"), float("inf")], M1) == pytest.approx([0.25, np.nan, np.nan], nan_ok=True)

    @pytest.mark.parametrize("reference", [[], [float("nan")]])
    def test_without_a_reference_nothing_is_valid(self, reference):
        assert np.isnan(fit_rank(reference, M1).apply([1.0, 2.0], M1)).all()

    def test_one_scene(self):
        assert fit_rank([3.0], M1).apply([2.0, 3.0, 4.0], M1).tolist() == [0.0, 0.5, 1.0]


class TestCalibrated:
    # in eighths, since scikit-learn takes scores that are very near for equal
    @given(st.lists(st.tuples(st.integers(-80, 80).map(lambda i: i / 8), st.floats(0, 100)), min_size=1, max_size=60))
    def test_agrees_with_scikit_learn(self, scenes):
        x, y = np.array(scenes).T
        oracle = IsotonicRegression(out_of_bounds="clip").fit(x, y)
        fitted = fit_calibrated(x, y, M1, min_bin=1, min_scenes=1)
        # at the scores themselves: scikit-learn draws its lines between pooled values as we do
        assert fitted.apply(x, M1) == pytest.approx(oracle.predict(x), rel=1e-6, abs=1e-6)

    @given(st.lists(st.tuples(NUMBERS, st.floats(0, 100)), min_size=4, max_size=60), st.integers(1, 12))
    def test_never_falls_stays_in_bounds_and_has_the_bins_support(self, scenes, min_bin):
        x, y = np.array(scenes).T
        fitted = fit_calibrated(x, y, M1, min_bin=min_bin, min_scenes=1)
        found = fitted.apply(np.linspace(x.min() - 1, x.max() + 1, 50), M1)
        assert (np.diff(found) >= -1e-9).all()
        assert y.min() - 1e-9 <= found.min() <= found.max() <= y.max() + 1e-9
        assert (np.diff(fitted.values) > 0).all()
        assert fitted.n.min() >= min(min_bin, len(x))
        assert len(fitted.values) <= MAX_KNOTS

    def test_a_first_value_too_rare_for_a_bin_joins_the_next(self):
        fitted = fit_calibrated([0.0, 2.0, 2.0, 2.0], [0.0, 0.0, 0.0, 1.0], M1, min_bin=2, min_scenes=1)
        assert fitted.n.tolist() == [4, 4]
        assert fitted.apply([0.0, 2.0], M1).tolist() == [0.25, 0.25]

    def test_one_bad_scene_does_not_rule_the_upper_end(self):
        # 20 scenes without errors, the highest score with 100: its bin of ten has 100 / 10
        errors = np.zeros(20)
        errors[-1] = 100.0
        fitted = fit_calibrated(np.arange(20.0), errors, M1, min_scenes=1)
        assert fitted.apply([0.0, 9.0, 10.0, 19.0], M1).tolist() == [0.0, 0.0, 10.0, 10.0]
        assert fitted.n.tolist() == [10, 10, 10, 10]

    def test_it_recovers_what_was_planted(self):
        rng = np.random.default_rng(0)
        score = rng.uniform(0, 10, 4000)
        fitted = fit_calibrated(score, rng.poisson(score**2 / 10), M1)
        at = np.array([2.0, 5.0, 8.0])
        assert fitted.apply(at, M1) == pytest.approx(at**2 / 10, rel=0.1, abs=0.1)

    def test_a_score_that_says_nothing_gives_the_mean(self):
        fitted = fit_calibrated(np.arange(100.0), np.tile([0.0, 2.0], 50)[::-1], M1)
        assert fitted.apply([50.0], M1) == pytest.approx([1.0], abs=0.2)

    def test_too_few_scenes_give_nothing(self):
        fitted = fit_calibrated(np.arange(29.0), np.arange(29.0), M1)
        assert fitted.n_scenes == 29
        assert np.isnan(fitted.apply([1.0], M1)).all()

    def test_faults_are_named(self):
        with pytest.raises(ValueError, match=r"scores have shape \(1,\) and errors \(2,\)"):
            fit_calibrated([1.0], [1.0, 2.0], M1)
        with pytest.raises(ValueError, match="errors must be finite and 0 or more"):
            fit_calibrated([1.0], [-1.0], M1)
        with pytest.raises(ValueError, match="min_bin must be 1 or more; got 0"):
            fit_calibrated([1.0], [1.0], M1, min_bin=0)


def test_another_models_scores_are_refused_with_both_digests():
    fitted, other = fit_rank([1.0, 2.0], M1, "risk_max"), ScoredModel("m1", "b8")
    with pytest.raises(TableError) as refused:
        fitted.apply([1.0], other)
    assert M1.digest in str(refused.value)
    assert other.digest in str(refused.value)
    assert "`risk_max`" in str(refused.value)


def test_the_same_input_gives_the_same_digest_and_other_input_another():
    one, two = fit_rank([1.0, 2.0], M1), fit_rank(np.array([2.0, 1.0], np.float32), M1)
    assert one.digest == two.digest
    assert one.digest != fit_rank([1.0, 3.0], M1).digest
    assert one.digest != fit_rank([1.0, 2.0], ScoredModel("m1")).digest
    assert pickle.loads(pickle.dumps(one)).digest == one.digest


def test_inputs_are_not_changed():
    scores, errors = np.arange(40.0)[::-1].copy(), np.arange(40.0)
    fit_rank(scores, M1).apply(scores, M1)
    fit_calibrated(scores, errors, M1)
    assert scores[0] == 39.0
    assert errors[0] == 0.0


def scenes_of(**scores):
    columns = {"scene_id": [f"s{i}" for i in range(len(next(iter(scores.values()))))]}
    for name, values in scores.items():
        columns |= {name: pa.array(values, pa.float64()), f"{name}_valid": [v is not None for v in values]}
    return pa.table(columns)


class TestScenes:
    SCENES = scenes_of(risk_max=[1.0, None, 3.0], risk_mean=[5.0, 5.0, 5.0])

    def test_a_column_and_its_twin_beside_each_score(self):
        found = add_normalised(self.SCENES, fit_ranks(self.SCENES, M1), M1)
        assert found.select(["risk_max_rank", "risk_max_rank_valid", "risk_mean_rank"]).to_pydict() == {
            "risk_max_rank": [0.25, None, 0.75],
            "risk_max_rank_valid": [True, False, True],
            "risk_mean_rank": [0.5, 0.5, 0.5],
        }
        assert own_scores(found) == ["risk_max", "risk_mean"]
        # ranks of ranks are not made
        assert [fitted.score for fitted in fit_ranks(found, M1)] == ["risk_max", "risk_mean"]

    def test_kept_as_a_table_and_read_again(self):
        scenes = scenes_of(risk_max=list(range(50)), risk_p95=[None] * 50)
        fitted = (*fit_expected_errors(scenes, np.arange(50) % 7, M1),)
        table = normaliser_table(fitted)
        assert table.schema.equals(NORMALISERS.schema())
        again = read_normalisers(table.take(np.random.default_rng(0).permutation(table.num_rows)))
        assert list(again) == ["risk_max"]  # nothing could be fitted to risk_p95
        assert again["risk_max"].digest == fitted[0].digest
        assert again["risk_max"].apply([3.0], M1) == fitted[0].apply([3.0], M1)

    def test_a_table_that_was_changed_is_refused(self):
        table = normaliser_table(fit_ranks(self.SCENES, M1))
        changed = table.set_column(table.column_names.index("n_scenes"), "n_scenes", [[9] * table.num_rows])
        with pytest.raises(TableError, match=r"normaliser of `risk_max`: digest \w+, but \w+ was written"):
            read_normalisers(changed)
        with pytest.raises(TableError, match="columns digest are missing"):
            read_normalisers(table.drop_columns("digest"))

    def test_another_model_is_refused(self):
        with pytest.raises(TableError, match="of `risk_max` was fitted to model `m1`"):
            add_normalised(self.SCENES, fit_ranks(self.SCENES, M1), ScoredModel("m2"))

    def test_the_audit_leaves_normalised_scores_out(self):
        found = add_normalised(self.SCENES, fit_ranks(self.SCENES, M1), M1)
        known = {"log_id": ["l"] * 3, "value": [1.0, 2.0, 3.0], "support": [1.0] * 3, "n_objects_sum": [1] * 3}
        for name, values in {**known, "duration_s": [1.0] * 3}.items():
            found = found.append_column(name, [values])
        audit = audit_scenes(found, np.ones(3), "lower", np.random.default_rng(0))
        assert set(audit.filter(pc.equal(audit["kind"], "score"))["score"].to_pylist()) == {"risk_max", "risk_mean"}
