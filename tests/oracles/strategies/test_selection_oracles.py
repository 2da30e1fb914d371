"""Strategies pick what submodlib, apricot, modAL and scikit-activeml pick, where those are exact.

All of them break ties in their own way (submodlib by the largest row of float32 gains, scikit-activeml by chance), and
symmetric matrices tie often towards the end; so the gains are compared, and the picks up to the first tie.
"""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.select.strategies import (
    batchbald,
    facility_location_on,
    graph_cut_on,
    logdet,
    maxherding,
    ranked_batch,
    saturated_coverage_on,
)
from oracles.peers import load

pytestmark = [pytest.mark.system, pytest.mark.filterwarnings("ignore")]

REASON = "{error}; `make test-all` installs it into .venv-strategies"
SEEDS = range(20)
K = 8


def symmetric(seed: int):
    """Similarities that are the same in float32, as submodlib holds them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    s = rng.random((n, n))
    s = ((s + s.T) / 2).astype(np.float32).astype(np.float64)
    np.fill_diagonal(s, 1.0)
    return s


def assert_same(picks, rows, gains) -> None:
    np.testing.assert_allclose(picks.gains, gains[: len(picks.gains)], rtol=1e-5, atol=1e-6)
    assert picks.rows.tolist()[:4] == [int(row) for row in rows[:4]]


def submodlib_picks(function):
    pairs = function.maximize(budget=K, optimizer="NaiveGreedy", show_progress=False)
    return [row for row, _ in pairs], [gain for _, gain in pairs]


@pytest.mark.parametrize("seed", SEEDS)
class TestSubmodlib:
    def test_facility_location(self, seed: int) -> None:
        library, s = load("submodlib", REASON), symmetric(seed)
        function = library.FacilityLocationFunction(n=len(s), mode="dense", sijs=s, separate_rep=False)
        assert_same(facility_location_on(s, K), *submodlib_picks(function))

    @pytest.mark.parametrize("redundancy", [0.25, 0.5])
    def test_graph_cut(self, seed: int, redundancy: float) -> None:
        library, s = load("submodlib", REASON), symmetric(seed)
        function = library.GraphCutFunction(n=len(s), mode="dense", ggsijs=s, lambdaVal=redundancy, separate_rep=False)
        assert_same(graph_cut_on(s, K, redundancy=redundancy), *submodlib_picks(function))

    def test_log_determinant(self, seed: int) -> None:
        library, points = load("submodlib", REASON), np.random.default_rng(seed).normal(size=(50, 4))
        # its kernel X X' + noise I: our gains are log(1 + ...), its log(noise (1 + ...)), the same for a noise of 1
        function = library.LogDeterminantFunction(n=50, mode="dense", lambdaVal=1.0, sijs=points @ points.T)
        assert_same(logdet(points, K, noise=1.0), *submodlib_picks(function))


@pytest.mark.parametrize("seed", SEEDS)
class TestApricot:
    def fitted(self, name: str, s, **options):
        made = getattr(load("apricot", REASON), name)(K, metric="precomputed", optimizer="naive", **options).fit(s)
        return made.ranking, made.gains

    def test_facility_location(self, seed: int) -> None:
        s = symmetric(seed)
        assert_same(facility_location_on(s, K), *self.fitted("FacilityLocationSelection", s))

    def test_graph_cut(self, seed: int) -> None:
        # its redundancy is fixed at 1
        s = symmetric(seed)
        assert_same(graph_cut_on(s, K, redundancy=1.0), *self.fitted("GraphCutSelection", s, alpha=1))

    def test_saturated_coverage(self, seed: int) -> None:
        s = symmetric(seed)
        ours = saturated_coverage_on(s, K, saturation=0.3)
        assert_same(ours, *self.fitted("SaturatedCoverageSelection", s, alpha=0.3))


@pytest.mark.parametrize("seed", SEEDS)
def test_ranked_batch_of_modal(seed: int) -> None:
    batch = load("modAL.batch", REASON)
    rng = np.random.default_rng(seed)
    points, unsure = rng.normal(size=(65, 3)), rng.random(60)

    class Learner:
        on_transformed = False
        X_training = points[60:]

    rows, _ = batch.ranked_batch(Learner(), points[:60], unsure, K, "euclidean", None)
    assert ranked_batch(points[:60], unsure, K, preselected=points[60:]).rows.tolist() == rows.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_maxherding_of_scikit_activeml(seed: int) -> None:
    pool = load("skactiveml.pool", REASON)
    points, labels = np.random.default_rng(seed).normal(size=(65, 3)), np.full(65, np.nan)
    labels[60:] = 0
    theirs = pool.MaxHerding(random_state=0, metric="rbf", metric_dict={"gamma": 0.5}, normalize_samples=False)
    rows = theirs.query(points, labels, batch_size=K)
    ours = maxherding(points[:60], K, preselected=points[60:], width=1.0, n_neighbours=60)
    assert ours.rows.tolist()[:6] == rows.tolist()[:6]


@pytest.mark.parametrize("seed", range(5))
def test_batchbald_of_scikit_activeml(seed: int) -> None:
    # it draws combinations from the second pick on; the first is exact, and ours tells as much by its own measure
    pool = load("skactiveml.pool._bald", REASON)
    members = np.random.default_rng(seed).dirichlet(np.full(3, 0.3), (12, 6))
    utilities = pool.batch_bald(members.transpose(1, 0, 2), 3, n_MC_samples=5000, random_state=0)
    ours = batchbald(members, 3, rng=np.random.default_rng(0))
    assert int(np.nanargmax(utilities[0])) == ours.rows[0]
    np.testing.assert_allclose(np.nanmax(utilities[0]), ours.gains[0], atol=1e-6)
