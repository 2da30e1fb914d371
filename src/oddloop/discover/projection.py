"""Principal components of the standardised scene matrix (Pearson 1901; Jolliffe 2002).

An exact decomposition, with each component's sign fixed so that its largest loading is positive (scikit-learn's
`svd_flip`): same rows in the same order, same result. Time O(n d^2) for n >= d and O(n^2 d) below; memory O(n d + d^2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.discover.arrays import Floats

_NO_VARIANCE = 1e-12
"""Components below this share of the variance are rounding, and are dropped."""


@dataclass(frozen=True)
class Projection:
    """Scenes in the space of principal components.

    Attributes:
        coordinates: (n, k) float64, centred; distances in it are distances between scenes.
        explained: (k,) share of the variance that each component holds, falling.
    """

    coordinates: Floats
    explained: Floats


def project(values: Floats, n_components: int) -> Projection:
    """Project rows on their first principal components.

    Args:
        values: (n, d) float64, finite, standardised.
        n_components: components to keep, at most; fewer where the data has fewer directions, at least one.

    Returns:
        the projection; a single row, or rows that are all alike, are all at 0 in one component.

    >>> project(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]), 2).coordinates.ravel().round(9).tolist()
    [-5.0, 0.0, 5.0]
    """
    n, d = values.shape
    if n < 2 or not np.ptp(values, axis=0).any():
        return Projection(np.zeros((n, 1)), np.zeros(1))
    from sklearn.decomposition import PCA  # here: slow to load

    pca = PCA(min(n_components, n, d), svd_solver="covariance_eigh" if n >= d else "full")
    coordinates = pca.fit_transform(values)
    explained = pca.explained_variance_ratio_
    kept = explained > _NO_VARIANCE
    return Projection(coordinates[:, kept], explained[kept])
