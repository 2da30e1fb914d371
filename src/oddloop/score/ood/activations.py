"""Energy of reshaped features: ReAct cuts large activations, SCALE stretches rows whose activations are few.

    ood_react = energy(W min(z, c) + b), c a quantile of all activations of the training rows
    ood_scale = energy(W (z exp(s1 / s2)) + b), s1 the sum of z, s2 that of its largest 1 - p

Any number. Both are meant for features behind a ReLU: SCALE gives NaN where one is below 0. On features of transformers
they do harm (`docs/how-to/ood.md`). All is float64. Fit O(n d), score O(N d C); memory O(n d) for the quantile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.ood.arrays import as_matrix, score_rows
from oddloop.score.ood.logits import energy_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Head, Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class ReactStatistics(Statistics):
    """Attributes: the head's (C,d) `weight` and (C,) `bias`, float64, and the `threshold` c."""

    NAME: ClassVar[str] = "react"

    weight: FloatArray
    bias: FloatArray
    threshold: float


@dataclass(frozen=True, eq=False)
class ScaleStatistics(Statistics):
    """Attributes: the head's (C,d) `weight` and (C,) `bias`, float64, and `percentile`: how much s2 leaves out."""

    NAME: ClassVar[str] = "scale"

    weight: FloatArray
    bias: FloatArray
    percentile: float


def fit_react(training: TrainingSet, head: Head, percentile: float = 90.0) -> ReactStatistics:
    """Fit the threshold.

    Args:
        training: (n,d) features of the scenes that the model was trained on.
        head: the layer that makes logits of them.
        percentile: of all activations together, in [0, 100].

    Raises:
        TableError: the percentile is out of its range.
        ValueError: the head has another width than the features.

    References:
        Sun, Guo and Li, ReAct: out-of-distribution detection with rectified activations, 2021.

    >>> from oddloop.score.ood import training_set
    >>> training = training_set([[0.0, 1.0], [2.0, 3.0]], ["a", "a"], ["a"], Source("m1", "layer4"))
    >>> stats = fit_react(training, Head([[1.0, 0.0]], [0.5]), percentile=50.0)
    >>> score_react(stats, [[9.0, 0.0]], source=Source("m1", "layer4"))  # -(min(9, 1.5) + .5)
    array([-2.])
    """
    _check_percentile("react", percentile)
    weight, bias = head.arrays
    rows = as_matrix(training.features, "features", weight.shape[1])
    threshold = float(np.percentile(rows.astype(np.float64, copy=False), percentile))
    return ReactStatistics(**origin_of(training), weight=weight, bias=bias, threshold=threshold)


def score_react(stats: ReactStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Give the energy of the cut features.

    Args:
        stats: from `fit_react`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a row is not finite.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the head.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    return score_rows(matrix, lambda z: energy_rows(np.minimum(z, stats.threshold) @ stats.weight.T + stats.bias))


def fit_scale(training: TrainingSet, head: Head, percentile: float = 85.0) -> ScaleStatistics:
    """Keep the head; nothing is fitted to the rows, which only tell the source and that they are of a ReLU.

    Args:
        training: (n,d) features of the scenes that the model was trained on.
        head: the layer that makes logits of them.
        percentile: share of the smallest activations that s2 leaves out, in [0, 100); at least one is kept.

    Raises:
        TableError: the percentile is out of its range, or training features are below 0.
        ValueError: the head has another width than the features.

    References:
        Xu et al., Scaling for training time and post-hoc out-of-distribution detection enhancement, 2024.

    >>> from oddloop.score.ood import training_set
    >>> training = training_set([[1.0, 1.0]], ["a"], ["a"], Source("m1", "layer4"))
    >>> stats = fit_scale(training, Head([[1.0, 0.0]], [0.0]), percentile=50.0)
    >>> score_scale(stats, [[3.0, 1.0], [-1.0, 0.0]], source=Source("m1", "layer4")).round(3)  # -3 exp(4 / 3)
    array([-11.381,     nan])
    """
    _check_percentile("scale", percentile)
    weight, bias = head.arrays
    rows = as_matrix(training.features, "features", weight.shape[1])
    if (rows < 0).any():
        raise TableError("scale: training features are below 0; it needs features behind a ReLU; use another method")
    return ScaleStatistics(**origin_of(training), weight=weight, bias=bias, percentile=float(percentile))


def score_scale(stats: ScaleStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Give the energy of the stretched features.

    Args:
        stats: from `fit_scale`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a number is not finite or below 0.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the head.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    n_kept = max(matrix.shape[1] - int(np.round(matrix.shape[1] * stats.percentile / 100.0)), 1)
    return score_rows(matrix, lambda z: energy_rows(_stretch(z, n_kept) @ stats.weight.T + stats.bias))


def _stretch(rows: FloatArray, n_kept: int) -> FloatArray:
    whole = rows.sum(axis=1)
    largest = np.partition(rows, -n_kept, axis=1)[:, -n_kept:].sum(axis=1)
    # A row of zeros stays one, however it is stretched.
    ratio = np.divide(whole, largest, out=np.ones_like(whole), where=largest > 0)
    stretched: FloatArray = rows * np.exp(ratio)[:, None]
    stretched[(rows < 0).any(axis=1)] = np.nan
    return stretched


def _check_percentile(method: str, percentile: float) -> None:
    if not 0 <= percentile <= 100:
        raise TableError(f"{method}: percentile must be between 0 and 100; got {percentile}")
