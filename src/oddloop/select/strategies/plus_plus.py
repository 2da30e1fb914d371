"""k-means++ picks: rows drawn with chance in proportion to their squared distance from all that is labelled or picked.

Arthur & Vassilvitskii 2007; with weights, in proportion to weight x squared distance. Unlike k-center, an outlier is
likely but not sure to be picked. A row that is drawn but does not fit the budget is left out for good, so that the
picks of a smaller budget are a prefix of those of a larger one with the same generator. Time: see `cover`, plus O(n)
per pick; memory O(n + picks x d).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.budget import most_that_fit
from oddloop.select.cover import Cover
from oddloop.select.pool import Bools, Floats, Picks
from oddloop.select.strategies.inputs import Inputs


def kmeans_plus_plus(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Picks:
    """Draw rows far from each other and from `preselected`.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        rng: source of one number per draw.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        weights: (n,) how much each row matters; one of weight 0 is never drawn; ones by default.

    Returns:
        picks in the order drawn; a pick's gain is its distance to the nearest centre when it was drawn. Without
        `preselected` the first is drawn by weight alone, without a gain. Ends early when every row left coincides with
        a centre or has no weight. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [0.0], [0.0], [9.0]])
    >>> kmeans_plus_plus(line, 4, rng=np.random.default_rng(0), preselected=[[0.0]]).rows.tolist()
    [3]
    """
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    points, limit = given.points, given.budget
    cover = Cover(points, given.fixed, most_that_fit(given.costs, limit))
    rows: list[int] = []
    gains: list[float] = []
    spent, closed = 0.0, np.zeros(len(points), dtype=bool)
    while (fits := ~closed & (spent + given.costs <= limit)).any():
        mass = _mass(cover, given, closed, bool(rows))
        if not (mass[fits] > 0).any():
            break
        row = draw(mass, rng)
        closed[row] = True
        if spent + given.costs[row] > limit:
            continue
        gains.append(cover.distance(row) if rows or len(given.fixed) else float("nan"))
        rows.append(row)
        spent += float(given.costs[row])
        cover.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


def _mass(cover: Cover, given: Inputs, closed: Bools, begun: bool) -> Floats:
    """(n,) chance of each row, not yet divided by the sum."""
    far = cover.squared() if begun or len(given.fixed) else np.ones(len(closed))
    return np.where(closed, 0.0, far * given.weights)


def draw(mass: Floats, rng: np.random.Generator) -> int:
    """A row with chance in proportion to its mass, of which there is some.

    >>> draw(np.array([0.0, 2.0, 0.0]), np.random.default_rng(0))
    1
    """
    share = mass / mass.max()  # so that the sum is finite
    running = np.cumsum(share)
    row = int(np.searchsorted(running, rng.random() * running[-1], side="right"))
    # Rounding may lead to a row without mass at the end.
    return row if row < len(mass) and share[row] > 0 else int(np.flatnonzero(share)[-1])
