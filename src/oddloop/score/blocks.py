"""Rows of probabilities in blocks that stay in the cache, classes outside; shared by the measures on arrays.

With the classes on an outer axis every reduction over them runs along the rows, eight rows at a time. Memory is one
float64 block, whatever the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oddloop.score.arrays import AnyFloats, FloatArray

SUM_TOLERANCE = 1e-3
"""How far a row's sum may be off 1: float16 rounding stays within half of it."""
_BLOCK = 40_960
_TINY = float(np.finfo(np.float64).tiny)


def blocks(rows: AnyFloats) -> Iterator[tuple[int, FloatArray]]:
    """(first row, (K,B) float64 copy) of each block of (N,K) rows.

    No block has B = 1, a lone row is doubled: NumPy would add its classes in another order than its neighbours', and
    the last bit of a row must not depend on how the rows are cut into batches.

    >>> [(start, block.shape) for start, block in blocks(np.ones((3, 2)))]
    [(0, (2, 3))]
    """
    n_rows, n_classes = rows.shape
    size = max(_BLOCK // n_classes, 2)
    for start in range(0, n_rows, size):
        block = rows[start : start + size]
        if len(block) == 1:
            block = np.repeat(block, 2, axis=0)
        yield start, block.T.astype(np.float64, order="C")


def class_sums(block: FloatArray) -> FloatArray:
    """(...,B) sums of the classes of a (...,K,B) block, near 1; NaN where a row is not a distribution.

    >>> class_sums(np.array([[0.5, 0.7], [0.5, 0.7]]))
    array([ 1., nan])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sums: FloatArray = block.sum(axis=-2)
        valid = (np.abs(sums - 1.0) <= SUM_TOLERANCE) & (block.min(axis=-2) >= 0)
    return np.where(valid, sums, np.nan)


def minus_p_log_q(p: FloatArray, q: FloatArray) -> FloatArray:
    """(...,B) sums over the classes of -p ln q, both (...,K,B), in nats; 0·ln 0 = 0.

    >>> minus_p_log_q(np.array([[0.0], [1.0]]), np.array([[0.0], [0.5]])).round(4)
    array([0.6931])
    """
    logs = np.maximum(q, _TINY)
    np.log(logs, out=logs)
    logs = logs * p if logs.shape != p.shape else np.multiply(logs, p, out=logs)
    result: FloatArray = 0.0 - logs.sum(axis=-2)
    return result
