"""Log-determinant: rows that span the most volume with what is labelled, by a linear kernel.

    f(S) = log det(I + sum over j in S of w_j x_j x_j' / noise)

which is the entropy gain of Bayesian linear regression (D-optimal design), and the most likely set of a determinantal
point process with kernel I + X X' / noise. Monotone and submodular. A row adds log(1 + w x' A x / noise) with A the
inverse of that matrix; by Sherman & Morrison every such term sinks by a square when a row is picked, so that a pick
takes O(n d + d^2) and memory is O(n + d^2), where the fast greedy of Chen et al. 2018 keeps n numbers per pick.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.frame import Frame, blocks
from oddloop.select.pool import Floats, Picks, Vectors
from oddloop.select.strategies.inputs import Inputs

_OfRows = Callable[[Floats], Floats]
_ROUNDING = 1e-9
"""Relative: terms that are equal but for this count as ties."""


def logdet(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    noise: float | None = None,
    per_cost: bool = False,
) -> Picks:
    """Pick rows that span the most volume.

    Args:
        vectors: (n, d) float16, float32 or float64, finite; about the origin, since only directions from it count.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        weights: (n,) quality of each row, such as its uncertainty; one of weight 0 is never picked; ones by default.
        noise: in squared units of the vectors; None takes the mean squared length of the rows, divided by d.
        per_cost: whether to pick by gain per cost instead of gain; a row without cost then goes before all others.

    Returns:
        picks with what each added, in nats, ties (but for rounding) by smallest row. Ends early when no row left adds
        anything, as zero vectors do not. Rows that do not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> logdet([[3.0, 0.0], [2.9, 0.0], [0.0, 1.0]], 2, noise=1.0).rows.tolist()
    [0, 2]
    """
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    if noise is not None and not 0 < noise < np.inf:
        raise ConfigError(f"noise must be above 0 and finite; got {noise}")
    volume = Volume(given.points, given.weights, given.fixed, noise)
    prices, left = given.costs, np.ones(len(given.points), dtype=bool)
    rows: list[int] = []
    gains: list[float] = []
    spent = 0.0
    while (fits := left & (spent + prices <= given.budget) & (volume.terms > 0)).any():
        gain = np.log1p(volume.terms)
        row = first_best(_worth(gain, prices) if per_cost else gain, fits)
        rows.append(row)
        gains.append(float(gain[row]))
        spent += float(prices[row])
        left[row] = False
        volume.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


def _worth(gain: Floats, prices: Floats) -> Floats:
    return np.divide(gain, prices, out=np.full_like(gain, np.inf), where=prices > 0)


def first_best(values: Floats, among: npt.NDArray[np.bool_]) -> int:
    """Smallest row whose value is the largest among some, but for rounding.

    >>> first_best(np.array([9.0, 1.0, 1.0 + 1e-12]), np.array([False, True, True]))
    1
    """
    best = float(values[among].max())
    least = best if np.isinf(best) else best - _ROUNDING * abs(best)
    return int(np.argmax(among & (values >= least)))


def mean_square(points: Vectors, frame: Frame) -> float:
    """Mean squared number of the points in the frame; 1 where all are 0 or there are none."""
    total = sum(float(np.square(frame.exact(points[part])).sum()) for part in blocks(*points.shape))
    return total / points.size if total > 0 else 1.0


class Volume:
    """How much each row would add to the determinant, less one: w x' A x / noise."""

    def __init__(self, points: Vectors, weights: Floats, fixed: Vectors, noise: float | None) -> None:
        """Begin with the fixed rows in, each with weight 1."""
        self._points, self._weights = points, weights
        self._frame = Frame.of(points, fixed)
        default = mean_square(points, self._frame)
        # Divided twice, since the square of the scale of huge vectors is out of range.
        self._noise = default if noise is None else max(noise / self._frame.scale / self._frame.scale, 1e-300)
        labelled = self._frame.exact(fixed)
        width = points.shape[1]
        self._inverse = np.linalg.inv(np.eye(width) + labelled.T @ labelled / self._noise)
        self.terms = self._weighted(lambda rows: np.einsum("ij,jk,ik->i", rows, self._inverse, rows, optimize=True))

    def add(self, row: int) -> None:
        """Put a row in."""
        x = self._frame.exact(self._points[row])
        toward = self._inverse @ x
        share = float(self._weights[row]) / self._noise
        rest = share / (1.0 + share * float(x @ toward))
        self._inverse -= rest * np.outer(toward, toward)
        sinks = rest * self._weighted(lambda rows: (rows @ toward) ** 2)
        self.terms = np.maximum(self.terms - sinks, 0.0)

    def _weighted(self, of: _OfRows) -> Floats:
        return self._weights / self._noise * self._map(self._points, of)

    def _map(self, points: Vectors, of: _OfRows) -> Floats:
        result = np.empty(len(points))
        for part in blocks(*points.shape):
            result[part] = of(self._frame.exact(points[part]))
        return result
