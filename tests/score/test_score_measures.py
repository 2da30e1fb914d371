"""The measures of one distribution: worked numbers, an oracle, bounds, and what is refused."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.score import (
    binary_entropy,
    binary_least_confidence,
    binary_margin,
    entropy,
    is_distribution,
    least_confidence,
    margin,
    mean_members,
)

MEASURES = [entropy, least_confidence, margin]
LN2 = math.log(2)


@pytest.mark.parametrize(
    ("probs", "expected_entropy", "expected_least_confidence", "expected_margin"),
    [
        # Certain: nothing to learn, however many classes there are.
        ([1.0], 0.0, 0.0, 0.0),
        ([0.0, 1.0, 0.0], 0.0, 0.0, 0.0),
        # Ties: all classes, or the two that lead.
        ([0.5, 0.5], LN2, 0.5, 1.0),
        ([0.25] * 4, 2 * LN2, 0.75, 1.0),
        ([0.4, 0.2, 0.4], 0.8 * math.log(2.5) + 0.2 * math.log(5), 0.6, 1.0),
        # 1 - (0.7 - 0.2) = 0.5
        ([0.7, 0.2, 0.1], -(0.7 * math.log(0.7) + 0.2 * math.log(0.2) + 0.1 * math.log(0.1)), 0.3, 0.5),
    ],
)
def test_worked_numbers(probs, expected_entropy, expected_least_confidence, expected_margin):
    assert entropy(probs) == pytest.approx(expected_entropy, abs=1e-15)
    assert least_confidence(probs) == pytest.approx(expected_least_confidence, abs=1e-15)
    assert margin(probs) == pytest.approx(expected_margin, abs=1e-15)


@pytest.mark.parametrize(
    "bad",
    [
        [np.nan, 1.0],
        [np.inf, 0.0],
        [-np.inf, 1.0],
        [np.inf, -np.inf],
        [1.5, -0.5],
        [0.6, 0.6],  # not renormalised
        [0.0, 0.0],
        [0.5, 0.4989],  # off by more than .001
        [1e308, 1e308],
        [2.0, 3.0],  # logits
    ],
)
@pytest.mark.parametrize("measure", MEASURES)
def test_a_row_that_is_not_a_distribution_is_nan_and_harms_no_other(measure, bad):
    values = measure([bad, [0.5, 0.5]])
    assert np.isnan(values[0])
    assert values[1] == measure([0.5, 0.5])
    assert is_distribution([bad, [0.5, 0.5]]).tolist() == [False, True]


@pytest.mark.parametrize("measure", MEASURES)
def test_no_classes_and_no_rows(measure):
    assert np.isnan(measure(np.empty((2, 0)))).all()
    assert not is_distribution(np.empty((2, 0))).any()
    assert measure(np.empty((0, 3))).shape == (0,)
    assert measure(np.empty((0, 0))).shape == (0,)


@pytest.mark.parametrize("measure", [*MEASURES, is_distribution, mean_members])
@pytest.mark.parametrize("probs", [[1, 0], [True, False], np.array([255, 0], np.uint8), ["a"], np.array([1j])])
def test_other_dtypes_are_refused(measure, probs):
    with pytest.raises(ValueError, match=r"must be float16, float32 or float64; got .+; convert"):
        measure(probs)


def test_a_lone_number_is_refused():
    with pytest.raises(ValueError, match=r"got a single number; see `binary_entropy`"):
        entropy(0.5)
    with pytest.raises(ValueError, match="need at least 2 axes"):
        mean_members([0.5, 0.5])


@st.composite
def distributions(draw, max_classes=12):
    weights = draw(hnp.arrays(np.float64, st.integers(1, max_classes), elements=st.floats(0, 1)))
    total = weights.sum()
    return weights / total if total > 1e-300 else np.eye(len(weights))[0]


@given(distributions())
def test_entropy_agrees_with_scipy(probs):
    assert entropy(probs) == pytest.approx(scipy.stats.entropy(probs), rel=1e-12, abs=1e-14)


@given(distributions(), st.sampled_from([np.float16, np.float32, np.float64]), st.randoms(use_true_random=False))
def test_bounds_and_permutation_of_classes(probs, dtype, random):
    typed = probs.astype(dtype)
    if not is_distribution(typed):  # float16 cannot hold every small probability
        return
    n = len(typed)
    order = list(range(n))
    random.shuffle(order)
    for measure, top in zip(MEASURES, (math.log(n), 1 - 1 / n, 1.0), strict=True):
        value = measure(typed)
        assert 0 <= value <= top + 1e-12
        assert measure(typed[order]) == pytest.approx(value, rel=1e-12, abs=1e-14)


@given(distributions(), st.floats(0.01, 0.99))
def test_mixing_with_the_uniform_distribution_never_lowers_a_measure(probs, share):
    mixed = (1 - share) * probs + share / len(probs)
    for measure in MEASURES:
        assert measure(mixed) >= measure(probs) - 1e-12


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)))
def test_nan_exactly_where_the_row_is_no_distribution(anything):
    for measure in MEASURES:
        assert np.array_equal(~np.isnan(measure(anything)), is_distribution(anything))


def test_any_axis_any_layout():
    probs = np.random.default_rng(0).dirichlet(np.ones(5), (4, 3))
    for measure in MEASURES:
        expected = measure(probs)
        assert expected.shape == (4, 3)
        assert np.array_equal(measure(np.moveaxis(probs, -1, 0), axis=0), expected)
        assert np.array_equal(measure(np.moveaxis(probs, -1, 1).copy(), axis=1), expected)
        assert np.array_equal(measure(np.asfortranarray(probs)), expected)


@pytest.mark.parametrize("n_classes", [1, 2, 7, 37, 50_000])
def test_a_row_does_not_depend_on_its_neighbours(n_classes):
    """The cache blocks, and a lone row, must not change the last bit."""
    n_rows = 300 if n_classes < 100 else 5
    probs = np.random.default_rng(1).dirichlet(np.ones(n_classes), n_rows)
    for measure in MEASURES:
        together = measure(probs)
        assert np.array_equal(together, [measure(row) for row in probs])
        assert np.array_equal(together[2:], measure(probs[2:]))


def test_half_precision_is_computed_in_double():
    probs = np.random.default_rng(2).dirichlet(np.ones(1000), 50)
    assert entropy(probs.astype(np.float16)).dtype == np.float64
    assert entropy(probs.astype(np.float16)) == pytest.approx(entropy(probs), rel=1e-3)


def test_input_is_not_changed():
    probs = np.array([[0.5, 0.5], [np.nan, 2.0]])
    before = probs.copy()
    for measure in MEASURES:
        measure(probs)
    assert np.array_equal(probs, before, equal_nan=True)


class TestBinary:
    @given(st.floats(0, 1))
    def test_agrees_with_the_measure_of_two_classes(self, p):
        both = [p, 1 - p]
        assert binary_entropy(p) == pytest.approx(scipy.stats.entropy(both), rel=1e-9, abs=1e-15)
        assert binary_least_confidence(p) == pytest.approx(least_confidence(both), abs=1e-15)
        assert binary_margin(p) == pytest.approx(margin(both), abs=1e-15)

    def test_tiny_probabilities_keep_their_digits(self):
        # H(p) = p (1 - ln p) + O(p²): 1e-20 · (1 + 46.0517...)
        assert binary_entropy(1e-20) == pytest.approx(1e-20 * (1 + 20 * math.log(10)), rel=1e-12, abs=0)

    @pytest.mark.parametrize("measure", [binary_entropy, binary_least_confidence, binary_margin])
    def test_outside_zero_to_one_is_nan(self, measure):
        assert np.isnan(measure([np.nan, -0.1, 1.1, np.inf, -np.inf])).all()
        assert measure([0.0, 1.0]).tolist() == [0.0, 0.0]
        with pytest.raises(ValueError, match="got int64"):
            measure([1])


class TestMembers:
    def test_two_certain_members_that_disagree_are_together_uncertain(self):
        assert entropy(mean_members([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(LN2)

    def test_one_bad_member_spoils_the_mean_even_where_the_mean_is_a_distribution(self):
        assert np.isnan(mean_members([[1.5, -0.5], [0.5, 0.5]])).all()

    def test_no_member(self):
        assert np.isnan(mean_members(np.empty((2, 0, 3)))).all()

    def test_an_identical_member_changes_nothing(self):
        probs = np.random.default_rng(3).dirichlet(np.ones(4), (5, 1))
        doubled = np.repeat(probs, 2, axis=1)
        assert entropy(mean_members(doubled)) == pytest.approx(entropy(mean_members(probs)), rel=1e-14)
