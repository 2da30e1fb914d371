"""Local outlier factor: how much sparser it is around a row than around its nearest training rows.

    reach(a, b) = max(|a - b|, distance of b to its own k-th neighbour)
    density(a)  = 1 / mean of reach(a, b) over the k nearest training rows b
    ood_lof     = mean of density(b) / density(a)                    above 0, about 1 inside

Columns are standardised by the training rows' mean and deviation first (a constant column only centred), since
distances depend on units. Equals `sklearn.neighbors.LocalOutlierFactor(novelty=True)`, negated, on standardised rows,
its 1e-10 in the density included: more than k rows at one point make scores up to 1e10 beside it.

Time O((n + N) n d) at worst, near (n + N) log n for few columns (k-d tree); memory O(n (d + k)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.ood.arrays import as_matrix, score_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class LofStatistics(Statistics):
    """Training rows and their densities.

    Attributes:
        mean: (d,) float64.
        deviation: (d,) float64, above 0.
        rows: (n,d) float64, standardised.
        reach: (n,) float64 distance to the k-th neighbour.
        density: (n,) float64.
        k: neighbours; below n.
    """

    NAME: ClassVar[str] = "lof"

    mean: FloatArray
    deviation: FloatArray
    rows: FloatArray
    reach: FloatArray
    density: FloatArray
    k: int


def fit_lof(training: TrainingSet, k: int = 20) -> LofStatistics:
    """Measure how dense the training rows stand.

    Args:
        training: (n,d) telemetry of the scenes that the model was trained on, 2 rows or more.
        k: neighbours, 1 or more; n - 1 where there are fewer.

    Raises:
        TableError: k is below 1, or there is one row only.

    References:
        Breunig et al., LOF: identifying density-based local outliers, 2000.

    >>> from oddloop.score.ood import training_set
    >>> source, scenes = Source("m1", "telemetry"), list("abcd")
    >>> stats = fit_lof(training_set([[0.0], [1.0], [2.0], [3.0]], scenes, scenes, source), k=1)
    >>> score_lof(stats, [[1.5], [5.0]], source=source).round(4)  # reach 1, then 2, where neighbours have 1
    array([1., 2.])
    """
    if k < 1:
        raise TableError(f"lof: k must be 1 or more; got {k}")
    features = training.features.astype(np.float64)
    if len(features) < 2:
        raise TableError("lof needs two training rows or more; got 1")
    deviation = features.std(axis=0)
    # Rounding leaves a constant column a deviation, and would blow it up; what is below `tiny` has no digits.
    deviation[(np.ptp(features, axis=0) == 0) | (deviation < np.finfo(np.float64).tiny)] = 1.0
    rows = (features - features.mean(axis=0)) / deviation
    used = min(k, len(rows) - 1)
    distances, neighbours = _tree(rows).kneighbors(n_neighbors=used)
    reach = distances[:, -1]
    fields = {"mean": features.mean(axis=0), "deviation": deviation, "rows": rows, "reach": reach}
    return LofStatistics(**origin_of(training), **fields, density=_densities(distances, neighbours, reach), k=used)


def score_lof(stats: LofStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Compare the density about each row with that about its neighbours.

    Args:
        stats: from `fit_lof`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64 above 0, larger is more anomalous; NaN where a number is not finite.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    tree = _tree(stats.rows)

    def score(block: FloatArray) -> FloatArray:
        standard = (block - stats.mean) / stats.deviation
        result, good = np.full(len(block), np.nan), np.isfinite(standard).all(axis=1)
        if good.any():
            distances, neighbours = tree.kneighbors(standard[good], n_neighbors=stats.k)
            own = _densities(distances, neighbours, stats.reach)
            result[good] = stats.density[neighbours].mean(axis=1) / own
        return result

    return score_rows(matrix, score)


def _densities(distances: FloatArray, neighbours: IntArray, reach: FloatArray) -> FloatArray:
    densities: FloatArray = 1.0 / (np.maximum(distances, reach[neighbours]).mean(axis=1) + 1e-10)
    return densities


def _tree(rows: FloatArray) -> Any:
    # Imported here: `import oddloop.score` must stay light.
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors().fit(rows)
