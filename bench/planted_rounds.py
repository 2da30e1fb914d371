"""A light fleet like the demo's: a kind of place that nothing labelled shows, and a model that trains in milliseconds.

Scenes of logs lie at four kinds of places; what happens there depends on where a thing is, in waves of its own at each
kind. Roundabouts are absent from the first labels, one scene in nine of the pool is of one, and one in eight of the
held-out scenes. Each log adds an error of its own that no label removes. The model is an ensemble of ridge regressions
on random waves, which disagree where they have seen nothing. Sizes, costs and shares are the demo's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

Floats = np.ndarray
KINDS = ("road", "crossroad", "t", "roundabout")
POOL_SHARE, EVAL_SHARE = (0.47, 0.30, 0.12, 0.11), (0.46, 0.29, 0.12, 0.13)
N_POOL_LOGS, N_EVAL_LOGS, PER_LOG, MOST = 90, 45, 11, 40
"""Logs, scenes of each, and things in a scene at most."""
N_FIRST, BUDGET, N_ROUNDS = 300, 300.0, 3
BENDS = 0.10
D, N_CONCEPT, N_MEMBERS, N_WAVES = 4, 24, 3, 200


@dataclass(frozen=True)
class RoundFleet:
    """A fleet of N scenes with T things each.

    Attributes:
        kind: (N,) number of the kind of place.
        log: (N,) log of each scene; held-out logs come last.
        things: (N,) how many there are.
        cost: (N,) labelling cost: 4.5 and .2 per thing.
        is_eval: (N,) held out.
        first: rows labelled at the beginning.
        x: (N,T,D) inputs; of T places for things the first are taken.
        y: (N,T,2) what happens, in metres.
    """

    kind: np.ndarray
    log: np.ndarray
    things: np.ndarray
    cost: Floats
    is_eval: np.ndarray
    first: np.ndarray
    x: Floats
    y: Floats

    @property
    def taken(self) -> np.ndarray:
        """(N,T) which places hold a thing."""
        return np.arange(MOST) < self.things[:, None]

    @property
    def scenes(self) -> pa.Table:
        """scene_id, log_id and junction."""
        n = len(self.kind)
        return pa.table(
            {
                "scene_id": [f"s{i:05d}" for i in range(n)],
                "log_id": [f"l{i:03d}" for i in self.log],
                "junction": [KINDS[k] for k in self.kind],
            }
        )


def plant(seed: int) -> RoundFleet:
    """Draw a fleet."""
    rng = np.random.default_rng([seed, 11])
    n_pool, n_eval = N_POOL_LOGS * PER_LOG, N_EVAL_LOGS * PER_LOG
    kind = np.concatenate([rng.choice(4, n_pool, p=POOL_SHARE), rng.choice(4, n_eval, p=EVAL_SHARE)])
    bend = (rng.random(n_pool + n_eval) < BENDS) & (kind < 3)
    log = np.repeat(np.arange(N_POOL_LOGS + N_EVAL_LOGS), PER_LOG)
    n = len(kind)
    place = np.zeros((n, D))
    place[:, :3] = np.array([[0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, 1.5, 0.0], [2.0, 2.0, 1.3]])[kind]
    place[bend] -= 1.5
    x = place[:, None] + 0.15 * rng.normal(size=(n, 1, D)) + 0.8 * rng.normal(size=(n, MOST, D))
    pace = np.geomspace(0.3, 2.0, N_CONCEPT)  # slow waves are learnt from a few scenes, quick ones from many
    way, turn = rng.normal(size=(5, D, N_CONCEPT)) * pace, rng.uniform(0, 2 * np.pi, (5, N_CONCEPT))
    strength = np.array([0.4, 0.4, 0.4, 1.5, 0.8])[:, None, None]
    scale = strength * rng.normal(size=(5, N_CONCEPT, 2)) * pace[:, None] ** -0.3
    concept = np.where(bend, 4, kind)
    waves = np.cos(np.einsum("nti,nij->ntj", x, way[concept]) + turn[concept][:, None])
    own = 0.6 * rng.normal(size=(log[-1] + 1, 1, 2))[log]
    y = np.einsum("ntj,njk->ntk", waves, scale[concept]) + own + 0.8 * rng.normal(size=(n, MOST, 2))
    is_eval = log >= N_POOL_LOGS
    known = np.flatnonzero(~is_eval & (kind < 3) & (log < 60) & ~(bend & (log % 4 > 0)))
    things = np.minimum(1 + rng.negative_binomial(3.0, 3.0 / (3.0 + 8.0), n), MOST)
    return RoundFleet(kind, log, things, 4.5 + 0.2 * things, is_eval, rng.permutation(known)[:N_FIRST], x, y)


def train(fleet: RoundFleet, rows: np.ndarray, seed: int) -> list[tuple[Floats, Floats, Floats]]:
    """An ensemble: waves, phases and weights of each member."""
    taken = fleet.taken[rows]
    rng, x, y = np.random.default_rng([seed, 12]), fleet.x[rows][taken], fleet.y[rows][taken]
    members = []
    for _ in range(N_MEMBERS):
        wave, phase = rng.normal(size=(D, N_WAVES)) * 0.8, rng.uniform(0, 2 * np.pi, N_WAVES)
        seen = np.cos(x @ wave + phase)
        members.append((wave, phase, np.linalg.solve(seen.T @ seen + 3.0 * np.eye(N_WAVES), seen.T @ y)))
    return members


def foresee(members: list[tuple[Floats, Floats, Floats]], x: Floats) -> Floats:
    """(M,R,2) what each member expects of things, (R,D)."""
    return np.stack([np.cos(x @ wave + phase) @ weights for wave, phase, weights in members])


def measure(fleet: RoundFleet, rows: np.ndarray, seed: int) -> Floats:
    """(E,) mean distance of the ensemble from what happened, of each held-out scene, in metres."""
    taken, things = fleet.taken[fleet.is_eval], fleet.things[fleet.is_eval]
    expected = foresee(train(fleet, rows, seed), fleet.x[fleet.is_eval][taken]).mean(axis=0)
    off = np.linalg.norm(expected - fleet.y[fleet.is_eval][taken], axis=-1)
    return np.bincount(np.repeat(np.arange(len(things)), things), off) / things


def uncertainty(fleet: RoundFleet, rows: np.ndarray, seed: int, asked: np.ndarray) -> Floats:
    """(R,) spread of the members, summed over the things of each scene that is asked for."""
    expected = foresee(train(fleet, rows, seed), fleet.x[asked][fleet.taken[asked]])
    spread = np.sqrt(expected.var(axis=0).sum(axis=-1))
    return np.bincount(np.repeat(np.arange(len(asked)), fleet.things[asked]), spread)


def walk(order: np.ndarray, cost: Floats, budget: float) -> np.ndarray:
    """Rows in this order that fit the budget, skipping what does not."""
    taken, left = [], budget
    for row in order.tolist():
        if cost[row] <= left:
            taken.append(row)
            left -= cost[row]
    return np.array(taken, dtype=np.int64)


def pick(fleet: RoundFleet, policy: str, labelled: np.ndarray, seed: int, rng: np.random.Generator) -> np.ndarray:
    """The order in which a policy wants the pool's scenes."""
    open_rows = np.setdiff1d(np.flatnonzero(~fleet.is_eval), labelled)
    if policy == "random":
        return rng.permutation(open_rows)
    return open_rows[np.argsort(-uncertainty(fleet, labelled, seed, open_rows), kind="stable")]
