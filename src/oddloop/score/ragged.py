"""Reduce groups of unequal length, given as offsets + values: group i is `values[offsets[i]:offsets[i + 1]]`.

    sum    sum x                     topk   mean of the k largest; of all where there are fewer
    mean   sum x / n                 quantile  linear interpolation at q (n - 1), as `numpy.quantile`
    max    largest x

**An empty group gives 0 for every reduction**: a frame where the model ran and found nothing holds no uncertainty, and
a scene without a value is told apart by its count. NaN in a group makes its result NaN.

Time grows with the number of values (times the logarithm of the group's length for `topk` and `quantile`), memory with
the number of groups plus one block: groups of like length are padded to a common width and sorted in blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np
import numpy.typing as npt

from oddloop.score import fast_calls
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.foreign import to_float64, to_int64

_BLOCK = 32_768


def group_sum(values: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Sum of each group.

    Args:
        values: (N,) numbers.
        offsets: (G+1,) integers that do not fall, within [0, N].

    Returns:
        (G,) float64; 0 for an empty group.

    Raises:
        ValueError: the offsets fall, or reach beyond the values.

    >>> group_sum([1.0, 2.0, 5.0], [0, 2, 2, 3])
    array([3., 0., 5.])
    """
    return _reduceat(np.add, *_checked(values, offsets))


