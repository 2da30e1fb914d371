"""Calibration errors and temperatures agree with netcal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.special import log_softmax

from oddloop.score import calibration_error, fit_temperature, softmax
from oracles.peers import load_beside_torch

pytestmark = pytest.mark.system


def answers(name: str, n: int = 1200):
    """(N,K) float32 probabilities and (N,) true classes."""
    rng = np.random.default_rng(0)
    probs = {
        "even": lambda: rng.dirichlet(np.full(4, 3.0), n),
        "overconfident": lambda: rng.dirichlet(np.full(10, 0.1), n),
        "two_classes": lambda: rng.dirichlet(np.ones(2), n),
        "near_half": lambda: 0.5 + np.array([1.0, -1.0]) * rng.normal(0, 1e-4, (n, 1)),
    }[name]()
    probs = probs.astype(np.float32)
    labels = np.where(rng.random(n) < 0.6, probs.argmax(axis=1), rng.integers(0, probs.shape[1], n))
    labels[: probs.shape[1]] = np.arange(probs.shape[1])  # it counts the classes by the labels
    return probs, labels


NAMES = ["even", "overconfident", "two_classes", "near_half"]


@pytest.fixture
def metrics():
    return load_beside_torch("netcal.metrics")


def given(probs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it measures, in double precision: the answers, or where it would not take the likelier of two, their
    confidence and whether they are right."""
    probs = probs.astype(np.float64)
    return (probs, labels) if probs.shape[1] > 2 else (probs.max(axis=1), (probs.argmax(axis=1) == labels).astype(int))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_bins_of_equal_width(metrics, name: str, n_bins: int) -> None:
    probs, labels = answers(name)
    found = calibration_error(probs, labels, n_bins=n_bins)
    assert found.error == pytest.approx(metrics.ECE(n_bins).measure(*given(probs, labels)), rel=1e-6)
    assert found.worst == pytest.approx(metrics.MCE(n_bins).measure(*given(probs, labels)), rel=1e-6)


@pytest.mark.parametrize("name", NAMES[:3])  # confidences near one half are equal in single precision
@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_bins_of_equal_mass(metrics, name: str, n_bins: int) -> None:
    # 1,200 rows fill 1, 10 and 15 bins evenly, so that the interpolation of its quantiles moves no row. What it calls
    # ACE is the plain mean over bins of equal width, which is another thing.
    probs, labels = answers(name)
    found = calibration_error(probs, labels, bins="mass", n_bins=n_bins)
    peer = metrics.ECE(n_bins, equal_intervals=False).measure(*given(probs, labels))
    assert found.counts.tolist() == [len(labels) / n_bins] * n_bins
    assert found.error == pytest.approx(peer, rel=1e-6)


@pytest.mark.parametrize(("temperature", "n_classes"), [(0.5, 3), (1.0, 5), (2.5, 10), (6.0, 4)])
def test_temperature(temperature: float, n_classes: int) -> None:
    scaling = load_beside_torch("netcal.scaling")
    rng = np.random.default_rng(int(temperature * 10))
    logits = rng.normal(0, 3, (3000, n_classes))
    labels = (rng.random((3000, 1)) < softmax(logits / temperature).cumsum(axis=1)).argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = scaling.TemperatureScaling(method="mle").fit(softmax(logits), labels)
    theirs = 1 / float(np.ravel(peer.temperature)[0])  # what it multiplies logits by
    ours = fit_temperature(logits, labels)
    # It minimises to a tolerance of its own, so that losses compare closely, and temperatures as their square root.
    losses = [-log_softmax(logits / t, axis=1)[np.arange(3000), labels].mean() for t in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] <= losses[1] + 1e-12
    assert ours == pytest.approx(theirs, rel=1e-2)
