"""What every strategy is given, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_budget, check_costs
from oddloop.select.frame import check_vectors
from oddloop.select.pool import Floats, Vectors


@dataclass(frozen=True)
class Inputs:
    """Checked arguments of a strategy that compares vectors.

    Attributes:
        points: (n, d) finite.
        costs: (n,) float64, finite, 0 or more.
        budget: 0 or more.
        fixed: (m, d) vectors of what is labelled already; m may be 0.
        weights: (n,) float64, finite, 0 or more.
    """

    points: Vectors
    costs: Floats
    budget: float
    fixed: Vectors
    weights: Floats

    @staticmethod
    def of(
        vectors: npt.ArrayLike,
        budget: float,
        costs: npt.ArrayLike | None,
        preselected: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
    ) -> Inputs:
        """Check them.

        Raises:
            TableError, ConfigError: shapes differ, vectors are not finite, or costs, weights or budget are not usable.
        """
        points = check_vectors(vectors, "vectors")
        fixed = others_of(preselected, points, "preselected")
        prices, importance = costs_of(costs, len(points)), weights_of(weights, len(points))
        return Inputs(points, prices, check_budget(budget), fixed, importance)


def others_of(others: npt.ArrayLike | None, points: Vectors, name: str) -> Vectors:
    """(m, d) vectors that points are compared with; m is 0 where none are given.

    Raises:
        TableError: not finite, or not as wide as the points.
    """
    given = points[:0] if others is None else check_vectors(others, name)
    given = given if len(given) else points[:0]
    if given.shape[1] != points.shape[1]:
        raise TableError(f"vectors {points.shape} and {name} {given.shape} do not match")
    return given


def costs_of(costs: npt.ArrayLike | None, n: int) -> Floats:
    """(n,) costs; ones where none are given.

    Raises:
        TableError: another number of costs, or a cost is NaN, infinite or negative.
    """
    if costs is None:
        return np.ones(n)
    values = check_costs(costs)
    if len(values) != n:
        raise TableError(f"there are {n} rows and {len(values)} costs; give one cost per row")
    return values


def weights_of(weights: npt.ArrayLike | None, n: int, name: str = "weights") -> Floats:
    """(n,) weights; ones where none are given.

    Raises:
        TableError: another number of weights, or a weight is NaN, infinite or negative.
    """
    values = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    if values.shape != (n,):
        raise TableError(f"{name} must be one number per row, {n} of them; got shape {values.shape}")
    bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
    if len(bad):
        raise TableError(f"{name} must be finite and 0 or more; row {bad[0]} has {values[bad[0]]:g}")
    return values


def seed_of(rng: np.random.Generator | None) -> int:
    """Seed for libraries that want a number; 0 without a generator."""
    return 0 if rng is None else int(rng.integers(2**31 - 1))
