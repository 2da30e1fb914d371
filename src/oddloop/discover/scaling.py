"""Standardisation: every column gets mean 0 and standard deviation 1 over the scenes that have a value.

z = (x - mean) / std. A column that is the same everywhere, or missing everywhere, tells scenes apart in no way and
becomes 0. A missing value becomes 0 after scaling: the scene counts as average in that respect. Time O(n d);
memory that of the result.
"""

from __future__ import annotations

import numpy as np

from oddloop.discover.arrays import Floats

_CONSTANT = 1e-12
"""A column whose spread is below this share of its largest value is constant but for rounding."""
_COLUMNS = 16
"""Columns handled at a time: the steps between need memory for these only."""


def standardise(values: Floats) -> Floats:
    """Scale each column to mean 0 and standard deviation 1.

    Args:
        values: (n, d) float64 in any units; NaN is missing.

    Returns:
        (n, d) float64 without unit, finite; constant and wholly missing columns, and missing values, are 0.

    >>> standardise(np.array([[1.0, 7.0], [3.0, 7.0], [np.nan, 7.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """
    scaled = np.empty(values.shape)
    for start in range(0, values.shape[1], _COLUMNS):
        scaled[:, start : start + _COLUMNS] = _standardise(values[:, start : start + _COLUMNS])
    return scaled


def _standardise(values: Floats) -> Floats:
    present = np.isfinite(values)
    filled = np.where(present, values, 0.0)
    # To a largest value near 1 first, so that squares neither overflow nor vanish; powers of two round nothing.
    exponent = np.frexp(np.abs(filled).max(axis=0, initial=0.0))[1]
    filled = np.ldexp(filled, -exponent)
    count = np.maximum(present.sum(axis=0), 1)
    filled = np.where(present, filled - filled.sum(axis=0) / count, 0.0)
    spread = np.sqrt(np.einsum("ij,ij->j", filled, filled) / count)
    varies = spread > _CONSTANT
    return np.where(varies, filled / np.where(varies, spread, 1.0), 0.0)
