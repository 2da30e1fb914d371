"""Vectors in two precisions: float32 to discard with, float64 to decide with.

Squared distances by matrix product, |x|^2 + |c|^2 - 2 x.c, run at the speed of BLAS but lose digits where points are
close to each other and far from the origin. So they only ever give a lower bound here, from centred float32 copies;
whatever the bound cannot rule out is measured again by plain float64 differences. Scaling by a power of two keeps the
squares of huge and of tiny numbers in range and rounds nothing. Memory: one float32 copy, and none where the vectors
are float32 and about centred already, as scene vectors are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.pool import Floats, Vectors

Floats32 = npt.NDArray[np.float32]
_BLOCK = 1 << 18
"""Numbers handled at a time: 1 MB of float32, which stays in the processor's cache."""
_PLAIN = (2.0**-20, 2.0**20)
"""Largest values within these bounds need no scaling."""


@dataclass(frozen=True)
class Frame:
    """A shift and a scale common to all vectors that are compared.

    Attributes:
        shift: (d,) float64, subtracted after scaling, before rounding to float32.
        scale: power of two that vectors are divided by.
    """

    shift: Floats
    scale: float

    @staticmethod
    def of(points: Vectors, others: Vectors) -> Frame:
        """Frame in which `points` are centred and neither set overflows."""
        largest = max(_largest(points), _largest(others))
        plain = largest == 0 or _PLAIN[0] <= largest <= _PLAIN[1]
        scale = 1.0 if plain else float(np.ldexp(1.0, _exponent(largest)))
        shift = scaled_mean(points, scale)
        if points.dtype == np.float32 and scale == 1.0 and shift @ shift <= _spread(points, shift):
            shift = np.zeros_like(shift)  # near enough to the origin: use the vectors as they are, without a copy
        return Frame(shift, scale)

    def exact(self, vectors: Vectors) -> Floats:
        """Scaled float64; differences of these are as exact as the input."""
        return np.divide(vectors, self.scale, dtype=np.float64)

    def scan(self, vectors: Vectors) -> Floats32:
        """Scaled, centred float32; the vectors themselves where that changes nothing."""
        if vectors.dtype == np.float32 and self.scale == 1.0 and not self.shift.any():
            return np.ascontiguousarray(vectors)
        copy = np.empty(vectors.shape, dtype=np.float32)
        for part in blocks(len(vectors), vectors.shape[1]):
            copy[part] = self.exact(vectors[part]) - self.shift
        return copy


def check_vectors(vectors: npt.ArrayLike, name: str) -> Vectors:
    """Vectors as an (n, d) float array of the width that they have.

    Raises:
        TableError: not two-dimensional, without columns, or not finite.
    """
    values = np.asarray(vectors)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if values.ndim != 2 or (len(values) and not values.shape[1]):
        raise TableError(f"{name} must be one row of numbers per scene; got shape {values.shape}")
    if not np.isfinite(_largest(values)):
        row = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise TableError(f"{name} must be finite; row {row} holds NaN or infinity")
    return values


def blocks(n: int, width: int) -> Iterator[slice]:
    """Consecutive slices of `n` rows that are `width` numbers wide, each small enough for the cache."""
    rows = max(_BLOCK // max(width, 1), 1)
    return (slice(start, min(start + rows, n)) for start in range(0, n, rows))


def squared_norms(vectors: Vectors) -> Floats32:
    """(n,) squared length of each row."""
    return np.asarray(np.einsum("ij,ij->i", vectors, vectors), dtype=np.float32)


def lower_bounds(scan: Floats32, sq_norm: Floats32, centre: Floats32, sq_centre: np.float32) -> Floats32:
    """(n,) numbers that no true squared distance to `centre` is below.

    The float32 dot product of d terms is off by at most (d + 1) eps |x| |c| (Higham 2002, §3.1), rounding the vectors
    adds 2 eps |x| |c|, and |x| |c| <= (|x|^2 + |c|^2) / 2; the rest of the 16 eps covers the norms and the sums.
    """
    slack = np.float32(1.0 - (scan.shape[1] + 16) * np.finfo(np.float32).eps)
    bound = scan @ (centre * np.float32(-2.0))
    bound += (sq_norm + sq_centre) * slack
    return bound


def squared_differences(rows: Floats, other: Floats) -> Floats:
    """(n,) squared distance of each row to the same row of `other`, or to `other` where that is one vector."""
    difference = rows - other
    return np.asarray(np.einsum("ij,ij->i", difference, difference))


def scaled_mean(points: Vectors, scale: float) -> Floats:
    """(d,) mean of the rows, after division by `scale`; 0 without rows."""
    total = np.zeros(points.shape[1])
    for part in blocks(*points.shape):
        total += np.divide(points[part], scale, dtype=np.float64).sum(axis=0)
    return total / max(len(points), 1)


def _largest(vectors: Vectors) -> float:
    # Minimum and maximum pass NaN on and need no copy, unlike abs() and isfinite().
    return float(max(vectors.max(), -vectors.min())) if vectors.size else 0.0


def _exponent(value: float) -> int:
    return min(int(np.frexp(value)[1]), 1023)


def _spread(points: Vectors, mean: Floats) -> float:
    """Mean squared distance to the mean."""
    total = sum(float(np.vdot(block, block)) for block in (points[part] for part in blocks(*points.shape)))
    return total / len(points) - float(mean @ mean) if len(points) else 0.0
