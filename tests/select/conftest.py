"""The plainest form of what `oddloop.select` computes, and pools to try it on; fixtures that are functions."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select import Pool


def _walk_naive(order: list[int], costs: list[float], budget: float) -> list[int]:
    spent, taken = 0.0, []
    for row in order:
        if spent + costs[row] <= budget:
            spent += costs[row]
            taken.append(row)
    return taken


def _kcenter_naive(vectors, costs, budget, preselected=None) -> tuple[list[int], list[float]]:
    """All distances in float64 between all points, every step anew: O(n^2 d)."""
    points = np.asarray(vectors, dtype=np.float64)
    centres = [] if preselected is None else list(np.asarray(preselected, dtype=np.float64))
    rows, gains, spent, open_rows = [], [], 0.0, set(range(len(points)))
    while open_rows := {r for r in open_rows if spent + costs[r] <= budget}:
        if centres:
            squared = {r: min(float(((points[r] - c) ** 2).sum()) for c in centres) for r in open_rows}
            best = max(squared.values())
            row, gain = min(r for r in open_rows if squared[r] == best), best**0.5
            if best == 0:
                break
        else:
            squared = {r: float(((points[r] - points.mean(axis=0)) ** 2).sum()) for r in open_rows}
            least = min(squared.values())
            row, gain = min(r for r in open_rows if squared[r] <= least * (1 + 1e-9)), float("nan")
        rows.append(row)
        gains.append(gain)
        spent += costs[row]
        centres.append(points[row])
        open_rows.remove(row)
    return rows, gains


def _make_pool(n: int, seed: int, *, d: int = 3, n_labelled: int = 4, missing: float = 0.2) -> Pool:
    """Random candidates; about `missing` of them have no valid score, and as many no vector."""
    rng = np.random.default_rng(seed)
    score, valid, has_vector = rng.normal(size=n), rng.random(n) >= missing, rng.random(n) >= missing
    vectors = rng.normal(size=(n, d)).astype(np.float32)
    return Pool(
        scene_ids=np.array([f"s{i:04d}" for i in range(n)], dtype=object),
        costs=rng.uniform(0.5, 3.0, n),
        score=np.where(valid, score, np.nan),
        score_valid=valid,
        vectors=np.where(has_vector[:, None], vectors, np.float32(np.nan)),
        has_vector=has_vector,
        labelled_vectors=rng.normal(size=(n_labelled, d)).astype(np.float32),
    )


@pytest.fixture(scope="session")
def walk_naive():
    return _walk_naive


@pytest.fixture(scope="session")
def kcenter_naive():
    return _kcenter_naive


@pytest.fixture(scope="session")
def make_pool():
    return _make_pool
