"""Methods by name, for teams that want them: k-means, DBSCAN and HDBSCAN, each a flat partition."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.config import ClusterConfig

Ints = npt.NDArray[np.int64]


def label_by_name(points: npt.NDArray[np.float32], config: ClusterConfig, seed: int) -> Ints:
    """(n,) labels of the method that `config.method` names, -1 for none; by scikit-learn and hdbscan."""
    if config.method == "kmeans":
        return _kmeans(points, min(config.n_clusters, len(points)), seed)
    if config.method == "dbscan":
        from sklearn.cluster import DBSCAN  # here: slow to load

        found: Ints = DBSCAN(eps=config.eps, min_samples=config.min_samples).fit_predict(points).astype(np.int64)
        return found
    return _hdbscan(points, config)


def _kmeans(points: npt.NDArray[np.float32], k: int, seed: int) -> Ints:
    from sklearn.cluster import KMeans  # here: slow to load
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # sums of several threads differ in the last digit, and that may move a row
        labels: Ints = KMeans(k, n_init=1, random_state=seed).fit_predict(points.astype(np.float64)).astype(np.int64)
    return labels


def _hdbscan(points: npt.NDArray[np.float32], config: ClusterConfig) -> Ints:
    import hdbscan  # here: slow to load

    if len(points) < max(config.min_scenes, 2):
        return np.full(len(points), -1, dtype=np.int64)
    model = hdbscan.HDBSCAN(
        min_cluster_size=max(config.min_scenes, 2), min_samples=config.min_samples, approx_min_span_tree=False
    )
    labels: Ints = model.fit_predict(points.astype(np.float64)).astype(np.int64)
    return labels
