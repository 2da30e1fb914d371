"""k-means: rows in groups, some of whose centres may be fixed; and picks that are the row nearest to each centre.

Lloyd's algorithm from k-means++ centres, on at most `_PER_CENTRE` evenly spaced rows per centre; then every row goes to
its nearest centre. Groups without rows keep their centre. Time O(n k d) for each of at most `_PASSES` passes, memory
O(n + k d).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.select.budget import most_that_fit, walk
from oddloop.select.frame import Frame, blocks
from oddloop.select.nearest import nearest_squared
from oddloop.select.pool import NO_PICKS, Floats, Ints, Picks, Vectors
from oddloop.select.strategies.inputs import Inputs
from oddloop.select.strategies.plus_plus import kmeans_plus_plus

_PER_CENTRE = 256
_PASSES = 20


@dataclass(frozen=True)
class Groups:
    """Rows in groups.

    Attributes:
        labels: (n,) group of each row; the fixed centres come first.
        distances: (n,) of each row to the centre of its group.
        centres: (k, d) float64.
    """

    labels: Ints
    distances: Floats
    centres: Floats


def kmeans_groups(
    points: Vectors, k: int, rng: np.random.Generator, *, fixed: Vectors | None = None, weights: Floats | None = None
) -> Groups:
    """Group rows around k centres beside the fixed ones.

    Args:
        points: (n, d) finite.
        k: how many; fewer where fewer rows differ.
        rng: source of the first centres.
        fixed: (m, d) centres that do not move.
        weights: (n,) how much each row pulls at its centre.

    Returns:
        the groups.

    >>> groups = kmeans_groups(np.array([[0.0], [1.0], [9.0]]), 2, np.random.default_rng(0))
    >>> sorted(groups.centres.ravel().tolist())
    [0.5, 9.0]
    """
    fixed = points[:0] if fixed is None else fixed
    mass = np.ones(len(points)) if weights is None else weights
    n = min(len(points), max(k, 1) * _PER_CENTRE)
    rows = np.arange(n) * len(points) // max(n, 1)
    sample, pull = (points, mass) if n == len(points) else (points[rows], mass[rows])
    begin = kmeans_plus_plus(sample, k, rng=rng, preselected=fixed, weights=pull).rows
    # A shift towards the data, or float32 tiles could not tell near rows apart; scaled, so that squares stay in range.
    frame = Frame.of(sample, fixed)
    centres = _settle(sample, pull, frame, fixed, frame.exact(sample[begin]))
    exact = np.concatenate([frame.exact(fixed), centres]) * frame.scale
    if not len(exact):
        return Groups(np.zeros(len(points), dtype=np.int64), np.zeros(len(points)), exact)
    whole = Frame.of(points, exact)
    squared, labels = nearest_squared(points, exact, whole)
    return Groups(labels, np.sqrt(squared) * whole.scale, exact)


def _settle(points: Vectors, pull: Floats, frame: Frame, fixed: Vectors, centres: Floats) -> Floats:
    """Scaled centres after they moved to the mean of their rows, until no row changes its group."""
    before = np.full(len(points), -1, dtype=np.int64)
    still = frame.exact(fixed)
    for _ in range(_PASSES if len(centres) else 0):
        everything = np.concatenate([still, centres]) * frame.scale
        labels = nearest_squared(points, everything, frame)[1]
        if (labels == before).all():
            break
        centres, before = _means(points, pull, frame, labels - len(fixed), centres), labels
    return centres


def _means(points: Vectors, pull: Floats, frame: Frame, labels: Ints, centres: Floats) -> Floats:
    from scipy import sparse  # here: slow to load

    total, weight = np.zeros_like(centres), np.zeros(len(centres))
    for part in blocks(*points.shape):
        rows = np.flatnonzero(labels[part] >= 0)
        these, mass = labels[part][rows], pull[part][rows]
        members = sparse.csr_array((mass, (these, rows)), shape=(len(centres), part.stop - part.start))
        total += np.asarray(members @ frame.exact(points[part]))
        weight += np.bincount(these, weights=mass, minlength=len(centres))
    moved = weight > 0
    result = centres.copy()
    result[moved] = total[moved] / weight[moved, None]
    return result


def kmeans_picks(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> Picks:
    """Pick the row nearest to each centre of k-means, the heaviest group first.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs; there are as many groups as rows that it can pay for.
        rng: source of the first centres.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already: centres that do not move, and give no picks.
        weights: (n,) how much each row pulls, such as its uncertainty (Zhdanov 2019); ones by default.

    Returns:
        picks; a pick's gain is the weight of its group. At equal distance the smallest row. Rows that do not fit are
        skipped. At most as many picks as rows that differ. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [9.0], [9.5]])
    >>> kmeans_picks(line, 2, rng=np.random.default_rng(0)).rows.tolist()
    [1, 3]
    """
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    k = most_that_fit(given.costs, given.budget)
    if not k or not len(given.points):
        return NO_PICKS
    groups = kmeans_groups(given.points, k, rng, fixed=given.fixed, weights=given.weights)
    if not len(groups.centres):  # no row has any weight
        return NO_PICKS
    weight = np.bincount(groups.labels, weights=given.weights, minlength=len(groups.centres)).astype(np.float64)
    first = nearest_of_each(groups, len(given.fixed))
    order = first[np.lexsort([first, -weight[groups.labels[first]]])]
    rows = walk(order, given.costs, given.budget)
    return Picks(rows, weight[groups.labels[rows]])


def nearest_of_each(groups: Groups, n_fixed: int) -> Ints:
    """Row nearest to the centre of each group that has rows and is not fixed, ties by smallest row."""
    order = np.lexsort([np.arange(len(groups.labels)), groups.distances, groups.labels])
    labels = groups.labels[order]
    first = np.flatnonzero(np.diff(labels, prepend=-1))
    return order[first[labels[first] >= n_fixed]]
