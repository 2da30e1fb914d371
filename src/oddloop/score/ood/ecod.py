"""ECOD: how far out in the tails of the training scenes a row is, column by column.

    left_j(x)  = (training values <= x, plus 1) / (n + 1)
    right_j(x) = (training values >= x, plus 1) / (n + 1)
    ood_ecod   = sum over j of max(-ln left_j, -ln right_j)         [0, d ln(n + 1)], nats

Fitted on training rows only, so a row's score depends on nothing else in the batch. PyOD refits with all rows to score
appended, so that its scores change with the batch; this is what PyOD gives for one row at a time. (PyOD adds the two
tails where a column's skewness is exactly 0; this does not. Else its skew-chosen tail is one of the two, and the larger
is taken anyway.) The paper takes the larger of three sums over columns; this and PyOD take the larger in each column.

Blind to how columns go together: a row may be odd only as a combination. Fit O(n d log n), score O(N d log n);
memory O(n d).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.ood.arrays import as_matrix, score_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class EcodStatistics(Statistics):
    """Attributes: `values`, (d,n) float64, each column's training values in ascending order."""

    NAME: ClassVar[str] = "ecod"

    values: FloatArray


def fit_ecod(training: TrainingSet) -> EcodStatistics:
    """Sort each column.

    Args:
        training: (n,d) telemetry of the scenes that the model was trained on; units do not matter.

    References:
        Li et al., ECOD: unsupervised outlier detection using empirical cumulative distribution functions, 2022.

    >>> from oddloop.score.ood import training_set
    >>> source = Source("m1", "telemetry")
    >>> stats = fit_ecod(training_set([[1.0], [2.0], [3.0]], ["a", "b", "c"], ["a", "b", "c"], source))
    >>> score_ecod(stats, [[2.0], [9.0], [float("nan")]], source=source).round(4)  # -ln 3/4, -ln 1/4
    array([0.2877, 1.3863,    nan])
    """
    values = np.sort(training.features.T.astype(np.float64), axis=1)
    return EcodStatistics(**origin_of(training), values=values)


def score_ecod(stats: EcodStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Sum the tail of each column.

    Args:
        stats: from `fit_ecod`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64 in nats, larger is more anomalous; NaN where a number is not finite.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    n = stats.values.shape[1]

    def score(block: FloatArray) -> FloatArray:
        total = np.zeros(len(block))
        for column, values in zip(block.T, stats.values, strict=True):
            left = np.searchsorted(values, column, side="right")
            right = n - np.searchsorted(values, column, side="left")
            total += np.log((n + 1) / (np.minimum(left, right) + 1))
        return total

    return score_rows(matrix, score)
