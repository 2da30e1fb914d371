"""Greedy k-center that leaves the farthest few alone, since they may be outliers, such as sensor faults.

Always the row farthest from all that is labelled or picked, once a share of all rows, the farthest, is set aside. What
is set aside is chosen anew for each pick, so a row that many others lie near is not an outlier for long. Deviations
from the robust core-set of Sener & Savarese 2018: greedy, no mixed-integer program; without its bound. Growth: see
`cover`, plus O(n) per pick.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.budget import most_that_fit
from oddloop.select.cover import Cover
from oddloop.select.pool import Bools, Picks
from oddloop.select.strategies.inputs import Inputs


def robust_kcenter(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    outliers: float = 0.01,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
) -> Picks:
    """Pick rows far from each other and from `preselected`, but not the farthest few.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        outliers: 0 to below 1: share of all rows, rounded down, that is set aside. 0 gives `kcenter`.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.

    Returns:
        picks, ties by smallest row; a pick's gain is its distance to the nearest centre when it was picked. Without
        `preselected` the first pick is the row nearest to the mean, without a gain. Ends early when every row left,
        those set aside apart, coincides with a centre. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [5.0], [6.0], [99.0]])
    >>> robust_kcenter(line, 2, outliers=0.2, preselected=[[0.0]]).rows.tolist()
    [3, 1]
    """
    if not 0 <= outliers < 1:
        raise ConfigError(f"outliers must be at least 0 and below 1; got {outliers}")
    given = Inputs.of(vectors, budget, costs, preselected)
    n, limit = len(given.points), given.budget
    cover = Cover(given.points, given.fixed, most_that_fit(given.costs, limit))
    rows: list[int] = []
    gains: list[float] = []
    spent, left = 0.0, np.ones(n, dtype=bool)
    while (
        row := _next(cover, left, spent + given.costs <= limit, int(outliers * n), bool(rows) or len(given.fixed) > 0)
    ) is not None:
        gains.append(cover.distance(row))
        rows.append(row)
        spent += float(given.costs[row])
        left[row] = False
        cover.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


def _next(cover: Cover, left: Bools, fits: Bools, n_aside: int, begun: bool) -> int | None:
    if not (left & fits).any():
        return None
    if not begun:
        return cover.nearest_to_mean(fits)
    far = np.where(left, cover.squared(), -1.0)
    if n_aside >= len(far):
        return None
    allowed = np.partition(far, len(far) - 1 - n_aside)[len(far) - 1 - n_aside]
    row = int(np.argmax(np.where(fits & (far <= allowed), far, -1.0)))
    return row if far[row] > 0 and fits[row] and far[row] <= allowed else None