def group_mean(values: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Mean of each group; arguments and errors as `group_sum`.

    >>> group_mean([1.0, 2.0, 5.0], [0, 2, 2, 3])
    array([1.5, 0. , 5. ])
    """
    x, bounds = _checked(values, offsets)
    return _reduceat(np.add, x, bounds) / np.maximum(np.diff(bounds), 1)


def group_max(values: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Largest value of each group; arguments and errors as `group_sum`.

    >>> group_max([1.0, 2.0, -5.0], [0, 2, 2, 3])
    array([ 2.,  0., -5.])
    """
    return _reduceat(np.maximum, *_checked(values, offsets))


def group_topk(values: npt.ArrayLike, offsets: npt.ArrayLike, k: int) -> FloatArray:
    """Mean of the k largest values of each group, or of all where there are fewer; otherwise as `group_sum`.

    >>> group_topk([1.0, 2.0, 6.0, 5.0], [0, 3, 3, 4], k=2)
    array([4., 0., 5.])
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more; got {k}")
    x, bounds = _checked(values, offsets)
    result = group_mean(x, bounds)
    for groups, _, ranked in _sorted_blocks(x, bounds, longer_than=k):
        result[groups] = ranked[:, -k:].sum(axis=1) / k
    return result


def group_quantile(values: npt.ArrayLike, offsets: npt.ArrayLike, q: float) -> FloatArray:
    """Quantile of each group by linear interpolation, as `numpy.quantile`; otherwise as `group_sum`.

    >>> group_quantile([1.0, 2.0, 6.0, 5.0], [0, 3, 3, 4], q=0.5)
    array([2., 0., 5.])
    """
    if not 0 <= q <= 1:
        raise ValueError(f"q must be in [0, 1]; got {q}")
    x, bounds = _checked(values, offsets)
    result = group_mean(x, bounds)
    for groups, lengths, ranked in _sorted_blocks(x, bounds, longer_than=1):
        place = q * (lengths - 1)
        low = np.floor(place).astype(np.int64)
        row, first = np.arange(len(groups)), ranked.shape[1] - lengths
        below = ranked[row, first + low]
        above = ranked[row, first + np.minimum(low + 1, lengths - 1)]
        result[groups] = _interpolate(below, above, place - low)
        result[groups] = np.where(np.isnan(ranked[:, -1]), np.nan, result[groups])
    return result


def reduce_groups(
    values: npt.ArrayLike, offsets: npt.ArrayLike, names: Collection[str], *, k: int, known_only: bool = False
) -> dict[str, FloatArray]:
    """Several reductions of each group in one pass, compiled where numba is installed.

    Args:
        values: (N,) numbers.
        offsets: (G+1,) integers that do not fall, within [0, N].
        names: of `REDUCTIONS`: `sum`, `mean`, `max`, `topk`, `p95` and `n`, the number of values.
        k: for `topk`.
        known_only: leave NaN out and do not count it; else it makes all reductions of its group NaN but `n`.

    Returns:
        (G,) float64 by name; 0 for an empty group. They may differ from those of `group_...` in the last bits.

    Raises:
        ValueError: the offsets fall or reach beyond the values, or k is less than 1.

    >>> found = reduce_groups([1.0, 3.0, np.nan], [0, 2, 3, 3], ["max", "n"], k=1, known_only=True)
    >>> {name: values.tolist() for name, values in found.items()}
    {'max': [3.0, 0.0, 0.0], 'n': [2.0, 0.0, 0.0]}
    """
    if k < 1:
        raise ValueError(f"k must be 1 or more; got {k}")
    x, bounds = _checked(values, offsets)
    found = fast_calls.reduce_groups(x, bounds, names, k=k, known_only=known_only)
    if found is not None:
        return found
    if known_only:
        kept = ~np.isnan(x)
        x, bounds = x[kept], np.concatenate([[0], np.cumsum(kept)])[bounds]
    return {name: REDUCTIONS[name](x, bounds, k) for name in names}


REDUCTIONS: dict[str, Callable[[FloatArray, IntArray, int], FloatArray]] = {
    "sum": lambda x, bounds, _: group_sum(x, bounds),
    "mean": lambda x, bounds, _: group_mean(x, bounds),
    "max": lambda x, bounds, _: group_max(x, bounds),
    "topk": group_topk,
    "p95": lambda x, bounds, _: group_quantile(x, bounds, 0.95),
    "n": lambda _x, bounds, _k: np.diff(bounds).astype(np.float64),
}
"""Reductions by name, in NumPy."""


def _checked(values: npt.ArrayLike, offsets: npt.ArrayLike) -> tuple[FloatArray, IntArray]:
    x, bounds = to_float64(values), to_int64(offsets)
    if len(bounds) == 0 or bounds[0] < 0 or bounds[-1] > len(x) or np.any(bounds[1:] < bounds[:-1]):
        raise ValueError(f"offsets must rise from 0 or more to at most {len(x)}, the number of values")
    return x, bounds


def _reduceat(operation: np.ufunc, x: FloatArray, bounds: IntArray) -> FloatArray:
    """`operation.reduceat` over the groups that are not empty; for those it would return a neighbour's value."""
    result = np.zeros(len(bounds) - 1)
    filled = bounds[1:] > bounds[:-1]
    if filled.any():
        result[filled] = operation.reduceat(x[: bounds[-1]], bounds[:-1][filled])
    return result


def _sorted_blocks(
    x: FloatArray, bounds: IntArray, *, longer_than: int
) -> Iterator[tuple[IntArray, IntArray, FloatArray]]:
    """(groups, lengths, values) of all groups longer than `longer_than`.

    The values rise along each row, end at its right edge, and follow -inf where the group is shorter than the row. The
    width of a row depends on its own group only, so that results do not depend on the other groups.
    """
    lengths = np.diff(bounds)
    width_bits = np.ceil(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    width_bits[lengths <= longer_than] = -1
    for bits in np.unique(width_bits[width_bits >= 0]).tolist():
        members = np.flatnonzero(width_bits == bits)
        size = max(_BLOCK >> bits, 1)
        for start in range(0, len(members), size):
            groups = members[start : start + size]
            yield groups, lengths[groups], np.sort(_padded(x, bounds[groups], lengths[groups], 1 << bits), axis=1)


def _padded(x: FloatArray, starts: IntArray, lengths: IntArray, width: int) -> FloatArray:
    """(G,width) rows, each a group followed by -inf."""
    column = np.arange(width)
    rows = x.take(starts[:, None] + column, mode="clip")
    np.copyto(rows, -np.inf, where=column >= lengths[:, None])
    return rows


def _interpolate(below: FloatArray, above: FloatArray, share: FloatArray) -> FloatArray:
    """The value `share` of the way from `below` to `above`, from the nearer end, as NumPy does: exact at both ends."""
    with np.errstate(invalid="ignore"):
        step = above - below
    return np.where(share < 0.5, below + step * share, above - step * (1.0 - share))
