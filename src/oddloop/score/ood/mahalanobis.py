"""Mahalanobis scores: how far a row is from the nearest class, in units of how rows spread about their classes.

    d_c(z) = (z - m_c)ᵀ S⁻¹ (z - m_c), m_c the mean of class c, S the one covariance about all class means
    ood_mahalanobis          = min over c of d_c(z)                                      [0, inf)
    ood_relative_mahalanobis = min over c of d_c(z) - d_0(z), d_0 of all rows as one     any number
    ood_..._pp               the same with all rows at length 1 first ("++")

Squared distances. S is shrunk (`covariance`), since n is seldom much larger than d in every class. Without classes all
rows are one class, where the relative score would be 0 everywhere and is refused. With shrinkage 0 the scores do not
change under any invertible affine map of the features (without "++").

All is float64. Fit O(n d² + d³), score O(N d² + N d C); memory O(d² + C d) beside the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.ood.arrays import as_matrix, score_rows, usable_rows
from oddloop.score.ood.covariance import class_means, whiten
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class MahalanobisStatistics(Statistics):
    """Class means and the covariance about them.

    Attributes:
        mean: (d,) float64 mean of all rows.
        whitening: (d,d) float64 W with W Wᵀ = S⁻¹.
        centres: (C,d) float64 class means, less `mean`, times W.
        shrinkage: that of S.
        normalised: whether rows are taken at length 1.
    """

    NAME: ClassVar[str] = "mahalanobis"

    mean: FloatArray
    whitening: FloatArray
    centres: FloatArray
    shrinkage: float
    normalised: bool

    @property
    def method(self) -> str:
        """`mahalanobis` or `mahalanobis_pp`."""
        return self.NAME + ("_pp" if self.normalised else "")


@dataclass(frozen=True, eq=False)
class RelativeMahalanobisStatistics(MahalanobisStatistics):
    """The same, and the covariance of all rows about their mean.

    Attributes:
        background: (d,d) float64 W_0 with W_0 W_0ᵀ the inverse of that covariance.
        background_shrinkage: its shrinkage.
    """

    NAME: ClassVar[str] = "relative_mahalanobis"

    background: FloatArray
    background_shrinkage: float


def fit_mahalanobis(
    training: TrainingSet, *, normalise: bool = False, shrinkage: float | None = None
) -> MahalanobisStatistics:
    """Fit class means and their covariance.

    Args:
        training: (n,d) features of the scenes that the model was trained on, with classes or as one.
        normalise: the "++" variant; rows of zeros are then ignored.
        shrinkage: in [0, 1]; None: as Ledoit and Wolf estimate it.

    Raises:
        TableError: the covariance has no inverse, which shrinkage mends unless no two rows differ.

    References:
        Lee et al., A simple unified framework for detecting out-of-distribution samples, 2018 (unshrunk);
        Mueller and Hein, Mahalanobis++, 2025.

    >>> from oddloop.score.ood import training_set
    >>> rows, scenes = [[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]], ["a"] * 4
    >>> source = Source("m1", "layer4")
    >>> stats = fit_mahalanobis(training_set(rows, scenes, ["a"], source), shrinkage=0.0)
    >>> score_mahalanobis(stats, [[1.0, 0.0], [0.0, 1.0]], source=source)  # variances 1/2 and 2
    array([2. , 0.5])
    """
    return MahalanobisStatistics(**_fit(training, normalise, shrinkage))  # type: ignore[arg-type]


def fit_relative_mahalanobis(
    training: TrainingSet, *, normalise: bool = False, shrinkage: float | None = None
) -> RelativeMahalanobisStatistics:
    """Fit class means, their covariance and that of all rows; arguments as `fit_mahalanobis`.

    Raises:
        TableError: there is one class only, or a covariance has no inverse.

    References:
        Ren et al., A simple fix to Mahalanobis distance for improving near-OOD detection, 2021.

    >>> from oddloop.score.ood import training_set
    >>> rows, classes = [[-2.0], [0.0], [2.0], [4.0]], ["a", "a", "b", "b"]
    >>> source = Source("m1", "layer4")
    >>> stats = fit_relative_mahalanobis(training_set(rows, ["s"] * 4, ["s"], source, classes), shrinkage=0.0)
    >>> score_mahalanobis(stats, [[1.0]], source=source)  # means -1 and 3, variances 1 and 5: 4 - 0
    array([4.])
    """
    if not training.classes.any():
        raise TableError("relative Mahalanobis needs two classes or more (with one it is 0 everywhere); give `classes`")
    fitted = _fit(training, normalise, shrinkage)
    rows = training.features[usable_rows(training.features, normalise)]
    one = np.zeros(len(rows), np.int64)
    background = whiten(rows, np.asarray(fitted["mean"])[None], one, normalise, shrinkage)
    return RelativeMahalanobisStatistics(
        **fitted,  # type: ignore[arg-type]
        background=background.matrix,
        background_shrinkage=background.shrinkage,
    )


def score_mahalanobis(stats: MahalanobisStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Measure the squared distance to the nearest class, less that to all rows where the statistics are relative.

    Args:
        stats: from `fit_mahalanobis` or `fit_relative_mahalanobis`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a row is not finite, or all zero for "++".

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)

    def score(block: FloatArray) -> FloatArray:
        centred = block - stats.mean
        distances = _nearest(centred @ stats.whitening, stats.centres)
        if isinstance(stats, RelativeMahalanobisStatistics):
            distances -= _squares(centred @ stats.background)
        return distances

    return score_rows(matrix, score, normalised=stats.normalised)


def _fit(training: TrainingSet, normalised: bool, shrinkage: float | None) -> dict[str, object]:
    kept = usable_rows(training.features, normalised)
    if not kept.any():
        raise TableError("mahalanobis: all training features are zero, and have no direction; check their export")
    rows = training.features[kept]
    classes = np.unique(training.classes[kept], return_inverse=True)[1].reshape(-1)
    means = class_means(rows, classes, normalised)
    whitening = whiten(rows, means, classes, normalised, shrinkage)
    mean = np.bincount(classes) @ means / len(rows)
    return {
        **origin_of(training, len(rows)),
        "mean": mean,
        "whitening": whitening.matrix,
        "centres": (means - mean) @ whitening.matrix,
        "shrinkage": whitening.shrinkage,
        "normalised": normalised,
    }


def _nearest(rows: FloatArray, centres: FloatArray) -> FloatArray:
    """(B,) squared distance to the nearest centre, from the differences: a product only tells which is nearest."""
    nearest = np.argmin(_squares(centres) - 2.0 * rows @ centres.T, axis=1)
    return _squares(rows - centres[nearest])


def _squares(rows: FloatArray) -> FloatArray:
    squares: FloatArray = np.einsum("ij,ij->i", rows, rows)
    return squares
