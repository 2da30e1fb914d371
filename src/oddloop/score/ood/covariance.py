"""A shrunk covariance, and the whitening that makes it the unit matrix.

    covariance = (1 - s) S / n + s m I,  S the scatter, m the mean variance, s the shrinkage of Ledoit and Wolf

Everything is float64. Time O(n d² + d³), memory O(d²) beside the features, which are read in blocks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.ood.arrays import blocks, unit_rows


class Whitening(NamedTuple):
    """Attributes: (d,d) matrix W with W Wᵀ the inverse covariance, and the shrinkage used."""

    matrix: FloatArray
    shrinkage: float


def class_means(features: AnyFloats, classes: IntArray, normalised: bool) -> FloatArray:
    """(C,d) mean of each class."""
    counts = np.bincount(classes)
    sums = np.zeros((len(counts), features.shape[1]))
    for rows, block in blocks(features):
        codes = classes[rows]
        order = np.argsort(codes, kind="stable")
        present, starts = np.unique(codes[order], return_index=True)
        sums[present] += np.add.reduceat(_rows(block, normalised)[order], starts, axis=0)
    means: FloatArray = sums / counts[:, None]
    return means


def whiten(
    features: AnyFloats, centres: FloatArray, classes: IntArray, normalised: bool, shrinkage: float | None
) -> Whitening:
    """Whiten the differences of rows to the centres of their classes.

    Args:
        features: (n,d) finite floats.
        centres: (C,d) float64.
        classes: (n,) class of each row.
        normalised: take rows at length 1.
        shrinkage: in [0, 1]; None: as Ledoit and Wolf estimate it.

    Raises:
        TableError: the shrinkage is out of its range, or the shrunk covariance has no inverse.

    References:
        Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices, 2004.
    """
    if shrinkage is not None and not 0 <= shrinkage <= 1:
        raise TableError(f"shrinkage must be between 0 and 1; got {shrinkage}")
    covariance, fourth = np.zeros((features.shape[1],) * 2), 0.0
    for rows, block in blocks(features):
        residuals = _rows(block, normalised) - centres[classes[rows]]
        covariance += residuals.T @ residuals
        fourth += float((np.einsum("ij,ij->i", residuals, residuals) ** 2).sum())
    n_rows, width = features.shape
    covariance /= n_rows
    mean_variance = float(np.trace(covariance)) / max(width, 1)
    used = ledoit_wolf_shrinkage(covariance, fourth / n_rows, n_rows) if shrinkage is None else shrinkage
    shrunk = (1.0 - used) * covariance + used * mean_variance * np.eye(width)
    return Whitening(_inverse_root(shrunk, used), used)


def ledoit_wolf_shrinkage(covariance: FloatArray, mean_fourth: float, n_rows: int) -> float:
    """Estimate the best shrinkage of a covariance towards its mean variance.

    Args:
        covariance: (d,d) mean of x xᵀ over the n rows.
        mean_fourth: mean of |x|⁴ over the rows.
        n_rows: n.

    Returns:
        In [0, 1]; 0 for one column, and for rows that do not vary.

    >>> ledoit_wolf_shrinkage(np.diag([1.0, 4.0]), 20.0, 4)
    0.16666666666666666
    """
    width = len(covariance)
    squares = float((covariance**2).sum())
    spread = squares - float(np.trace(covariance)) ** 2 / max(width, 1)
    error = (mean_fourth - squares) / n_rows
    if width < 2 or spread <= 0 or error <= 0:
        return 0.0
    return min(error / spread, 1.0)


def _rows(block: FloatArray, normalised: bool) -> FloatArray:
    return unit_rows(block) if normalised else block


def _inverse_root(covariance: FloatArray, shrinkage: float) -> FloatArray:
    values, vectors = np.linalg.eigh(covariance)
    smallest = np.finfo(np.float64).eps * len(values) * max(float(values.max(initial=0.0)), 0.0)
    n_flat = int((values <= smallest).sum())
    if n_flat or not len(values):
        raise TableError(
            f"the covariance of the training features has no inverse: they do not vary in {n_flat} of {len(values)} "
            f"directions (shrinkage {shrinkage:.3g}); give more rows, drop constant columns, or set `shrinkage` above 0"
        )
    root: FloatArray = vectors / np.sqrt(values)
    return root
