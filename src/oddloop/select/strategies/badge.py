"""BADGE: k-means++ picks in the space of last-layer gradients, so far apart and large, hence diverse and uncertain.

Ash et al. 2020. The gradient of row i, with its likeliest class as label, is the outer product of a_i = p_i - e_y and
h_i: probabilities less the one-hot label, and the input of the last layer. It is never made:

    |g_i - g_j|^2 = |a_i|^2 |h_i|^2 + |a_j|^2 |h_j|^2 - 2 (a_i . a_j) (h_i . h_j).

The first pick is the row with the largest gradient; then rows are drawn with chance in proportion to weight x squared
distance from all picks, each at most once, and the origin is no centre. Time O(n (C + d)) per pick, memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import check_budget
from oddloop.select.frame import blocks, check_vectors
from oddloop.select.pool import Floats, Picks, Vectors
from oddloop.select.strategies.facility import closed_rows
from oddloop.select.strategies.inputs import costs_of, weights_of
from oddloop.select.strategies.plus_plus import draw

_ROUNDING = 1e-12
"""Share of both squared lengths below which a squared distance is rounding only."""


class Gradients:
    """Squared lengths of all gradients, and squared distances to one of them, from their two factors."""

    def __init__(self, probabilities: Vectors, embeddings: Vectors) -> None:
        """Of (n, C) probabilities and (n, d) embeddings."""
        self._p, self._h = probabilities, embeddings
        self._label = probabilities.argmax(axis=1) if len(probabilities) else np.zeros(0, dtype=np.int64)
        largest = float(np.abs(embeddings).max(initial=0.0))
        # By a power of two, which rounds nothing and keeps squares of squares in range.
        self.scale = float(np.ldexp(1.0, min(int(np.frexp(largest)[1]), 1023))) if largest else 1.0
        self.squared = np.empty(len(probabilities))
        for part in self._blocks():
            a, h = self._factors(part)
            self.squared[part] = np.einsum("ij,ij->i", a, a) * np.einsum("ij,ij->i", h, h)

    def distances_to(self, row: int) -> Floats:
        """(n,) squared distance of each gradient to that of a row; 0 where it is rounding only."""
        a, h = self._factors(slice(row, row + 1))
        result = np.empty(len(self._p))
        for part in self._blocks():
            these, inputs = self._factors(part)
            result[part] = (these @ a[0]) * (inputs @ h[0])
        both = self.squared + self.squared[row]
        result = both - 2.0 * result
        result[result <= _ROUNDING * both] = 0.0
        result[row] = 0.0
        return np.asarray(result)

    def _factors(self, part: slice) -> tuple[Floats, Floats]:
        a = self._p[part].astype(np.float64)
        a[np.arange(len(a)), self._label[part]] -= 1.0
        return a, np.divide(self._h[part], self.scale, dtype=np.float64)

    def _blocks(self) -> list[slice]:
        return list(blocks(len(self._p), self._p.shape[1] + self._h.shape[1]))


def badge(
    probabilities: npt.ArrayLike,
    embeddings: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    weights: npt.ArrayLike | None = None,
) -> Picks:
    """Draw rows whose gradients are large and far apart.

    Args:
        probabilities: (n, C) of C classes, float, finite.
        embeddings: (n, d) input of the last layer, float, finite.
        budget: in the unit of the costs.
        rng: source of one number per draw.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are picked already, such as those that wait for labels.
        weights: (n,) how much each row matters; one of weight 0 is never drawn; ones by default.

    Returns:
        picks in the order drawn; a pick's gain is its distance to the nearest picked gradient, NaN for a first one. A
        row that does not fit is left out for good. Ends early when no gradient left differs from those picked. No rows,
        no picks.

    Raises:
        TableError, ConfigError: shapes differ, a number is not finite, or not usable.

    >>> p, h = [[0.5, 0.5], [0.99, 0.01], [0.5, 0.5]], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    >>> badge(p, h, 2, rng=np.random.default_rng(0)).rows.tolist()
    [0, 2]
    """
    p, h = check_vectors(probabilities, "probabilities"), check_vectors(embeddings, "embeddings")
    if len(p) != len(h):
        raise TableError(f"there are {len(p)} rows of probabilities and {len(h)} of embeddings")
    prices, mass, limit = costs_of(costs, len(p)), weights_of(weights, len(p)), check_budget(budget)
    closed, gradients = closed_rows(preselected, len(p)), Gradients(p, h)
    far = np.full(len(p), np.inf)
    for row in np.flatnonzero(closed):
        far = np.minimum(far, gradients.distances_to(int(row)))
    return _draw_all(gradients, far, mass, closed, prices, limit, rng)


def _draw_all(
    gradients: Gradients,
    far: Floats,
    mass: Floats,
    closed: npt.NDArray[np.bool_],
    prices: Floats,
    limit: float,
    rng: np.random.Generator,
) -> Picks:
    rows: list[int] = []
    gains: list[float] = []
    spent = 0.0
    while (fits := ~closed & (spent + prices <= limit)).any():
        begun = len(far) > 0 and np.isfinite(far).all()
        chance = np.where(closed if begun else ~fits, 0.0, mass * (far if begun else gradients.squared))
        if not (chance[fits] > 0).any():
            break
        row = draw(chance, rng) if begun else int(chance.argmax())
        closed[row] = True
        if spent + prices[row] > limit:
            continue
        rows.append(row)
        gains.append(float(np.sqrt(far[row]) * gradients.scale) if begun else float("nan"))
        spent += float(prices[row])
        far = np.minimum(far, gradients.distances_to(row))
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))
