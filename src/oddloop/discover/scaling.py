"""Robust scaling: every column gets median 0 and quartiles about 1.35 apart, and every block its share of variance.

z = (x - median) / (interquartile range / 1.349), the standard deviation of a normal column. Where more than half of the
values are alike the range is 0 and the standard deviation stands in; a column that is the same everywhere, or missing
everywhere, tells scenes apart in no way and becomes 0. Values beyond `CLIP` are cut, so that one broken sensor does not
make a direction of its own. A missing value becomes 0: the scene counts as average in that respect. Time O(n d log n);
memory that of the result.
"""

from __future__ import annotations

import numpy as np

from oddloop.discover.arrays import Floats

CLIP = 5.0
_NORMAL_RANGE = 1.3489795003921634
_CONSTANT = 1e-12
"""A column whose spread is below this share of its largest value is constant but for rounding."""


def scale_columns(values: Floats) -> Floats:
    """Scale each column robustly.

    Args:
        values: (n, d) float64 in any units; NaN and infinity are missing.

    Returns:
        (n, d) float64 without unit, in [-5, 5]; constant and wholly missing columns, and missing values, are 0.

    >>> scale_columns(np.array([[1.0, 7.0], [3.0, 7.0], [2.0, 7.0], [np.nan, 7.0]]))[:, 0].round(3).tolist()
    [-1.349, 1.349, 0.0, 0.0]
    """
    scaled = np.zeros(values.shape)
    for j in range(values.shape[1]):
        scaled[:, j] = _scale(values[:, j])
    return scaled


def _scale(column: Floats) -> Floats:
    present = np.isfinite(column)
    known = column[present]
    if not len(known):
        return np.zeros(len(column))
    # To a largest value near 1 first, so that squares neither overflow nor vanish; powers of two round nothing.
    exponent = -int(np.frexp(np.abs(known).max())[1])
    known = np.ldexp(known, exponent)
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75])
    spread = (high - low) / _NORMAL_RANGE
    if spread <= _CONSTANT:
        median, spread = float(known.mean()), float(known.std())
    if spread <= _CONSTANT:
        return np.zeros(len(column))
    result = np.zeros(len(column))
    result[present] = np.clip((known - median) / spread, -CLIP, CLIP)
    return result


def weigh_block(scaled: Floats, weight: float) -> Floats:
    """Scale a block so that its columns' variances sum to its weight, however many columns it has.

    >>> weigh_block(np.array([[-1.0, -1.0], [1.0, 1.0]]), 8.0).round(9).tolist()
    [[-2.0, -2.0], [2.0, 2.0]]
    """
    variance = float(scaled.var(axis=0).sum()) if len(scaled) else 0.0
    return scaled * np.sqrt(weight / variance) if variance > 0 else scaled
