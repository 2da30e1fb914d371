"""Partitioned greedy: pick from random parts of the pool, each on its own, then once more from all that they picked.

Candidates are dealt into parts at random; each part picks under the whole budget and with all quotas, wherever a core
or a node is free; the last choice is made among the union (GreeDi, Mirzasoleiman et al. 2013; random parts, Barbosa et
al. 2015). What a part has left out is stood for by its nearest pick, so a scene of the union counts as many times as
it stands for others. Quotas hold for the whole: a part offers as many of a segment as the minimum asks for, and the
last choice counts anew.

Guarantee: k-center with equal costs and no labelled scene stays within 4 times the smallest possible radius, against 2
in one piece (Malkomes et al. 2015). For facility location GreeDi's bound asks for the objective over all scenes in the
last choice; the weights only stand in for it, so of these policies a measured ratio can be told (bench/RESULTS.md), no
bound. What is drawn by chance is drawn from a fair sample of all, never from the union, which is no fair one.

Time: the policy's over n / parts rows in each part, and over picks x parts rows at the end; memory of the driver O(n)
without vectors, and those of the union; of a task its part's vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.gap_driven import CONTROL
from oddloop.select.nearest import nearest
from oddloop.select.pool import Floats, Ints, Picks, Pool
from oddloop.select.quotas import Quota
from oddloop.select.registry import POLICIES, Policy
from oddloop.tasks import Run, run_here

_LEAST_DRAWN = 1000
_DRAWN_TIMES = 4
"""The fair sample pays for the budget so many times over, for what of it is picked by merit or does not fit."""


@dataclass(frozen=True)
class _Part:
    policy: Policy
    pool: Pool
    rows: Ints
    budget: float
    rng: np.random.Generator


def pick_in_parts(
    policy: Policy, pool: Pool, budget: float, rng: np.random.Generator, n_parts: int, run: Run = run_here
) -> Picks:
    """Pick from `n_parts` random parts of a pool, then from the union of their picks.

    Args:
        policy: one of oddloop's own; one that compares no vectors picks in one piece.
        pool: the candidates.
        budget: in the unit of the costs.
        rng: deals the parts; each has a stream of its own, so where and in what order they run changes nothing.
        n_parts: how many parts; no more than there are candidates.
        run: how the parts are run.

    Returns:
        picks of the whole pool that cost at most the budget, in greedy order.

    Raises:
        ConfigError: the policy is the team's own or a library's, which may need to see all candidates.

    >>> one, line = np.ones(6), np.array([[0.0], [0.1], [5.0], [5.1], [9.0], [9.1]])
    >>> pool = Pool(np.array(list("abcdef"), object), one, one, one > 0, line, one > 0, np.array([[0.0]]))
    >>> pick_in_parts(POLICIES["kcenter"], pool, 2, np.random.default_rng(0), 2).rows.tolist()
    [5, 2]
    """
    if policy.name not in POLICIES:
        raise ConfigError(
            f"[select] parts = {n_parts} asks for the choice in parts, and policy `{policy.name}` may need to see all "
            "candidates at once; set parts = 1, or a policy of oddloop"
        )
    if not policy.compares_scenes:
        return policy.pick(pool, budget, rng)
    if (n_parts := min(n_parts, len(pool))) <= 1:
        return policy.pick(load(pool), budget, rng)
    dealing, last, *streams = rng.spawn(2 + n_parts)
    dealt = dealing.permutation(len(pool))
    shortlist = replace(pool.gap_driven, control_share=0.0, exploration_share=0.0)
    parts = [np.sort(dealt[i::n_parts]) for i in range(n_parts)]
    items = [
        _Part(policy, replace(sub_pool(pool, rows), gap_driven=shortlist), rows, budget, stream)
        for rows, stream in zip(parts, streams, strict=True)
    ]
    found = run(_pick_of_part, items)
    picked = np.concatenate([rows for rows, _ in found])
    drawn = _fair_sample(pool, budget, dealt) if CONTROL in policy.rules else dealt[:0]
    union = np.union1d(picked, drawn)
    stands_for = np.ones(len(pool))
    stands_for[picked] = np.concatenate([count for _, count in found])
    whole = replace(pool, stands_for=stands_for, fair_sample=np.isin(np.arange(len(pool)), drawn))
    picks = policy.pick(load(sub_pool(whole, union)), budget, last)
    return Picks(union[picks.rows], picks.gains, picks.rules)


def _fair_sample(pool: Pool, budget: float, dealt: Ints) -> Ints:
    """Rows drawn at random for what policies leave to chance, enough of them to spend the budget several times."""
    enough = int(np.searchsorted(np.cumsum(pool.costs[dealt]), _DRAWN_TIMES * budget)) + 1
    return dealt[: max(enough, _LEAST_DRAWN)]


def _pick_of_part(part: _Part) -> tuple[Ints, Floats]:
    """Rows of the whole pool that a part offers, and how many of its candidates each stands for."""
    pool = load(part.pool)
    rows = part.policy.pick(pool, part.budget, part.rng).rows
    inside = rows[pool.has_vector[rows]]
    count = np.ones(len(pool))
    rest = np.setdiff1d(np.flatnonzero(pool.has_vector), rows)
    if len(inside) and len(rest):
        which = nearest(pool.vectors[rest], pool.vectors[inside])[1]
        count[inside] += np.bincount(which, minlength=len(inside))
    return part.rows[rows], count[rows]


def sub_pool(pool: Pool, rows: Ints) -> Pool:
    """Some candidates as a pool of their own, in the order of `rows`, ascending; vectors stay where they are read."""
    optional: Any = {name: getattr(pool, name) for name in ("need", "groups", "stands_for", "fair_sample")}
    known: Any = {name: values[rows] for name, values in optional.items() if values is not None}
    on_demand = pool.on_demand
    return replace(
        pool,
        scene_ids=pool.scene_ids[rows],
        costs=pool.costs[rows],
        score=pool.score[rows],
        score_valid=pool.score_valid[rows],
        vectors=pool.vectors[rows],
        has_vector=pool.has_vector[rows],
        scenes=None,
        need_of=None,
        quotas=tuple(_of_rows(quota, rows) for quota in pool.quotas),
        redundancy=pool.redundancy and pool.redundancy.part(rows),
        on_demand=None if on_demand is None else _Some(on_demand, rows),
        **known,
    )


@dataclass(frozen=True)
class _Some:
    """Vectors of some rows of a pool; a class, since it travels to a task."""

    on_demand: Callable[[Ints], npt.NDArray[np.floating]]
    rows: Ints

    def __call__(self, rows: Ints) -> npt.NDArray[np.floating]:
        return self.on_demand(self.rows[rows])


def load(pool: Pool) -> Pool:
    """The pool with its vectors in memory."""
    if pool.on_demand is None:
        return pool
    return replace(pool, vectors=pool.on_demand(np.arange(len(pool))), on_demand=None)


def _of_rows(quota: Quota, rows: Ints) -> Quota:
    return replace(quota, rows=np.flatnonzero(np.isin(rows, quota.rows)))
