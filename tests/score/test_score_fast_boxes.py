"""The measures of frames whose boxes have a score alone, against each frame by itself in extended precision."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.score import fast_calls

NAMES = ("sum", "mean", "max", "topk")
SCORES = st.floats(0, 1, width=32) | st.sampled_from([0.0, 1.0, 0.5, 0.5, 1e-45, 1e-7])
BAD = st.sampled_from([float("nan"), -0.5, 1.5, float("inf")])


def measured(frames, k):
    scores = np.array([s for frame in frames for s in frame], np.float32)
    found = fast_calls.measure_scores(scores, np.cumsum([0, *map(len, frames)]), NAMES, k)
    if found is None:
        pytest.skip("numba is not installed")
    return found


def by_hand(frame, k):
    """The reductions of one frame, by measure."""
    p = np.array(frame, np.float32).astype(np.longdouble)
    with np.errstate(all="ignore"):
        w = np.where((p >= 0) & (p <= 1), np.minimum(p, 1 - p), np.nan)
        entropy = -np.where(w > 0, w * np.log(w), 0 * w) - (1 - w) * np.log1p(-w)
    results = {}
    for name, x in {"least_confidence": w, "margin": 2 * w, "entropy": entropy}.items():
        top = np.sort(x)[::-1][:k]  # NaN comes first
        of = (x.sum(), x.mean(), x.max(), np.nan if np.isnan(x).any() else top.mean()) if len(x) else (0.0,) * 4
        results[name] = dict(zip(NAMES, map(float, of), strict=True))
    return results


def assert_agrees(frames, k):
    found = measured(frames, k)
    for i, frame in enumerate(frames):
        for name, reductions in by_hand(frame, k).items():
            for how, value in reductions.items():
                assert found[name][how][i] == pytest.approx(value, rel=1e-12, abs=0, nan_ok=True), (name, how, frame)


@given(st.lists(st.lists(SCORES, max_size=60) | st.lists(SCORES | BAD, max_size=12), max_size=8), st.integers(1, 12))
@settings(deadline=None)
def test_agrees_with_each_frame_alone(frames, k):
    assert_agrees(frames, k)


@pytest.mark.parametrize("k", [1, 5, 8, 9, 40, 5000])
def test_whatever_the_blocks(k):
    """More frames than a block holds, most of them empty; then a frame with more boxes than a block holds."""
    rng = np.random.default_rng(k)
    lengths = [0] * 700 + [3] * 300 + [0, 3000, 1, 0, 49, 20]
    assert_agrees([(rng.integers(0, 50, n) / 49).tolist() for n in lengths], k)


def test_a_reduction_does_not_depend_on_the_other_frames():
    rng = np.random.default_rng(0)
    frames = [rng.random(n, np.float32).tolist() for n in rng.poisson(20, 600)]
    together = measured(frames, 5)
    for (name, by_how), i in itertools.product(together.items(), range(0, 600, 37)):
        alone = measured([frames[i]], 5)[name]
        assert {how: x[i] for how, x in by_how.items()} == {how: x[0] for how, x in alone.items()}


def test_without_the_mean_of_the_largest():
    scores, offsets = np.array([0.25, 0.5], np.float32), np.array([0, 2])
    found = fast_calls.measure_scores(scores, offsets, ("max", "sum"), 1)
    if found is None:
        pytest.skip("numba is not installed")
    assert {how: x.tolist() for how, x in found["margin"].items()} == {"max": [1.0], "sum": [1.5]}
