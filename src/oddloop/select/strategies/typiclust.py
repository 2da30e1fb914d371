"""TypiClust: the most typical row of each group, from groups that have the fewest labels, the largest first.

Hacohen et al. 2022; for first rounds, when few rows are labelled. Rows fall into as many groups by k-means as there
will be labels, at most 500; a row is the more typical, the smaller its mean distance to its 20 nearest neighbours in
its group. Deviations: labelled rows join the groups of the pool afterwards; typicality is that within the whole group,
and is not computed anew after each pick; groups of fewer than 5 rows come last instead of never. Time that of k-means
and of the neighbours within each group; memory O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.neighbours import nearest_neighbours
from oddloop.select.budget import most_that_fit, walk
from oddloop.select.frame import Frame, blocks, squared_differences
from oddloop.select.nearest import nearest
from oddloop.select.pool import Floats, Ints, Picks, Vectors
from oddloop.select.strategies.inputs import Inputs, seed_of
from oddloop.select.strategies.kmeans import kmeans_groups

_MOST_GROUPS = 500
_SMALL = 5
_FEW = 1024
"""Groups of up to this many rows compare all pairs, which takes 8 MB and no search."""


def typiclust(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    n_neighbours: int = 20,
) -> Picks:
    """Pick typical rows of groups that have the fewest labels.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        rng: source of the first centres of k-means.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        n_neighbours: that typicality is a mean over.

    Returns:
        picks; a pick's gain is its typicality, 1 / mean distance, infinite among equal rows and NaN for a row that is
        alone. Rows that do not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [2.5], [9.0], [9.5], [10.0]])
    >>> typiclust(line, 2, rng=np.random.default_rng(0)).rows.tolist()
    [1, 5]
    """
    given = Inputs.of(vectors, budget, costs, preselected)
    k = min(most_that_fit(given.costs, given.budget) + len(given.fixed), _MOST_GROUPS)
    groups = kmeans_groups(given.points, k, rng)
    n_labelled = np.zeros(max(len(groups.centres), 1), dtype=np.int64)
    if len(given.fixed) and len(groups.centres):
        n_labelled = np.bincount(nearest(given.fixed, groups.centres)[1], minlength=len(groups.centres))
    typicality = typicality_within(given.points, groups.labels, n_neighbours, seed_of(rng))
    rows = walk(order_by_group(groups.labels, typicality, n_labelled), given.costs, given.budget)
    return Picks(rows, typicality[rows])


def order_by_group(labels: Ints, typicality: Floats, n_labelled: Ints) -> Ints:
    """All rows, always the most typical one left of the group with the fewest labels and picks.

    Groups of fewer than 5 rows come last; then the larger group first, then the lower label; ties by smallest row.

    >>> order_by_group(np.array([0] * 5 + [1] * 6), np.arange(11.0), np.array([0, 1])).tolist()[:4]
    [4, 10, 3, 9]
    """
    sizes = np.bincount(labels, minlength=len(n_labelled))
    within = np.lexsort([np.arange(len(labels)), np.nan_to_num(-typicality, nan=0.0, neginf=-np.inf), labels])
    rank = np.empty(len(labels), dtype=np.int64)
    rank[within] = np.arange(len(labels)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    keys = (labels, -sizes[labels], n_labelled[labels] + rank, sizes[labels] < _SMALL)
    return np.lexsort(keys)


def typicality_within(points: Vectors, labels: Ints, n_neighbours: int, seed: int = 0) -> Floats:
    """(n,) 1 / mean distance to the nearest rows of the same group, itself not counted; NaN for a row alone."""
    result = np.full(len(points), np.nan)
    order = np.argsort(labels, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        if len(rows) > 1:
            result[rows] = _typicality(points[rows], n_neighbours, seed)
    return result


def _typicality(points: Vectors, n_neighbours: int, seed: int) -> Floats:
    frame = Frame.of(points, points[:0])
    mean = _all_pairs if len(points) <= _FEW else _search
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (mean(points, frame, min(n_neighbours, len(points) - 1), seed) * frame.scale))


def _all_pairs(points: Vectors, frame: Frame, k: int, _seed: int) -> Floats:
    """Mean distance to the k nearest others, by all pairs of a small group."""
    from scipy.spatial.distance import cdist  # here: slow to load

    exact = frame.exact(points)
    distance: Floats = cdist(exact, exact)
    np.fill_diagonal(distance, np.inf)
    return np.asarray(np.sort(np.partition(distance, k - 1, axis=1)[:, :k], axis=1).mean(axis=1))


def _search(points: Vectors, frame: Frame, k: int, seed: int) -> Floats:
    """Mean distance to the k nearest others, by the search for neighbours."""
    found = nearest_neighbours(frame.scan(points), k + 1, seed)
    counted = (found >= 0) & (found != np.arange(len(points))[:, None])
    # A row with many equals may not be found among them; then its last neighbour is one too many.
    counted[counted.all(axis=1), -1] = False
    total = np.zeros(len(points))
    for part in blocks(len(points), points.shape[1] * found.shape[1]):
        row, column = np.nonzero(counted[part])
        apart = squared_differences(frame.exact(points[part][row]), frame.exact(points[found[part][row, column]]))
        total[part] = np.bincount(row, weights=np.sqrt(apart), minlength=part.stop - part.start)
    return np.asarray(total / np.maximum(counted.sum(axis=1), 1))
