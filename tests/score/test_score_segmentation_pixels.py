"""Maps of pixels against a reference in float64, and what must hold for any tensor."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import entropy

from oddloop.score.segmentation import (
    PIXEL_MEASURES,
    calls,
    compute_pixel_measures,
    pixel_bald,
    pixel_entropy,
    pixel_tensor,
    predicted_classes,
)

ALL = (*PIXEL_MEASURES, "classes")


def random_probs(seed, shape=(3, 5, 7, 9), sharpness=1.0):
    rng = np.random.default_rng(seed)
    members, classes, height, width = shape
    probs = rng.dirichlet(np.full(classes, sharpness), (members, height, width))
    return probs.transpose(0, 3, 1, 2)


def reference(probs):
    """SciPy in float64, members first."""
    mean = probs.mean(axis=0)
    total = entropy(mean, axis=0)
    expected = entropy(probs, axis=1).mean(axis=0)
    ranked = np.sort(mean, axis=0)
    margin = 1 - (ranked[-1] - (ranked[-2] if len(ranked) > 1 else 0))
    return {"entropy": total, "expected_entropy": expected, "bald": total - expected, "margin": margin}


def assert_close(found, wanted):
    for name, values in wanted.items():
        scale = wanted["entropy"] if name == "bald" else np.abs(values)  # BALD is a difference
        np.testing.assert_array_less(np.abs(found[name] - values), 1e-6 * scale + 3e-7, err_msg=name)


@pytest.mark.parametrize("sharpness", [0.02, 1.0, 50.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(5, 19, 40, 33), (1, 2, 1, 1), (2, 1, 3, 3), (1, 5, 130, 7)])
def test_maps_equal_scipy(shape, dtype, sharpness):
    stored = random_probs(1, shape, sharpness).astype(dtype)
    exact = stored.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert_close(compute_pixel_measures(stored, PIXEL_MEASURES), reference(exact))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_logits_are_softmaxed_with_their_temperature(dtype, temperature):
    logits = np.random.default_rng(0).normal(0, 6, (4, 19, 11, 13)).astype(dtype)
    found = compute_pixel_measures(logits, PIXEL_MEASURES, kind="logits", temperature=temperature)
    assert_close(found, reference(softmax(logits.astype(np.float64) / temperature, axis=1)))


def test_quantised_numbers_stand_for_what_their_scale_says():
    probs = random_probs(3, (2, 4, 9, 9))
    stored = np.rint(probs * 255).astype(np.uint8)
    exact = stored / 255.0
    assert_close(compute_pixel_measures(stored, PIXEL_MEASURES), reference(exact / exact.sum(axis=1, keepdims=True)))
    logits = np.random.default_rng(4).integers(0, 255, (2, 4, 9, 9)).astype(np.uint8)
    found = compute_pixel_measures(logits, PIXEL_MEASURES, kind="logits", scale=0.1, zero_point=128.0)
    assert_close(found, reference(softmax((logits - 128.0) * 0.1, axis=1)))


def test_a_worked_pixel():
    # members (1, 0) and (0, 1): their mean is (1/2, 1/2), ln 2, and neither member is unsure
    tensor = np.array([[[[1.0]], [[0.0]]], [[[0.0]], [[1.0]]]])
    found = compute_pixel_measures(tensor, ALL)
    assert found["entropy"].item() == pytest.approx(math.log(2), rel=1e-6)
    assert found["expected_entropy"].item() == 0.0
    assert found["bald"].item() == pytest.approx(math.log(2), rel=1e-6)
    assert found["margin"].item() == 1.0
    assert found["classes"].item() == 0  # a tie goes to the first


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.05, 1.0, 20.0]))
def test_bounds_and_symmetries(seed, n_members, n_classes, sharpness):
    probs = random_probs(seed, (n_members, n_classes, 3, 5), sharpness).astype(np.float32)
    found = compute_pixel_measures(probs, ALL)
    assert (found["bald"] >= 0).all()
    assert (found["bald"] <= found["entropy"]).all()
    assert (found["entropy"] <= math.log(n_classes)).all()
    assert ((found["margin"] >= -1e-6) & (found["margin"] <= 1 + 1e-6)).all()
    rng = np.random.default_rng(seed)
    shuffled = probs[rng.permutation(n_members)][:, rng.permutation(n_classes)]
    turned = np.ascontiguousarray(shuffled[..., ::-1])
    for name in PIXEL_MEASURES:
        np.testing.assert_allclose(compute_pixel_measures(turned, (name,))[name][:, ::-1], found[name], atol=2e-6)
    twice = np.concatenate([probs, probs])
    for name in PIXEL_MEASURES:
        np.testing.assert_allclose(compute_pixel_measures(twice, (name,))[name], found[name], atol=2e-6)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -0.5, 2.0])
def test_a_pixel_that_is_no_distribution_is_nan_in_every_map(bad):
    probs = random_probs(0, (2, 3, 4, 4)).astype(np.float32)
    before = compute_pixel_measures(probs, ALL)
    probs[1, 2, 3, 1] = bad
    found = compute_pixel_measures(probs, ALL)
    for name in PIXEL_MEASURES:
        assert np.isnan(found[name][3, 1])
        found[name][3, 1] = before[name][3, 1]
        assert np.array_equal(found[name], before[name])
    assert found["classes"][3, 1] == 3


def test_threads_parts_and_the_twin_give_the_same(monkeypatch):
    probs = random_probs(2, (3, 5, 300, 270)).astype(np.float16)
    alone = compute_pixel_measures(probs, ALL)
    with ThreadPoolExecutor(2) as pool:
        together = compute_pixel_measures(probs, ALL, run=pool.map)
    monkeypatch.setattr(calls, "loops", lambda: None)
    plain = compute_pixel_measures(probs, ALL)
    for name in ALL:
        assert np.array_equal(alone[name], together[name])
        np.testing.assert_allclose(plain[name], alone[name], rtol=1e-5, atol=2e-6)


def test_inputs_are_not_changed_and_need_not_be_contiguous():
    probs = random_probs(5).astype(np.float32)
    kept = probs.copy()
    turned = pixel_entropy(np.moveaxis(np.ascontiguousarray(np.moveaxis(probs, 1, -1)), -1, 1))
    assert np.array_equal(turned, pixel_entropy(probs))
    assert np.array_equal(probs, kept)


def test_nothing_gives_nothing():
    assert pixel_entropy(np.zeros((2, 3, 0, 4), np.float32)).shape == (0, 4)
    assert np.isnan(pixel_bald(np.zeros((0, 3, 2, 2), np.float32))).all()
    assert (predicted_classes(np.zeros((0, 3, 2, 2), np.float32)) == 3).all()


@pytest.mark.parametrize(
    ("tensor", "more", "message"),
    [
        (np.zeros((2, 2)), {}, "members x"),
        (np.zeros((2, 2, 2), np.int64), {}, "must be float16"),
        (np.zeros((2, 2, 2)), {"kind": "odds"}, "kind must be"),
        (np.zeros((2, 2, 2), np.uint8), {"kind": "logits"}, "need a scale"),
        (np.zeros((2, 2, 2)), {"temperature": 0.0}, "temperature must be positive"),
        (np.zeros((2, 2, 2), np.uint8), {"scale": math.inf}, "scale must be positive"),
        (np.zeros((70_000, 1, 1)), {}, "at most 65,534 classes"),
    ],
)
def test_what_is_no_tensor_is_refused(tensor, more, message):
    with pytest.raises(ValueError, match=message):
        pixel_tensor(tensor, **more)
