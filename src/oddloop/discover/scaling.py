"""Robust scaling: every column gets median 0 and quartiles about 1.35 apart, and every block its share of variance.

z = (x - median) / (interquartile range / 1.349), the standard deviation of a normal column. Where more than half of the
values are alike the range is 0 and the standard deviation stands in; a column that is the same everywhere, or missing
everywhere, tells scenes apart in no way and becomes 0. Values beyond `CLIP` are cut, so that one broken sensor does not
make a direction of its own. A missing value becomes 0: the scene counts as average in that respect. Time O(n d log n);
memory that of the result.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oddloop.discover.arrays import Floats, Ints

CLIP = 5.0
_NORMAL_RANGE = 1.3489795003921634
_CONSTANT = 1e-12
"""A column whose spread is below this share of its largest value is constant but for rounding."""


class ColumnScale(NamedTuple):
    """How (d,) columns are scaled: z = (x 2^exponent - centre) / spread; a column of spread 0 says nothing and is 0."""

    exponent: Ints
    centre: Floats
    spread: Floats

    def apply(self, values: Floats) -> Floats:
        """Scale (n, d) values; a row's result depends on that row alone, to the last bit.

        Returns:
            (n, d) float64 without unit, in [-5, 5]; constant and wholly missing columns, and missing values, are 0.
        """
        says = (self.spread > 0) & np.isfinite(values)
        with np.errstate(over="ignore", invalid="ignore"):  # beyond the largest number is beyond CLIP, too
            moved = np.ldexp(values, self.exponent) - self.centre
            scaled = np.clip(np.divide(moved, self.spread, out=np.zeros(values.shape), where=says), -CLIP, CLIP)
        return np.where(says, scaled, 0.0)


def fit_scale(values: Floats) -> ColumnScale:
    """Find centre and spread of each column.

    Args:
        values: (n, d) float64 in any units; NaN and infinity are missing.

    >>> scale = fit_scale(np.array([[1.0, 7.0], [3.0, 7.0], [2.0, 7.0], [np.nan, 7.0]]))
    >>> scale.apply(np.array([[3.0, 7.0], [np.nan, 9.0]])).round(3).tolist()
    [[1.349, 0.0], [0.0, 0.0]]
    """
    fitted = [_fit(values[:, j]) for j in range(values.shape[1])]
    exponent, centre, spread = zip(*fitted, strict=True) if fitted else ((), (), ())
    return ColumnScale(np.array(exponent, dtype=np.int64), np.array(centre, dtype=float), np.array(spread, dtype=float))


def _fit(column: Floats) -> tuple[int, float, float]:
    known = column[np.isfinite(column)]
    if not len(known):
        return 0, 0.0, 0.0
    # To a largest value near 1 first, so that squares neither overflow nor vanish; powers of two round nothing.
    exponent = -int(np.frexp(np.abs(known).max())[1])
    known = np.ldexp(known, exponent)
    low, centre, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = (high - low) / _NORMAL_RANGE
    if spread <= _CONSTANT:
        centre, spread = known.mean(), known.std()
    return exponent, float(centre), float(spread) if spread > _CONSTANT else 0.0


def block_factor(scaled: Floats, weight: float) -> float:
    """Find the factor that makes the variances of a block's columns sum to its weight, however many columns it has.

    >>> block_factor(np.array([[-1.0, -1.0], [1.0, 1.0]]), 8.0)
    2.0
    """
    variance = float(scaled.var(axis=0).sum()) if len(scaled) else 0.0
    return float(np.sqrt(weight / variance)) if variance > 0 else 1.0
