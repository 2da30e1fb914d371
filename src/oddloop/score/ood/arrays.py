"""Feature matrices in blocks: what can be scored, and the direction of a vector.

Blocks bound the memory; every block is float64, whatever came in. A row that holds NaN or an infinity is never scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray
from oddloop.score.foreign import to_numpy

_BLOCK = 1 << 21
"""Numbers per block: 16 MB in float64."""
LARGEST = 1e60
"""Training rows beyond this count as not finite: fourth powers of what is below it do not overflow."""
Scorer = Callable[[FloatArray], FloatArray]
"""(B,d) finite float64 rows to (B,) scores."""


def as_matrix(values: npt.ArrayLike, what: str, width: int | None = None) -> AnyFloats:
    """The matrix as it is, without a copy.

    Args:
        values: (N,d) float16, float32 or float64.
        what: names it in the message.
        width: d, where it must be a certain one.

    Raises:
        ValueError: it holds no floats, is not two-dimensional, or has another width.

    >>> as_matrix([[1.0, 2.0]], "features").shape
    (1, 2)
    """
    matrix = to_numpy(values)
    if matrix.dtype not in (np.float16, np.float32, np.float64):
        raise ValueError(f"{what} must be float16, float32 or float64; got {matrix.dtype}; convert them first")
    if matrix.ndim != 2:
        raise ValueError(f"{what} must be rows x columns; got shape {matrix.shape}")
    if width is not None and matrix.shape[1] != width:
        raise ValueError(f"{what} must have {width} columns, as those that were fitted; got {matrix.shape[1]}")
    return matrix


def blocks(matrix: AnyFloats) -> Iterator[tuple[slice, FloatArray]]:
    """(rows, float64 copy) of each block of rows."""
    size = max(_BLOCK // max(matrix.shape[1], 1), 1)
    for start in range(0, len(matrix), size):
        rows = slice(start, min(start + size, len(matrix)))
        yield rows, matrix[rows].astype(np.float64, order="C")


def score_rows(matrix: AnyFloats, score: Scorer, *, normalised: bool = False) -> FloatArray:
    """Score the rows that can be scored.

    Args:
        matrix: (N,d) features.
        score: scores finite rows; what it cannot say is NaN or infinite.
        normalised: hand over rows of length 1; a row of zeros has no direction and is not scored.

    Returns:
        (N,) float64, finite or NaN.
    """
    result = np.full(len(matrix), np.nan)
    for rows, block in blocks(matrix):
        good = usable_rows(block, normalised)
        if good.any():
            kept = unit_rows(block[good]) if normalised else block[good]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                result[rows.start + np.flatnonzero(good)] = score(kept)
    result[~np.isfinite(result)] = np.nan
    return result


def usable_rows(matrix: AnyFloats, normalised: bool = False) -> BoolArray:
    """(N,) whether all of a row is finite, and, where rows are to have length 1, not all of it 0."""
    good = np.isfinite(matrix).all(axis=1)
    if normalised:
        good = good & (matrix != 0).any(axis=1)
    return np.asarray(good, np.bool_)


def unit_rows(rows: FloatArray) -> FloatArray:
    """(N,d) rows of length 1; no row may be all zero.

    >>> unit_rows(np.array([[3.0, 4.0], [3e300, 4e300]]))
    array([[0.6, 0.8],
           [0.6, 0.8]])
    """
    scaled = scale_rows(rows)
    lengths: FloatArray = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    units: FloatArray = scaled / lengths[:, None]
    return units


def scale_rows(rows: AnyFloats) -> AnyFloats:
    """(N,d) rows times a power of 2, so that the largest number is in [1/2, 1): exact, and squares do not overflow."""
    _, exponents = np.frexp(np.abs(rows).max(axis=1, initial=0.0))
    scaled: AnyFloats = np.ldexp(rows, -exponents[:, None])
    return scaled
