"""BAIT: rows whose Fisher information serves the whole pool best, first too many, then without the least needed.

Ash et al. 2021, for models of one output, or by one number per row for several: row i has the Fisher information
w_i x_i x_i', with x_i the input of the last layer and w_i, say, 1 for regression and p (1 - p) for two classes. To be
small is the trace of (prior I + F of the labelled and picked)^-1 (F of all rows). Forward, always the row that lowers
it most, for twice the budget; then backward, always the one whose loss raises it least. Deviations: information of rank
one; backward steps go on to the last row, and the picks are that order read backwards, so that any prefix is what
backward steps would leave for a smaller budget. Time O(n d + d^2) per forward pick, O(picks d^2) per backward step;
memory O(n + d^2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.budget import walk
from oddloop.select.frame import Frame, blocks
from oddloop.select.pool import NO_PICKS, Floats, Ints, Picks, Vectors
from oddloop.select.strategies.inputs import Inputs
from oddloop.select.strategies.logdet import first_best, mean_square


def bait(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    prior: float | None = None,
    oversample: float = 2.0,
) -> Picks:
    """Pick rows whose Fisher information serves the whole pool best.

    Args:
        vectors: (n, d) input of the last layer, float16, float32 or float64, finite.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already, each with weight 1.
        weights: (n,) information of each row per squared length; ones by default.
        prior: above 0, in squared units of the vectors; None takes the mean squared length of the rows, divided by d.
        oversample: 1 or more; how many budgets are picked forward. 1 has no backward steps but for their order.

    Returns:
        picks, those needed most first; a pick's gain is how much the trace would rise without it when the later ones
        are gone. Ties (but for rounding) by smallest row. Ends early when no row left lowers the trace. Rows that do
        not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> bait([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0]], 2).rows.tolist()
    [1, 2]
    """
    if prior is not None and not 0 < prior < np.inf:
        raise ConfigError(f"prior must be above 0 and finite; got {prior}")
    if not 1 <= oversample < np.inf:
        raise ConfigError(f"oversample must be 1 or more and finite; got {oversample}")
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    if not len(given.points):
        return NO_PICKS
    information = Information(given.points, given.weights, given.fixed, prior)
    forward = _forward(information, given.costs, given.budget, oversample)
    order, losses = _backward(information, forward)
    rows = walk(order, given.costs, given.budget)
    loss_of = dict(zip(order.tolist(), losses.tolist(), strict=True))
    return Picks(rows, np.array([loss_of[row] for row in rows.tolist()], dtype=np.float64))


def _forward(information: Information, prices: Floats, budget: float, oversample: float) -> list[int]:
    rows: list[int] = []
    spent, left = 0.0, prices <= budget
    while (fits := left & (spent + prices <= oversample * budget)).any():
        falls = information.falls()
        if not falls[fits].max() > 0:
            break
        row = first_best(falls, fits)
        rows.append(row)
        spent += float(prices[row])
        left[row] = False
        information.add(row)
    return rows


def _backward(information: Information, rows: list[int]) -> tuple[Ints, Floats]:
    """Rows from the most to the least needed, and what the trace rises by when each goes."""
    left, order, losses = np.array(sorted(rows), dtype=np.int64), [], []
    while len(left):
        rises = information.rises(left)
        # Of equally needed rows the largest goes first, so that the smallest is kept.
        at = len(left) - 1 - first_best(-rises[::-1], np.ones(len(left), dtype=bool))
        order.append(int(left[at]))
        losses.append(float(rises[at]))
        information.remove(int(left[at]))
        left = np.delete(left, at)
    return np.array(order[::-1], dtype=np.int64), np.array(losses[::-1], dtype=np.float64)


class Information:
    """The inverse M of what is known, its trace with that of all rows F, and each row's part in both."""

    def __init__(self, points: Vectors, weights: Floats, fixed: Vectors, prior: float | None) -> None:
        """Begin with the fixed rows known."""
        self._points, self._weights = points, weights
        self._frame = Frame.of(points, fixed)
        width = points.shape[1]
        self._all = np.zeros((width, width))
        for part in blocks(*points.shape):
            rows = self._frame.exact(points[part])
            self._all += (rows * weights[part, None]).T @ rows
        labelled = self._frame.exact(fixed)
        mean = mean_square(points, self._frame)
        # Divided twice, since the square of the scale of huge vectors is out of range.
        unit = mean if prior is None else max(prior / self._frame.scale / self._frame.scale, 1e-300)
        self._inverse = np.linalg.inv(unit * np.eye(width) + labelled.T @ labelled)
        self._served = self._inverse @ self._all @ self._inverse
        self._length, self._use = np.empty(len(points)), np.empty(len(points))
        for part in blocks(*points.shape):
            self._length[part], self._use[part] = self._forms(part)

    def falls(self) -> Floats:
        """(n,) by how much the trace would fall with each row."""
        return np.asarray(self._use / (1.0 + self._length))

    def rises(self, rows: Ints) -> Floats:
        """By how much the trace would rise without each of these known rows."""
        length, use = self._forms(rows)
        return np.asarray(use / np.maximum(1.0 - length, 1e-300))

    def _forms(self, rows: Ints | slice) -> tuple[Floats, Floats]:
        """w x' M x and w x' M F M x of some rows."""
        x, w = self._frame.exact(self._points[rows]), self._weights[rows]
        return w * np.einsum("ij,ij->i", x @ self._inverse, x), w * np.einsum("ij,ij->i", x @ self._served, x)

    def add(self, row: int) -> None:
        """Let a row be known, and keep every row's part up to date."""
        toward, share, served = self._change(row, 1.0)
        gone = float(toward @ self._all @ toward) * share * share
        for part in blocks(*self._points.shape):
            x, w = self._frame.exact(self._points[part]), self._weights[part]
            along, across = x @ toward, x @ served
            self._length[part] -= w * share * along**2
            self._use[part] += w * (gone * along**2 - 2.0 * share * along * across)
        np.maximum(self._use, 0.0, out=self._use)

    def remove(self, row: int) -> None:
        """Let a row be unknown again; only `rises` is right from here on."""
        self._change(row, -1.0)

    def _change(self, row: int, sign: float) -> tuple[Floats, float, Floats]:
        """Add or take away w x x' from what M is the inverse of; M x, the factor of its square, and M F M x before."""
        x, w = self._frame.exact(self._points[row]), float(self._weights[row])
        toward, served = self._inverse @ x, self._served @ x
        share = sign * w / max(1.0 + sign * w * float(x @ toward), 1e-300)
        self._inverse = self._inverse - share * np.outer(toward, toward)
        self._served = self._inverse @ self._all @ self._inverse
        return toward, share, served
