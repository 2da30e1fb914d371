"""Stratified random picks: every group gets its share, rounded in the fairest way at every prefix.

Sainte-Lague: the next pick goes to the group with the largest share / (2 x picks so far + 1), so that after any number
of picks no group is more than about half a pick away from its share. Labelled rows count as picks of their group. Time
O(n log n), memory O(n). Deviation: a row that does not fit the budget is skipped, and its group waits for its next.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import walk
from oddloop.select.pool import Floats, Ints, Picks
from oddloop.select.strategies.inputs import costs_of


def stratified(
    groups: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    weights: Mapping[object, float] | None = None,
) -> Picks:
    """Draw rows at random within groups, each group by its share.

    Args:
        groups: (n,) names or numbers of the group of each row.
        budget: in the unit of the costs.
        rng: source of one permutation of the rows.
        costs: (n,) cost of each row; ones by default.
        preselected: (m,) group of each row that is labelled already; groups that the pool lacks are of no matter.
        weights: share of each group, in any unit, 0 or more; groups not named, and all by default, have as much as they
            have rows in the pool.

    Returns:
        picks without gains. Ties go to the lower group; a group of share 0 comes last. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> groups = ["day"] * 6 + ["night"] * 2
    >>> rows = stratified(groups, 4, rng=np.random.default_rng(0)).rows
    >>> sorted(groups[row] for row in rows)
    ['day', 'day', 'day', 'night']
    """
    given = np.asarray(groups)
    if given.ndim != 1 or (given.dtype.kind == "f" and not np.isfinite(given).all()):
        raise TableError(f"groups must be one name or whole number per row; got {given.dtype} of shape {given.shape}")
    prices = costs_of(costs, len(given))
    names, labels = np.unique(given, return_inverse=True)
    sizes = np.bincount(labels, minlength=len(names))
    order = rng.permutation(len(given))
    seats = _seat_numbers(labels[order], sizes) + _labelled(names, preselected)[labels[order]]
    quotient = _shares(names, sizes, weights)[labels[order]] / (2.0 * seats + 1.0)
    order = order[np.lexsort([labels[order], -quotient])]
    rows = walk(order, prices, budget)
    return Picks(rows, np.full(len(rows), np.nan))


def _seat_numbers(labels: Ints, sizes: Ints) -> Ints:
    """How many rows of the same group come before each row."""
    by_group = np.argsort(labels, kind="stable")
    seats = np.empty(len(labels), dtype=np.int64)
    seats[by_group] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return seats


def _labelled(names: npt.NDArray[np.generic], preselected: npt.ArrayLike) -> Ints:
    known = np.asarray(preselected)
    return np.array([int((known == name).sum()) for name in names], dtype=np.int64)


def _shares(names: npt.NDArray[np.generic], sizes: Ints, weights: Mapping[object, float] | None) -> Floats:
    given = weights or {}
    shares = np.array([given.get(name, n) for name, n in zip(names.tolist(), sizes, strict=True)], dtype=np.float64)
    bad = np.flatnonzero(~(np.isfinite(shares) & (shares >= 0)))
    if len(bad):
        raise TableError(f"weights must be finite and 0 or more; group {names[bad[0]]} has {shares[bad[0]]:g}")
    return shares
