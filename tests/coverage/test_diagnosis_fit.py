"""Learning-curve fits: equal to brute force, to SciPy and to hand-worked numbers, and what always holds of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit, nnls

from oddloop.coverage.diagnosis import EXPONENTS, Curves, fit_curves

N = np.geomspace(10, 300, 6)


def fit_one(n, errors, weights=None, **kwargs):
    weights = np.ones(len(n)) if weights is None else weights
    curve = fit_curves(np.array([n], float), np.array([[errors]], float), np.array([[weights]], float), **kwargs)
    return curve.a[0, 0], curve.b[0, 0], curve.c[0, 0]


def cost_of(n, errors, weights, a, b, c):
    return float((weights * (errors - c - b * n**-a) ** 2).sum())


def brute_force(n, errors, weights):
    """Every exponent of the grid by SciPy's non-negative least squares."""
    root = np.sqrt(weights)
    fits = []
    for a in EXPONENTS:
        x = (n / n.max()) ** -a
        (c, b), _ = nnls(np.column_stack([root, root * x]), root * errors)
        fits.append((cost_of(n, errors, weights, a, b * n.max() ** a, c), a, b * n.max() ** a, c))
    return min(fits)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["curve", "noise", "rising", "constant"]))
def test_fits_are_the_best_of_the_grid(seed, kind):
    rng = np.random.default_rng(seed)
    n = np.sort(rng.uniform(1, 500, 12))
    shape = {"curve": 0.1 + 2 * n**-0.5, "noise": np.ones(12), "rising": n / 500, "constant": np.full(12, 0.3)}[kind]
    errors = np.abs(shape + (0 if kind == "constant" else 0.1) * rng.normal(size=12))
    weights = rng.uniform(0, 2, 12)
    a, b, c = fit_one(n, errors, weights)
    assert b >= 0
    assert c >= 0
    best = brute_force(n, errors, weights)[0]
    assert cost_of(n, errors, weights, a, b, c) == pytest.approx(best, rel=1e-7, abs=1e-13)


def test_no_worse_than_scipy_but_for_the_step_of_the_grid():
    rng = np.random.default_rng(0)
    for _ in range(20):
        truth = rng.uniform(0.2, 1), rng.uniform(0.5, 3), rng.uniform(0, 0.2)
        errors = truth[2] + truth[1] * N ** -truth[0] + 0.005 * rng.normal(size=6)
        bounds = ([EXPONENTS[0], 0, 0], [EXPONENTS[-1], np.inf, np.inf])
        model = lambda n, a, b, c: c + b * n**-a  # noqa: E731
        theirs, _ = curve_fit(model, N, errors, truth, bounds=bounds, max_nfev=10_000)
        ours = cost_of(N, errors, 1.0, *fit_one(N, errors))
        assert ours <= cost_of(N, errors, 1.0, *theirs) * 1.2 + 6 * (0.004 * errors.max()) ** 2


def test_exact_curves_are_found_exactly():
    a = EXPONENTS[20]
    found = fit_one(N, 0.05 + 3 * N**-a)
    assert found == pytest.approx((a, 3, 0.05), rel=1e-6)


def test_hand_worked():
    # x = n^-1 = .1, .05, .025; e = .2 + 4 x = .6, .4, .3
    assert fit_one([10, 20, 40], [0.6, 0.4, 0.3], exponents=np.array([1.0])) == pytest.approx((1, 4, 0.2))
    # Rising errors: no curve with b > 0 fits, so a flat line at their mean: (.1 + .2 + .6) / 3 = .3
    assert fit_one([10, 20, 40], [0.1, 0.2, 0.6], exponents=np.array([1.0])) == pytest.approx((1, 0, 0.3))
    # Falls faster than 1/n, so no floor: b = sum x e / sum x² = (.08 + .005) / (.01 + .0025) = 6.8
    assert fit_one([10, 20], [0.8, 0.1], exponents=np.array([1.0])) == pytest.approx((1, 6.8, 0))


def test_scenes_and_errors_are_inverse():
    curves = Curves(np.array([0.3, 0.9]), np.array([2.0, 0.7]), np.array([0.0, 0.1]))
    n = np.array([50.0, 7.0])
    np.testing.assert_allclose(curves.scenes_for(curves.error_at(n)), n)


@pytest.mark.parametrize(
    ("b", "c", "target", "scenes"),
    [
        (1.0, 0.2, 0.2, np.inf),  # the floor is only met at infinity
        (1.0, 0.3, 0.2, np.inf),
        (0.0, 0.1, 0.2, 0.0),  # nothing to learn, and already there
        (0.0, 0.3, 0.2, np.inf),
        (1.0, 0.0, 0.0, np.inf),
    ],
)
def test_scenes_for_targets_at_the_edges(b, c, target, scenes):
    assert Curves(np.array(0.5), np.array(b), np.array(c)).scenes_for(target) == scenes


@given(st.integers(0, 2**32 - 1))
def test_more_data_never_raises_the_fitted_error(seed):
    rng = np.random.default_rng(seed)
    n = rng.uniform(1, 900, (3, 8))
    curves = fit_curves(n, rng.uniform(0, 1, (3, 4, 8)), rng.uniform(0, 1, (3, 4, 8)))
    sizes = np.geomspace(1, 1e6, 30)[:, None, None]
    assert (np.diff(curves.error_at(sizes), axis=0) <= 0).all()


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.floats(0.01, 100))
def test_scaling_errors_or_scenes_scales_the_curve(seed, factor, stretch):
    rng = np.random.default_rng(seed)
    n, errors = rng.uniform(1, 900, (1, 8)), rng.uniform(0.1, 1, (1, 2, 8))
    weights = np.ones((1, 2, 8))
    curve = fit_curves(n, errors, weights)
    scaled = fit_curves(n * stretch, errors * factor, weights)
    np.testing.assert_allclose(scaled.error_at(500.0 * stretch), factor * curve.error_at(500.0), rtol=1e-6)


def test_segments_do_not_depend_on_each_other_nor_on_their_order():
    rng = np.random.default_rng(0)
    n, errors, weights = rng.uniform(1, 99, (5, 6)), rng.uniform(0, 1, (5, 3, 6)), rng.uniform(0, 1, (5, 3, 6))
    whole = fit_curves(n, errors, weights)
    order = np.array([3, 1, 4, 0, 2])
    turned = fit_curves(n[order], errors[order], weights[order])
    for name in ("a", "b", "c"):
        np.testing.assert_array_equal(getattr(turned, name), getattr(whole, name)[order])


def test_points_without_weight_do_not_count():
    errors = 0.1 + N**-0.5
    spoilt = np.append(errors, 7.0)
    assert fit_one(np.append(N, 5.0), spoilt, [*np.ones(6), 0.0]) == pytest.approx(fit_one(N, errors))


def test_no_weight_gives_no_curve():
    assert np.isnan(fit_one(N, N**-0.5, np.zeros(6))).all()


def test_a_prior_pulls_only_as_far_as_the_noise_allows():
    errors = 0.1 + 3 * N ** -EXPONENTS[32]
    towards = (np.full((1, 1), np.log(EXPONENTS[8])), 0.2)
    sure = fit_one(N, errors, noise=np.array([1e-6]), prior=towards)
    unsure = fit_one(N, errors, noise=np.array([10.0]), prior=towards)
    assert sure[0] == EXPONENTS[32]
    assert unsure[0] == EXPONENTS[8]


def test_one_point_is_no_error():
    a, b, c = fit_one([10.0], [0.4])
    assert np.isfinite([a, b, c]).all()
    assert c + b * 10**-a == pytest.approx(0.4)
