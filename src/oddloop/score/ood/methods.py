"""Which statistics there are, and what scores with them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.ood.activations import ReactStatistics, ScaleStatistics, score_react, score_scale
from oddloop.score.ood.ecod import EcodStatistics, score_ecod
from oddloop.score.ood.forest import ForestStatistics, score_iforest
from oddloop.score.ood.guidance import NnguideStatistics, score_nnguide
from oddloop.score.ood.lof import LofStatistics, score_lof
from oddloop.score.ood.mahalanobis import MahalanobisStatistics, RelativeMahalanobisStatistics, score_mahalanobis
from oddloop.score.ood.neighbours import KnnStatistics, score_knn
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics
from oddloop.score.ood.vim import VimStatistics, score_vim


class Score(Protocol):
    """Features to scores, larger = more anomalous; a row's score depends on that row and the statistics only."""

    def __call__(self, stats: Statistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
        """Score the rows."""


class Method(NamedTuple):
    """The class of a method's statistics, and its score."""

    statistics: type[Statistics]
    score: Score


METHODS: dict[str, Method] = {
    "knn": Method(KnnStatistics, score_knn),  # type: ignore[arg-type]
    "mahalanobis": Method(MahalanobisStatistics, score_mahalanobis),  # type: ignore[arg-type]
    "relative_mahalanobis": Method(RelativeMahalanobisStatistics, score_mahalanobis),  # type: ignore[arg-type]
    "vim": Method(VimStatistics, score_vim),  # type: ignore[arg-type]
    "react": Method(ReactStatistics, score_react),  # type: ignore[arg-type]
    "scale": Method(ScaleStatistics, score_scale),  # type: ignore[arg-type]
    "nnguide": Method(NnguideStatistics, score_nnguide),  # type: ignore[arg-type]
    "iforest": Method(ForestStatistics, score_iforest),  # type: ignore[arg-type]
    "lof": Method(LofStatistics, score_lof),  # type: ignore[arg-type]
    "ecod": Method(EcodStatistics, score_ecod),  # type: ignore[arg-type]
}
"""By `Statistics.NAME`."""


def score_features(stats: Statistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Score features with fitted statistics of any method.

    Args:
        stats: from any `fit_*`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a row cannot be scored.

    Raises:
        TableError: the statistics are of another source; the message names both digests.
        ValueError: `features` holds no floats, or has another width than the training rows.

    >>> from oddloop.score.ood import fit_ecod, training_set
    >>> source = Source("m1", "layer4")
    >>> stats = fit_ecod(training_set([[1.0], [2.0]], ["a", "b"], ["a", "b"], source))
    >>> score_features(stats, [[2.0]], source=source).round(4)
    array([0.4055])
    >>> score_features(stats, [[2.0]], source=Source("m2", "layer4"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    oddloop.errors.TableError: ecod statistics ... were fitted to model `m1`, ..., but the features are of model `m2`...
    """
    return METHODS[stats.NAME].score(stats, features, source=source)
