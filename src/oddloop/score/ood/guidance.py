"""Nearest-neighbour guidance: the energy of a row, weighed by how much it points where confident training rows point.

    ood_nnguide = -E(z) mean over the k largest of <z/|z|, y/|y| E(y)>,  E = logsumexp of the logits, y of the bank

Any number. The bank is a random part of the training rows. Where E is below 0 the product loses its meaning; shift the
head's bias then. All is float64. Score O(N n' d) for n' bank rows; memory O(n' d) and 128 MB at most of products.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.ood.arrays import as_matrix, score_rows, unit_rows, usable_rows
from oddloop.score.ood.logits import energy_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Head, Statistics, origin_of
from oddloop.score.ood.training import TrainingSet

_PRODUCTS = 1 << 24


@dataclass(frozen=True, eq=False)
class NnguideStatistics(Statistics):
    """The bank.

    Attributes:
        weight: (C,d) float64 of the head.
        bias: (C,) float64 of the head.
        bank: (n',d) float64 rows y/|y| E(y).
        k: how many of the bank are averaged; at most n'.
    """

    NAME: ClassVar[str] = "nnguide"

    weight: FloatArray
    bias: FloatArray
    bank: FloatArray
    k: int


def fit_nnguide(
    training: TrainingSet, head: Head, rng: np.random.Generator, k: int = 100, fraction: float = 0.01
) -> NnguideStatistics:
    """Draw the bank.

    Args:
        training: (n,d) features of the scenes that the model was trained on; rows of zeros are ignored.
        head: the layer that makes logits of them.
        rng: draws the bank's rows.
        k: how many of the bank are averaged, 1 or more; all where the bank has fewer.
        fraction: share of the training rows in the bank, in (0, 1]; never fewer than k rows where there are as many.

    Raises:
        TableError: a parameter is out of its range, or all rows are zero.
        ValueError: the head has another width than the features.

    References:
        Park et al., Nearest neighbor guidance for out-of-distribution detection, 2023.

    >>> from oddloop.score.ood import training_set
    >>> source, head = Source("m1", "layer4"), Head([[1.0, 0.0]], [0.0])
    >>> training = training_set([[2.0, 0.0], [3.0, 4.0]], ["a", "a"], ["a"], source)
    >>> stats = fit_nnguide(training, head, np.random.default_rng(0), k=1, fraction=1.0)
    >>> score_nnguide(stats, [[5.0, 0.0]], source=source)  # -5 · max(1 · 2, .6 · 3)
    array([-10.])
    """
    if k < 1 or not 0 < fraction <= 1:
        raise TableError(f"nnguide: k must be 1 or more, and fraction above 0 and at most 1; got {k} and {fraction}")
    weight, bias = head.arrays
    as_matrix(training.features, "features", weight.shape[1])
    usable = np.flatnonzero(usable_rows(training.features, normalised=True))
    if not len(usable):
        raise TableError("nnguide: all training features are zero, and have no direction; check their export")
    size = min(max(math.ceil(fraction * len(usable)), k), len(usable))
    rows = training.features[np.sort(rng.choice(usable, size, replace=False))].astype(np.float64)
    bank = unit_rows(rows) * -energy_rows(head.logits(rows))[:, None]
    return NnguideStatistics(**origin_of(training, len(usable)), weight=weight, bias=bias, bank=bank, k=min(k, size))


def score_nnguide(stats: NnguideStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Weigh the energy of each row by its neighbours'.

    Args:
        stats: from `fit_nnguide`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a row is not finite, or all zero.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the head.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)
    size = max(_PRODUCTS // len(stats.bank), 1)

    def score(block: FloatArray) -> FloatArray:
        good = (block != 0).any(axis=1)
        block = np.where(good[:, None], block, 1.0)
        confidence = -energy_rows(block @ stats.weight.T + stats.bias)
        units = unit_rows(block)
        guides = [_mean_largest(units[i : i + size] @ stats.bank.T, stats.k) for i in range(0, len(units), size)]
        return np.where(good, -confidence * np.concatenate(guides), np.nan)

    return score_rows(matrix, score)


def _mean_largest(products: FloatArray, k: int) -> FloatArray:
    mean: FloatArray = np.partition(products, -k, axis=1)[:, -k:].mean(axis=1)
    return mean
