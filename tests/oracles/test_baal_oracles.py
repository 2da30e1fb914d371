"""Measures of one distribution and of ensembles agree with `baal.active.heuristics`.

baal takes (N, C, M), members last, and does not divide out what rounding left of a sum; ours does, so it is given each
row in double precision with the sum divided out.
"""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.score import bald, entropy, least_confidence, margin, predictive_entropy, predictive_variance
from oracles.peers import load_beside_torch

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def baal():
    return load_beside_torch("baal.active.heuristics")


def _one_hot(rng, n, m, k):
    return np.eye(k)[rng.integers(0, k, (n, m))]


CASES = {
    # random: confident, even and wavering models, few and many classes and members
    "even": lambda rng: rng.dirichlet(np.full(10, 5.0), (200, 20)),
    "confident": lambda rng: rng.dirichlet(np.full(10, 0.05), (200, 20)),
    "many_classes": lambda rng: rng.dirichlet(np.ones(1000), (20, 3)),
    "two_members": lambda rng: rng.dirichlet(np.ones(2), (200, 2)),
    # degenerate: certain members, who agree or not; uniform; a class that nobody gives anything; one class
    "certain": lambda rng: _one_hot(rng, 100, 5, 4),
    "agreed": lambda rng: np.repeat(_one_hot(rng, 50, 1, 4), 5, axis=1),
    "uniform": lambda rng: np.full((3, 4, 7), 1 / 7),
    "unused": lambda rng: np.concatenate([rng.dirichlet(np.ones(3), (50, 4)), np.zeros((50, 4, 2))], axis=2),
    "one_member": lambda rng: rng.dirichlet(np.ones(5), (50, 1)),
    # adversarial: nearly certain, nearly tied, denormal, members that nearly agree
    "nearly_certain": lambda rng: np.stack([np.full((9, 4), 1 - 1e-7), np.full((9, 4), 1e-7)], axis=2),
    "nearly_tied": lambda rng: np.full((9, 4, 3), 1 / 3) + rng.normal(0, 1e-7, (9, 4, 3)),
    "denormal": lambda rng: np.stack([np.full((9, 4), 1.0), np.full((9, 4), 1e-40)], axis=2),
    "nearly_agreed": lambda rng: (
        np.repeat(rng.dirichlet(np.ones(5), (50, 1)), 8, 1) * (1 + rng.normal(0, 1e-6, (50, 8, 1)))
    ),
}


@pytest.fixture(params=list(CASES))
def members(request):
    """(N,M,K) float32, and the same (N,K,M) in double precision with sums of 1."""
    probs = CASES[request.param](np.random.default_rng(0)).astype(np.float32)
    exact = probs.astype(np.float64)
    exact /= exact.sum(axis=-1, keepdims=True)
    return probs, np.moveaxis(exact, 1, 2)


def test_ensembles(baal, members):
    ours, theirs = members
    # Differences of entropies are compared at the entropies' own precision.
    assert bald(ours) == pytest.approx(baal.BALD().compute_score(theirs), rel=1e-6, abs=1e-14)
    assert predictive_entropy(ours) == pytest.approx(baal.Entropy().compute_score(theirs), rel=1e-6, abs=1e-14)
    variance = baal.Variance(reduction="sum")  # ours is summed over the classes
    assert predictive_variance(ours) == pytest.approx(
        variance.reduction(variance.compute_score(theirs)), rel=1e-6, abs=1e-15
    )


def test_one_distribution(baal, members):
    ours, theirs = members[0][:, 0], members[1][:, :, 0]
    assert entropy(ours) == pytest.approx(baal.Entropy().compute_score(theirs), rel=1e-6, abs=1e-14)
    # It gives the largest probability, and the lead of the first over the second.
    assert 1 - least_confidence(ours) == pytest.approx(baal.Certainty().compute_score(theirs), rel=1e-6)
    assert 1 - margin(ours) == pytest.approx(baal.Margin().compute_score(theirs), rel=1e-6, abs=1e-14)
