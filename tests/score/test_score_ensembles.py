"""The measures of ensembles: worked numbers, a naive oracle, bounds, what changes nothing, and what is not valid."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.score import (
    bald,
    compute_ensemble_measures,
    consensus_disagreement,
    entropy,
    expected_entropy,
    fast_calls,
    mean_members,
    predictive_entropy,
    predictive_variance,
    variation_ratio,
    vote_entropy,
)
from oddloop.score.ensembles import ENSEMBLE_MEASURES

LN2 = math.log(2)
FUNCTIONS = {
    "entropy": predictive_entropy,
    "expected_entropy": expected_entropy,
    "bald": bald,
    "variance": predictive_variance,
    "variation_ratio": variation_ratio,
    "vote_entropy": vote_entropy,
    "consensus": consensus_disagreement,
}
DTYPES = [np.float16, np.float32, np.float64]


@pytest.fixture(params=["compiled", "NumPy"])
def way(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(fast_calls, "loops", lambda: None)
    return request.param


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        # Certain, and contradicting each other: all is disagreement. Variance: 2 classes x 1/4.
        ([[1, 0], [0, 1]], {"entropy": LN2, "expected_entropy": 0, "bald": LN2, "variance": 0.5, "consensus": LN2}),
        ([[1, 0], [0, 1]], {"variation_ratio": 0.5, "vote_entropy": LN2}),
        # Unsure, and agreeing on it: nothing is. Votes are split, in either order of the classes.
        ([[0.5, 0.5]] * 2, {"entropy": LN2, "expected_entropy": LN2, "bald": 0, "variance": 0, "consensus": 0}),
        ([[0.5, 0.5]] * 2, {"variation_ratio": 0.5, "vote_entropy": LN2}),
        # One member: nobody to disagree with.
        ([[0.9, 0.1]], {"bald": 0, "variance": 0, "consensus": 0, "variation_ratio": 0, "vote_entropy": 0}),
        # Votes 2 : 1, so 1 - 2/3; H(2/3, 1/3) = ln 3 - 2/3 ln 2.
        ([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7]], {"variation_ratio": 1 / 3, "vote_entropy": math.log(3) - 2 / 3 * LN2}),
        # Mean (.75, .25); KL of (1, 0): ln 4/3; of (.5, .5): .5 ln 2/3 + .5 ln 2 = .5 ln 4/3.
        ([[1, 0], [0.5, 0.5]], {"consensus": math.log(4 / 3), "variance": 2 * 0.25**2}),
        ([[1, 0], [0.5, 0.5]], {"bald": 0.75 * math.log(4 / 3) + 0.25 * math.log(4) - 0.5 * LN2}),
        # One class only.
        ([[1.0]] * 3, dict.fromkeys(FUNCTIONS, 0)),
    ],
)
def test_worked_numbers(members, expected, way):
    probs = np.array(members, np.float64)
    for name, value in expected.items():
        assert FUNCTIONS[name](probs) == pytest.approx(value, abs=1e-15), name


def naive(members):
    """The definitions, member by member, in Python."""
    members = [[float(p) / math.fsum(map(float, m)) for p in m] for m in members]
    mean = [math.fsum(column) / len(members) for column in zip(*members, strict=True)]
    shares = [0.0] * len(mean)
    for m in members:
        best = [k for k, p in enumerate(m) if p == max(m)]
        for k in best:
            shares[k] += 1 / len(best) / len(members)
    first, second = sorted([*mean, 0.0])[:-3:-1]
    total, inner = scipy.stats.entropy(mean), [scipy.stats.entropy(m) for m in members]
    return {
        "entropy": total,
        "least_confidence": 1 - first,
        "margin": 1 - first + second,
        "ratio": second / first,
        "expected_entropy": np.mean(inner),
        "bald": total - np.mean(inner),
        "variance": sum(np.var(column) for column in zip(*members, strict=True)),
        "variation_ratio": 1 - max(shares),
        "vote_entropy": scipy.stats.entropy(shares),
        "consensus": max(scipy.stats.entropy(m, mean) for m in members),
    }


def cases():
    """(M,K) members: random, sparse, certain, alike but for rounding, tiny probabilities, one class."""
    rng = np.random.default_rng(0)
    for m, k, spread in itertools.product((1, 2, 7), (1, 2, 10, 33), (0.05, 1.0, 50.0)):
        yield rng.dirichlet(np.full(k, spread), m)
    yield np.eye(5)[[0, 0, 3]]
    yield np.tile(rng.dirichlet(np.ones(6)), (4, 1)) + rng.normal(0, 1e-6, (4, 6))
    yield np.array([[1 - 1e-7, 1e-7], [1.0, 0.0], [1 - 3e-7, 3e-7]])
    yield np.array([[1 - 1e-30, 1e-30], [0.5, 0.5]])


@pytest.mark.parametrize("dtype", DTYPES)
def test_agrees_with_a_naive_oracle(dtype, way):
    for case in cases():
        members = (case / case.sum(axis=1, keepdims=True)).astype(dtype)
        found = compute_ensemble_measures(members, ENSEMBLE_MEASURES)
        # Differences of entropies have the entropies' rounding, 1e-15, and not their own.
        assert found == pytest.approx(naive(members), rel=1e-6, abs=2e-14), members


@st.composite
def ensembles(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    m, k = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    probs = rng.dirichlet(np.full(k, draw(st.sampled_from([0.02, 0.3, 1.0, 100.0]))), (draw(st.integers(1, 4)), m))
    probs = np.where(np.isfinite(probs), probs, 1 / k)
    if draw(st.booleans()):
        probs = np.round(probs * 4) / 4  # ties, zeros, and rows that are no distribution
    return probs.astype(draw(st.sampled_from(DTYPES)))


@given(ensembles(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_neither_the_order_of_classes_nor_of_members_matters(probs, random):
    members, classes = list(range(probs.shape[1])), list(range(probs.shape[2]))
    random.shuffle(members)
    random.shuffle(classes)
    expected = compute_ensemble_measures(probs, ENSEMBLE_MEASURES)
    found = compute_ensemble_measures(probs[:, members][:, :, classes], ENSEMBLE_MEASURES)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-9, abs=1e-14, nan_ok=True), name


@given(ensembles())
@settings(deadline=None)
def test_bounds_hold_after_rounding(probs):
    _, m, k = probs.shape
    found = compute_ensemble_measures(probs, ENSEMBLE_MEASURES)
    good = ~np.isnan(found["entropy"])
    f = {name: values[good] for name, values in found.items()}
    assert all(np.isnan(values[~good]).all() and (values[good] >= 0).all() for values in found.values())
    assert (f["bald"] <= f["entropy"]).all()
    assert (f["expected_entropy"] <= f["entropy"]).all()
    assert (f["entropy"] <= math.log(k)).all()
    assert (f["vote_entropy"] <= math.log(k)).all()
    assert (f["consensus"] <= math.log(m)).all()
    assert (f["bald"] <= math.log(m) + 1e-14).all()
    assert (f["bald"] <= f["consensus"] + 1e-14).all()
    assert (f["variance"] <= 1 - 1 / k + 1e-14).all()
    assert (f["variation_ratio"] <= 1 - 1 / k + 1e-14).all()


@given(ensembles(), st.integers(2, 4))
@settings(deadline=None)
def test_the_same_members_again_change_nothing(probs, times):
    expected = compute_ensemble_measures(probs, ENSEMBLE_MEASURES)
    found = compute_ensemble_measures(np.tile(probs, (1, times, 1)), ENSEMBLE_MEASURES)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-9, abs=1e-14, nan_ok=True), name


@pytest.mark.parametrize(
    "bad", [[np.nan, 1], [np.inf, 0], [-np.inf, 1], [1.5, -0.5], [0.6, 0.6], [0, 0], [1e308, 1e308]]
)
def test_one_bad_member_makes_its_row_nan_and_harms_no_other(bad, way):
    good = [[0.9, 0.1], [0.3, 0.7]]
    found = compute_ensemble_measures(np.array([good, [good[0], bad], good]), ENSEMBLE_MEASURES)
    alone = compute_ensemble_measures(np.array([good]), ENSEMBLE_MEASURES)
    for name, values in found.items():
        assert np.isnan(values[1])
        assert values[0] == values[2] == alone[name][0]


@pytest.mark.parametrize(("shape", "n_rows"), [((0, 3, 4), 0), ((2, 0, 4), 2), ((2, 3, 0), 2), ((0, 0, 0), 0)])
def test_no_rows_members_or_classes(shape, n_rows, way):
    for values in compute_ensemble_measures(np.empty(shape), ENSEMBLE_MEASURES).values():
        assert values.shape == (n_rows,)
        assert np.isnan(values).all()


def test_further_axes_and_a_lone_ensemble(way):
    probs = np.random.default_rng(0).dirichlet(np.ones(4), (2, 3, 5))
    for name, function in FUNCTIONS.items():
        assert function(probs).shape == (2, 3)
        assert function(probs)[1, 2] == function(probs[1, 2]), name


@pytest.mark.parametrize("n_rows", [1, 2, 700])
def test_a_row_does_not_depend_on_its_neighbours(n_rows, way):
    probs = np.random.default_rng(1).dirichlet(np.ones(10), (n_rows, 20)).astype(np.float32)
    together = compute_ensemble_measures(probs, ENSEMBLE_MEASURES)
    for row in (0, n_rows // 2, n_rows - 1):
        alone = compute_ensemble_measures(probs[row : row + 1], ENSEMBLE_MEASURES)
        assert all(alone[name][0] == values[row] for name, values in together.items())


def test_the_parts_add_up_and_the_whole_is_the_entropy_of_the_mean(way):
    probs = np.random.default_rng(2).dirichlet(np.ones(5), (50, 8)).astype(np.float32)
    assert expected_entropy(probs) + bald(probs) == pytest.approx(predictive_entropy(probs), rel=1e-14)
    assert np.array_equal(predictive_entropy(probs), entropy(mean_members(probs)))


def test_refusals():
    with pytest.raises(ValueError, match=r"no such measure: bold; there are: entropy, .*consensus"):
        compute_ensemble_measures([[0.5, 0.5]], ("bold",))
    for function in FUNCTIONS.values():
        with pytest.raises(ValueError, match="need at least 2 axes"):
            function([0.5, 0.5])
        with pytest.raises(ValueError, match="must be float16, float32 or float64; got int64"):
            function([[1, 0]])


def test_input_is_not_changed(way):
    probs = np.array([[[0.5, 0.5], [0.2, 0.8]]], np.float32)
    before = probs.copy()
    compute_ensemble_measures(probs, ENSEMBLE_MEASURES)
    assert np.array_equal(probs, before)
    assert probs.flags.writeable
