"""Policies on scenes whose errors are known: what each would have found by now, had it picked.

A backtest asks every policy to pick from measured scenes, as if they had no labels, and adds up the errors that lie in
its picks as the cost grows. It needs no training, and says how well a policy finds errors, not yet how much a model
learns from them; the rounds of a workspace, with their control, say that.

Each draw takes half of the logs at random: what is called luck is which logs were driven. The spread over halves of a
number is the standard error of the number on all logs (delete-half jackknife: Shao and Wu 1989), so intervals are
mean +- t x spread. Policies and random picks see the same halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from scipy.special import stdtrit

from oddloop.derived_tables import BACKTEST
from oddloop.errors import ConfigError
from oddloop.select.guard import run_policy
from oddloop.select.pool import Floats, Ints, Pool
from oddloop.select.registry import find_policy

RANDOM, OBJECT_COUNT, ORACLE = "random", "object_count", "oracle"
SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)


def backtest(
    pools: dict[str, Pool],
    errors: Floats,
    n_objects: Floats,
    logs: Ints,
    *,
    n_draws: int = 20,
    seed: int = 0,
    shares: Sequence[float] = SHARES,
) -> pa.Table:
    """Let policies pick from scenes whose errors are known.

    Args:
        pools: the same n scenes for each policy, with the score that it ranks by; by name of the policy.
        errors: (n,) errors of each scene, finite, 0 or more, not all 0.
        n_objects: (n,) reported objects of each, for the baseline that picks the most per cost.
        logs: (n,) log of each, as integers.
        n_draws: halves of the logs that are tried, at least 2.
        seed: of the halves, and of policies that draw.
        shares: of the cost of all scenes of a half, at which what was found is counted.

    Returns:
        BACKTEST: the policies, `random`, `object_count` and `oracle` (most errors per cost, which no policy can know).

    Raises:
        ConfigError: fewer than 4 logs, no errors, or fewer than 2 draws.
        PolicyError: a policy failed, or broke the rules.
    """
    n_logs = len(np.unique(logs))
    if n_logs < 4 or n_draws < 2 or not errors.sum() > 0:
        raise ConfigError(
            f"a backtest needs errors in scenes of at least 4 logs and 2 draws; there are {n_logs} logs, "
            f"{n_draws} draws and errors of {errors.sum():g} in all"
        )
    names = [*dict.fromkeys([*pools, RANDOM]), OBJECT_COUNT, ORACLE]
    found = np.empty((len(names), n_draws, len(shares)))
    for draw in range(n_draws):
        rows = _half(logs, np.random.default_rng([seed, draw]))
        for i, name in enumerate(names):
            order = _order(name, pools, errors, n_objects, rows, np.random.default_rng([seed, draw, 1]), max(shares))
            found[i, draw] = _found(order, errors[rows], _costs(pools)[rows], shares)
    return _table(names, found, shares)


def _costs(pools: dict[str, Pool]) -> Floats:
    return next(iter(pools.values())).costs


def _half(logs: Ints, rng: np.random.Generator) -> Ints:
    names = np.unique(logs)
    return np.flatnonzero(np.isin(logs, rng.permutation(names)[: len(names) // 2]))


def _order(
    name: str,
    pools: dict[str, Pool],
    errors: Floats,
    n_objects: Floats,
    rows: Ints,
    rng: np.random.Generator,
    most: float,
) -> Ints:
    costs = np.maximum(_costs(pools)[rows], np.finfo(float).tiny)
    if name in (OBJECT_COUNT, ORACLE):
        worth = (n_objects if name == OBJECT_COUNT else errors)[rows] / costs
        return np.argsort(-worth, kind="stable")
    if name not in pools:
        return rng.permutation(len(rows))
    pool = subset(pools[name], rows)
    return run_policy(find_policy(name), pool, most * float(pool.costs.sum()), rng).rows


def subset(pool: Pool, rows: Ints) -> Pool:
    """Some candidates of a pool, without quotas, which are of all of it."""
    return replace(
        pool,
        scene_ids=pool.scene_ids[rows],
        costs=pool.costs[rows],
        score=pool.score[rows],
        score_valid=pool.score_valid[rows],
        vectors=pool.vectors[rows],
        has_vector=pool.has_vector[rows],
        scenes=None if pool.scenes is None else pool.scenes.take(pa.array(rows)),
        need=None if pool.need is None else pool.need[rows],
        need_of=None if pool.need_of is None else [pool.need_of[row] for row in rows.tolist()],
        quotas=(),
    )


def _found(order: Ints, errors: Floats, costs: Floats, shares: Sequence[float]) -> Floats:
    """Share of all errors in what is picked by each share of all costs."""
    spent, total = np.cumsum(costs[order]), costs.sum()
    got = np.concatenate([[0.0], np.cumsum(errors[order])])
    at = np.searchsorted(spent, np.array(shares) * total * (1 + 1e-12), side="right")
    return np.asarray(got[at] / max(errors.sum(), np.finfo(float).tiny))


def _table(names: list[str], found: Floats, shares: Sequence[float]) -> pa.Table:
    t = float(stdtrit(found.shape[1] - 1, 0.975))
    gain = found - found[names.index(RANDOM)]
    columns = [pa.array(np.repeat(names, len(shares)).tolist(), pa.string()), np.tile(np.array(shares), len(names))]
    for values, least in ((found, 0.0), (gain, -1.0)):
        mean, half = values.mean(axis=1).ravel(), t * values.std(axis=1, ddof=1).ravel()
        columns += [mean, np.maximum(mean - half, least), np.minimum(mean + half, 1.0)]
    return pa.table(columns, schema=BACKTEST.schema())
