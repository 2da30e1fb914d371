"""The check of a policy's answer, so that a faulty policy of the team's own never reaches the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.errors import OddloopError
from oddloop.select.pool import Ints, Picks, Pool
from oddloop.select.registry import POLICIES, Policy

_ROUNDING = 1e-9
"""Relative: a policy may add its costs in another order."""


class PolicyError(OddloopError):
    """A policy raised, or answered with what is not a selection of its pool under its budget."""


def run_policy(policy: Policy, pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """Ask a policy for picks, and check them.

    Args:
        policy: from `find_policy`; it may return `Picks`, or row numbers alone.
        pool: the candidates.
        budget: in the cost unit.
        rng: the policy's source of chance.

    Returns:
        the picks, gains NaN where the policy gave none or infinity.

    Raises:
        PolicyError: it raised, or gave unknown rows, a row twice, or more than the budget pays for.

    >>> one = np.ones(1)
    >>> pool = Pool(np.array(["a"], dtype=object), one, one, one > 0, np.zeros((1, 0)), one < 0, np.zeros((0, 0)))
    >>> run_policy(Policy("mine", lambda pool, budget, rng: [7]), pool, 1.0, np.random.default_rng(0))
    Traceback (most recent call last):
    oddloop.select.guard.PolicyError: policy `mine` picked row 7, but the pool has rows 0 to 0
    """
    if policy.name in POLICIES:
        return policy.pick(pool, budget, rng)
    try:
        answer = policy.pick(_read_only(pool), budget, rng)
    except (Exception, SystemExit) as error:  # the team's own code may raise anything, and may give up
        raise PolicyError(f"policy `{policy.name}` failed: {type(error).__name__}: {error}") from error
    picks = _as_picks(policy.name, answer)
    _check_rows(policy.name, picks, pool)
    _check_cost(policy.name, picks.rows, pool, budget)
    return picks


def _read_only(pool: Pool) -> Pool:
    """The pool as views that cannot be written to: what is recorded and checked is not the policy's to change."""
    views: dict[str, Any] = {name: value.view() for name, value in vars(pool).items() if isinstance(value, np.ndarray)}
    for view in views.values():
        view.flags.writeable = False
    return replace(pool, **views)


def _as_picks(name: str, answer: Picks | npt.ArrayLike) -> Picks:
    given = answer if isinstance(answer, Picks) else Picks(answer, None)  # type: ignore[arg-type]  # checked here
    rows = _array(given.rows)
    if rows is None or rows.ndim != 1 or (len(rows) and rows.dtype.kind not in "iu"):
        raise PolicyError(f"policy `{name}` must return Picks or a list of row numbers; got {answer!r:.80}")
    gains = np.full(len(rows), np.nan) if given.gains is None else _array(given.gains)
    if gains is None or gains.shape != rows.shape or (len(gains) and gains.dtype.kind not in "iuf"):
        raise PolicyError(
            f"policy `{name}` gave {np.size(given.gains)} gains for {len(rows)} rows; give one number for each, or None"
        )
    if given.rules is not None and len(given.rules) != len(rows):
        raise PolicyError(f"policy `{name}` gave {len(given.rules)} rules for {len(rows)} rows")
    numbers = gains.astype(np.float64)
    return Picks(rows.astype(np.int64), np.where(np.isfinite(numbers), numbers, np.nan), given.rules)


def _array(values: object) -> npt.NDArray[np.generic] | None:
    try:
        return np.asarray(values)
    except ValueError:  # lists of unequal length
        return None


def _check_rows(name: str, picks: Picks, pool: Pool) -> None:
    rows = picks.rows
    outside = rows[(rows < 0) | (rows >= len(pool))]
    if len(outside):
        raise PolicyError(f"policy `{name}` picked row {outside[0]}, but the pool has rows 0 to {len(pool) - 1}")
    found, counts = np.unique(rows, return_counts=True)
    if (counts > 1).any():
        raise PolicyError(f"policy `{name}` picked scene {pool.scene_ids[found[counts > 1][0]]!r} more than once")


def _check_cost(name: str, rows: Ints, pool: Pool, budget: float) -> None:
    running = np.cumsum(pool.costs[rows])
    over = np.flatnonzero(running > budget * (1 + _ROUNDING))
    if len(over):
        raise PolicyError(
            f"policy `{name}` picked scene {pool.scene_ids[rows[over[0]]]!r} beyond the budget: "
            f"with it the picks cost {running[over[0]]:g} of {budget:g}"
        )
