"""No strategy holds all pairs of rows, a row of numbers per pick and row, or a gradient per row and class."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from oddloop.select.strategies import (
    badge,
    bait,
    committee,
    dcom,
    draw_by_score,
    facility_location,
    kmeans_picks,
    kmeans_plus_plus,
    logdet,
    maxherding,
    probcover,
    ranked_batch,
    robust_kcenter,
    stratified,
    targeted,
    typiclust,
)

N, D, C, BUDGET = 4000, 6, 50, 300
POINTS = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
SCORE = np.random.default_rng(1).random(N)
CLASSES = np.random.default_rng(2).dirichlet(np.ones(C), N).astype(np.float32)
MEMBERS = np.random.default_rng(3).dirichlet(np.ones(20), (N, 3)).astype(np.float32)
PAIRS_MB = N * N * 4 / 1e6
"""64: all pairs in float32. Rows x picks in float64 are 10, and so are rows x classes x columns."""


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


STRATEGIES = {
    # a graph of 8 neighbours is about 1 MB, and made in a few copies
    "facility_location": lambda: facility_location(POINTS, BUDGET, n_neighbours=8),
    "maxherding": lambda: maxherding(POINTS, BUDGET, n_neighbours=8),
    "probcover": lambda: probcover(POINTS, BUDGET, rng=rng(), n_neighbours=8),
    "dcom": lambda: dcom(POINTS, SCORE, BUDGET, rng=rng(), n_neighbours=8),
    "targeted": lambda: targeted(POINTS, BUDGET, like=POINTS[:5], n_neighbours=8),
    "typiclust": lambda: typiclust(POINTS, BUDGET, rng=rng()),
    "kmeans_picks": lambda: kmeans_picks(POINTS, BUDGET, rng=rng()),
    "kmeans_plus_plus": lambda: kmeans_plus_plus(POINTS, BUDGET, rng=rng()),
    "robust_kcenter": lambda: robust_kcenter(POINTS, BUDGET),
    "ranked_batch": lambda: ranked_batch(POINTS, SCORE, BUDGET),
    "logdet": lambda: logdet(POINTS, BUDGET),
    "bait": lambda: bait(POINTS, BUDGET),
    "badge": lambda: badge(CLASSES, POINTS, BUDGET, rng=rng()),
    "committee": lambda: committee(MEMBERS, BUDGET),
    "draw_by_score": lambda: draw_by_score(SCORE, BUDGET, rng=rng()),
    "stratified": lambda: stratified(np.arange(N) % 7, BUDGET, rng=rng()),
}
MOST_MB = 9.0
"""Below rows x picks, and rows x classes x columns; a block of 1 MB is often in use a few times over, in float64."""


@pytest.mark.parametrize("name", STRATEGIES)
def test_memory_is_bounded(name: str) -> None:
    typiclust(POINTS[:50], 5, rng=rng())  # what is loaded at the first call is no part of it
    maxherding(POINTS[:50], 5)
    tracemalloc.start()
    picks = STRATEGIES[name]()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(picks.rows) > 20
    assert peak / 1e6 < MOST_MB < PAIRS_MB, f"{peak / 1e6:.1f} MB"
