"""Ranked batch: far from all that is labelled or picked while little is labelled, uncertain once much is.

Cardoso et al. 2017, as in modAL: with d the distance of a row to the nearest labelled or picked row and u its
uncertainty, always the row with the largest

    a (1 - 1 / (1 + d)) + (1 - a) u,   a = rows left / (rows left + rows labelled or picked).

Deviations from modAL: distances are kept, not computed anew for every pick; with nothing labelled the first pick is the
row nearest to the mean, not that with the least mean distance to all, which would take all pairs; and it is not picked
twice. Growth: see `cover`, plus O(n) per pick.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.budget import most_that_fit
from oddloop.select.cover import Cover
from oddloop.select.pool import Picks
from oddloop.select.strategies.drawn import finite_of
from oddloop.select.strategies.inputs import Inputs


def ranked_batch(
    vectors: npt.ArrayLike,
    uncertainty: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
) -> Picks:
    """Pick rows that are far and uncertain.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units of which 1 is neither near nor far.
        uncertainty: (n,) finite, 0..1 to be of a kind with the other term, larger = more worth labelling.
        budget: in the unit of the costs.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.

    Returns:
        picks, ties by smallest row; a pick's gain is its score, NaN for a first pick with nothing labelled. Rows that
        do not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors or uncertainty are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [9.0], [9.1]])
    >>> ranked_batch(line, [0.0, 0.9, 0.1, 0.2], 2, preselected=[[0.0]]).rows.tolist()
    [3, 1]
    """
    given = Inputs.of(vectors, budget, costs, preselected)
    unsure, n = finite_of(uncertainty, "uncertainty"), len(given.points)
    if len(unsure) != n:
        raise TableError(f"there are {n} rows and {len(unsure)} uncertainties; give one per row")
    cover = Cover(given.points, given.fixed, most_that_fit(given.costs, given.budget))
    rows: list[int] = []
    gains: list[float] = []
    spent, n_known, left = 0.0, len(given.fixed), np.ones(n, dtype=bool)
    while (open_rows := left & (spent + given.costs <= given.budget)).any():
        if n_known:
            a = (n - len(rows)) / (n - len(rows) + n_known)
            score = np.where(open_rows, a * (1.0 - 1.0 / (1.0 + cover.distances())) + (1.0 - a) * unsure, -np.inf)
            row, gain = int(score.argmax()), float(score.max())
        else:
            row, gain = cover.nearest_to_mean(open_rows) or 0, float("nan")
        rows.append(row)
        gains.append(gain)
        spent += float(given.costs[row])
        left[row] = False
        n_known += 1
        cover.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))
