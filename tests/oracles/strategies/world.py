"""A small world to ask libraries about, the plainest form of k-center, and what every strategy must keep to."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from oddloop.select import Picks, Pool
from oddloop.select.guard import run_policy
from oddloop.select.registry import find_policy

N, D, M = 60, 4, 12


@dataclass(frozen=True)
class World:
    """A model that was really trained, its labelled data, and candidates."""

    model: LogisticRegression
    labelled: np.ndarray
    y: np.ndarray
    x: np.ndarray
    probs: np.ndarray

    @property
    def least_confidence(self) -> np.ndarray:
        return 1 - self.probs.max(axis=1)

    @property
    def one_minus_margin(self) -> np.ndarray:
        best = np.sort(self.probs, axis=1)
        return 1 - (best[:, -1] - best[:, -2])

    @property
    def entropy(self) -> np.ndarray:
        return -(self.probs * np.log(self.probs)).sum(axis=1)

    def pool(self, score: np.ndarray | None = None, costs: np.ndarray | None = None, labelled: bool = True) -> Pool:
        """All candidates usable, at cost 1 unless told otherwise; arrays cannot be written, as in the stage."""
        pool = Pool(
            scene_ids=np.array([f"s{i:03d}" for i in range(N)], dtype=object),
            costs=np.ones(N) if costs is None else costs,
            score=np.zeros(N) if score is None else score,
            score_valid=np.ones(N, dtype=bool),
            vectors=self.x,
            has_vector=np.ones(N, dtype=bool),
            labelled_vectors=self.labelled if labelled else self.labelled[:0],
        )
        for array in (pool.costs, pool.score, pool.vectors, pool.labelled_vectors):
            array.flags.writeable = False
        return pool


def make_world(seed: int, n_classes: int = 3) -> World:
    rng = np.random.default_rng(seed)
    y = np.arange(M) % n_classes
    labelled = (rng.normal(size=(M, D)) + 1.5 * np.eye(n_classes, D)[y]).astype(np.float32)
    x = (rng.normal(size=(N, D)) + 1.5 * np.eye(n_classes, D)[rng.integers(0, n_classes, N)]).astype(np.float32)
    model = LogisticRegression().fit(labelled, y)
    return World(model, labelled, y, x, model.predict_proba(x))


def pick(path: str, pool: Pool, budget: float, seed: int = 0) -> Picks:
    return run_policy(find_policy(path), pool, budget, np.random.default_rng(seed))


def seed_given(seed: int = 0) -> int:
    """What a library is seeded with: the first draw of the policy's generator."""
    return int(np.random.default_rng(seed).integers(2**31))


def farthest_first(x: np.ndarray, labelled: np.ndarray, k: int) -> list[int]:
    """Greedy k-center, all distances anew at every step."""
    centres, picked = [*labelled.astype(float)], []
    for _ in range(k):
        distances = [min(np.linalg.norm(row - c) for c in centres) for row in x.astype(float)]
        picked.append(max((r for r in range(len(x)) if r not in picked), key=lambda r: distances[r]))
        centres.append(x[picked[-1]].astype(float))
    return picked


def assert_rules(path: str) -> None:
    """Budget kept and spent, no scene twice, same seed same picks, nothing of the input changed, even unequal costs."""
    world = make_world(7)
    pool = world.pool(world.one_minus_margin, costs=np.random.default_rng(1).uniform(0.5, 3.0, N))
    before = pickle.dumps(pool)
    for budget in (0.6, 9.0, 1e9):
        first, second = (pick(path, pool, budget, seed=3).rows for _ in range(2))
        assert first.tolist() == second.tolist()
        assert len(set(first.tolist())) == len(first) > 0
        rest = budget - pool.costs[first].sum()
        left = np.setdiff1d(np.arange(N), first)
        assert rest >= 0
        assert not len(left) or pool.costs[left].min() > rest
    assert pickle.dumps(pool) == before
