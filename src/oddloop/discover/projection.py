"""Principal components of the standardised scene matrix (Pearson 1901; Jolliffe 2002).

An exact decomposition, with each component's sign fixed so that its largest loading is positive (scikit-learn's
`svd_flip`): same rows in the same order, same result, whatever the number of threads. Time O(n d^2) for n >= d and
O(n^2 d) below; memory O(n d + d^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.compiled import import_loops
from oddloop.discover.arrays import Floats

_NO_VARIANCE = 1e-12
"""Components below this share of the variance are rounding, and are dropped."""
_ROWS = 2048
"""Rows projected at a time: half a megabyte at 32 components, which stays in the processor's cache."""


@dataclass(frozen=True, eq=False)
class Components:
    """The space of principal components.

    Attributes:
        mean: (d,) what is taken off each row.
        loadings: (k, d) directions, of length 1 and square to each other.
        explained: (k,) share of the variance that each component holds, falling.
    """

    mean: Floats
    loadings: Floats
    explained: Floats

    def place(self, values: Floats) -> Floats:
        """Project (n, d) rows; returns (n, k) float64, in which distances are distances between rows.

        A row's result depends on that row alone, to the last bit: products of matrices would not promise that, since
        how their sums are ordered depends on how many rows there are.
        """
        placed = np.zeros((len(values), len(self.loadings)))
        by_column, loops = np.ascontiguousarray(self.loadings.T), import_loops("oddloop.discover.loops")
        if loops is not None:
            loops.project_rows(np.ascontiguousarray(values), self.mean, by_column, placed)
            return placed
        for start in range(0, len(values), _ROWS):
            part, sums = values[start : start + _ROWS] - self.mean, placed[start : start + _ROWS]
            for column, loading in zip(part.T, by_column, strict=True):
                sums += column[:, None] * loading
        return placed


def fit_components(values: Floats, n_components: int) -> Components:
    """Find the first principal components.

    Args:
        values: (n, d) float64, finite, standardised.
        n_components: components to keep, at most; fewer where the data has fewer directions, at least one.

    Returns:
        the components; a single row, or rows that are all alike, are all at 0 in one component.

    >>> rows = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
    >>> fit_components(rows, 2).place(rows).ravel().round(9).tolist()
    [-5.0, 0.0, 5.0]
    """
    n, d = values.shape
    if n < 2 or not np.ptp(values, axis=0).any():
        return Components(np.zeros(d), np.zeros((1, d)), np.zeros(1))
    from sklearn.decomposition import PCA  # here: slow to load
    from threadpoolctl import threadpool_limits

    pca = PCA(min(n_components, n, d), svd_solver="covariance_eigh" if n >= d else "full")
    with threadpool_limits(1):  # sums of several threads differ in the last digit, and so would the digest of a basis
        pca.fit(values)
    kept = pca.explained_variance_ratio_ > _NO_VARIANCE
    return Components(pca.mean_, pca.components_[kept], pca.explained_variance_ratio_[kept])
