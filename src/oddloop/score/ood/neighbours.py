"""K-nearest-neighbour score: how far the k-th nearest training row is, all rows at length 1.

    ood_knn = || z/|z| - y_k/|y_k| ||, y_k the k-th nearest of the training rows        [0, 2]

Exact, not approximate. Single-precision products only sort out which training rows can be the k-th nearest, with the
worst rounding error as the margin; their distances are then computed in double from the differences. So two rows
that are alike are 0 apart, and a row's score does not depend on its neighbours in the batch, to the last bit.

Time O(N n d), that of the single-precision matrix product (N scored, n training rows); where thousands of training rows
are nearly alike and nearest, each costs a double-precision distance. Memory O(n d) and 256 MB at most of products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.ood.arrays import as_matrix, scale_rows, score_rows, unit_rows, usable_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, origin_of
from oddloop.score.ood.training import TrainingSet

_PRODUCTS = 1 << 24
_MIN_QUERIES = 64
_GATHERED = 1 << 21
_GROUP = 64
_ROUNDING = 2.0**-24


@dataclass(frozen=True, eq=False)
class KnnStatistics(Statistics):
    """The training rows.

    Attributes:
        bank: (n,d) float32 or float64: training rows, shuffled, each times a power of 2; none is all zero.
        k: which neighbour; at most n.
    """

    NAME: ClassVar[str] = "knn"

    bank: AnyFloats
    k: int


def fit_knn(training: TrainingSet, k: int = 50) -> KnnStatistics:
    """Keep the training rows.

    Args:
        training: (n,d) features of the scenes that the model was trained on; rows of zeros are ignored.
        k: which neighbour, 1 or more; with fewer training rows, the farthest of them is taken.

    Raises:
        TableError: k is below 1, or all rows are zero.

    References:
        Sun et al., Out-of-distribution detection with deep nearest neighbors, 2022. OpenOOD takes the squared distance:
        the same order.

    >>> from oddloop.score.ood import training_set
    >>> source = Source("m1", "layer4")
    >>> stats = fit_knn(training_set([[1.0, 0.0], [0.0, 2.0]], ["a", "b"], ["a", "b"], source), k=1)
    >>> score_knn(stats, [[5.0, 0.0], [-1.0, 0.0], [0.0, 0.0]], source=source).round(4)
    array([0.    , 1.4142,    nan])
    """
    if k < 1:
        raise TableError(f"knn: k must be 1 or more; got {k}")
    rows = training.features[usable_rows(training.features, normalised=True)]
    if not len(rows):
        raise TableError("knn: all training features are zero, and have no direction; check the export of features")
    # Shuffled, always alike: any pattern in the order of the rows could put near ones into the same few groups.
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    bank = scale_rows(rows.astype(np.float32) if rows.dtype == np.float16 else rows)
    return KnnStatistics(**origin_of(training, len(rows)), bank=bank, k=min(k, len(bank)))


def score_knn(stats: KnnStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Measure the distance to the k-th nearest training row.

    Args:
        stats: from `fit_knn`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64 in [0, 2], larger is more anomalous; NaN where a row is not finite, or all zero.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    bank = _prepare(stats.bank)
    size = max(_PRODUCTS // len(stats.bank), _MIN_QUERIES)

    def score(block: FloatArray) -> FloatArray:
        parts = [block[start : start + size] for start in range(0, len(block), size)]
        return np.concatenate([_kth_distances(part, bank, stats.k) for part in parts])

    return score_rows(matrix, score, normalised=True)


class _Bank(NamedTuple):
    """Training rows, and the same at length 1 in single precision."""

    rows: AnyFloats
    units: npt.NDArray[np.float32]


def _prepare(rows: AnyFloats) -> _Bank:
    units = np.empty(rows.shape, np.float32)
    step = max(_GATHERED // max(rows.shape[1], 1), 1)
    for start in range(0, len(rows), step):
        units[start : start + step] = unit_rows(rows[start : start + step].astype(np.float64))
    return _Bank(rows, units)


def _kth_distances(queries: FloatArray, bank: _Bank, k: int) -> FloatArray:
    """(B,) distance of each query, of length 1, to its k-th nearest training row."""
    products = queries.astype(np.float32) @ bank.units.T
    # Products err by at most this on either side, so that no row among the k nearest is below the floor.
    margin = np.float32(2.0 * (queries.shape[1] + 8) * _ROUNDING)
    floor = _at_most_kth_largest(products, k) - margin
    near, candidates = np.divmod(np.flatnonzero(products >= floor[:, None]), len(bank.rows))
    values = products[near, candidates]
    kth = _of_each(near, -values, np.full(len(queries), k - 1))
    # What is above the k-th product by more than the margin is surely nearer, and what is below by more surely not.
    is_nearer = values > (margin - kth)[near]
    is_open = ~is_nearer & (values >= (-kth - margin)[near])
    squares = _squared_distances(queries, bank.rows, near[is_open], candidates[is_open])
    n_nearer = np.bincount(near[is_nearer], minlength=len(queries))
    result: FloatArray = np.sqrt(_of_each(near[is_open], squares, k - 1 - n_nearer))
    return result


def _of_each(groups: IntArray, values: AnyFloats, ranks: IntArray) -> AnyFloats:
    """(B,) the value of that rank, from 0, in each of the groups 0 to B - 1; groups are in order."""
    order = np.lexsort((values, groups))
    ranked: AnyFloats = values[order[np.searchsorted(groups, np.arange(len(ranks))) + ranks]]
    return ranked


def _at_most_kth_largest(products: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.float32]:
    """(B,) a bound that the k-th largest product of a row is not below, and seldom far above.

    It is the k-th largest of the maxima of groups: finding maxima is much faster than sorting.
    """
    n_queries, n_rows = products.shape
    group = min(max(n_rows // (4 * k), 1), _GROUP)
    n_groups = n_rows // group
    maxima = products[:, : group * n_groups].reshape(n_queries, group, n_groups).max(axis=1)
    bound: npt.NDArray[np.float32] = np.partition(maxima, n_groups - k, axis=1)[:, n_groups - k]
    return bound


def _squared_distances(queries: FloatArray, rows: AnyFloats, near: IntArray, candidates: IntArray) -> FloatArray:
    """(M,) squared distance of each query to each of its candidates, from the differences."""
    squares = np.empty(len(near))
    step = max(_GATHERED // max(queries.shape[1], 1), 1)
    for start in range(0, len(near), step):
        part = slice(start, start + step)
        differences = unit_rows(rows[candidates[part]].astype(np.float64)) - queries[near[part]]
        squares[part] = np.einsum("ij,ij->i", differences, differences)
    return squares
