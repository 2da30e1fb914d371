"""Virtual-logit matching: what of a row lies outside the space that training rows span, set against its logits.

    ood_vim = a |(z - o) P| - logsumexp(l),  o = -pinv(W) b, l = W z + b
    P: the directions beyond the `dim` main ones of z - o over the training rows
    a: mean of max l over mean of |(z - o) P|, both over the training rows

Any number. All is float64. Fit O(n d² + d³), score O(N d (d + C)); memory O(d² + C d) beside the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, FloatArray
from oddloop.score.ood.arrays import as_matrix, blocks, score_rows
from oddloop.score.ood.logits import energy_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Head, Statistics, origin_of
from oddloop.score.ood.training import TrainingSet


@dataclass(frozen=True, eq=False)
class VimStatistics(Statistics):
    """The residual space and its scale.

    Attributes:
        weight: (C,d) float64 of the head.
        bias: (C,) float64 of the head.
        origin: (d,) float64 o.
        residual: (d,d-dim) float64 P.
        alpha: a, above 0.
    """

    NAME: ClassVar[str] = "vim"

    weight: FloatArray
    bias: FloatArray
    origin: FloatArray
    residual: FloatArray
    alpha: float


def fit_vim(training: TrainingSet, head: Head, dim: int | None = None) -> VimStatistics:
    """Fit the residual space.

    Args:
        training: (n,d) features of the scenes that the model was trained on.
        head: the layer that makes logits of them.
        dim: main directions, 0 to d - 1; None: 1000 where d >= 2048, 512 where d >= 768, else d / 2, as OpenOOD.

    Raises:
        TableError: `dim` is out of its range, the training rows leave no residual, or their mean largest logit is not
            above 0: the score has no meaning then.
        ValueError: the head has another width than the features.

    References:
        Wang et al., ViM: out-of-distribution with virtual-logit matching, 2022.

    >>> from oddloop.score.ood import training_set
    >>> source, head = Source("m1", "layer4"), Head([[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0])
    >>> rows = [[4.0, 1.0], [-4.0, 1.0], [4.0, -1.0], [-4.0, -1.0]]
    >>> stats = fit_vim(training_set(rows, ["s"] * 4, ["s"], source), head, dim=1)
    >>> stats.alpha  # mean of max l is 4, of the residual 1
    4.0
    >>> score_vim(stats, [[0.0, 0.0], [0.0, 3.0]], source=source).round(4)  # 4 · 0 - ln 2, 4 · 3 - ln 2
    array([-0.6931, 11.3069])
    """
    weight, bias = head.arrays
    rows = as_matrix(training.features, "features", weight.shape[1])
    used = _default_dim(rows.shape[1]) if dim is None else dim
    if not 0 <= used < rows.shape[1]:
        raise TableError(f"vim: dim must be 0 to {rows.shape[1] - 1} for {rows.shape[1]} columns; got {used}")
    origin = -np.linalg.pinv(weight) @ bias
    residual = _beyond(rows, origin, used)
    alpha = _alpha(rows, head, origin, residual)
    fields = {"weight": weight, "bias": bias, "origin": origin, "residual": residual}
    return VimStatistics(**origin_of(training), **fields, alpha=alpha)


def score_vim(stats: VimStatistics, features: npt.ArrayLike, *, source: Source) -> FloatArray:
    """Set the residual of each row against its logits.

    Args:
        stats: from `fit_vim`.
        features: (N,d) float16, float32 or float64.
        source: what made the features.

    Returns:
        (N,) float64, larger is more anomalous; NaN where a row is not finite.

    Raises:
        TableError: the statistics are of another source.
        ValueError: `features` holds no floats, or has another width than the training rows.
    """
    stats.check(source)
    matrix = as_matrix(features, "features", stats.width)

    def score(block: FloatArray) -> FloatArray:
        residual = np.linalg.norm((block - stats.origin) @ stats.residual, axis=1)
        result: FloatArray = stats.alpha * residual + energy_rows(block @ stats.weight.T + stats.bias)
        return result

    return score_rows(matrix, score)


def _default_dim(width: int) -> int:
    return 1000 if width >= 2048 else 512 if width >= 768 else width // 2


def _beyond(rows: AnyFloats, origin: FloatArray, dim: int) -> FloatArray:
    """(d,d-dim) directions in which the rows reach least far from the origin."""
    scatter = np.zeros((rows.shape[1],) * 2)
    for _, block in blocks(rows):
        centred = block - origin
        scatter += centred.T @ centred
    vectors: FloatArray = np.linalg.eigh(scatter)[1][:, : rows.shape[1] - dim]
    return vectors


def _alpha(rows: AnyFloats, head: Head, origin: FloatArray, residual: FloatArray) -> float:
    logits, reach, beyond = 0.0, 0.0, 0.0
    for _, block in blocks(rows):
        centred = block - origin
        logits += float(head.logits(block).max(axis=1).sum()) / len(rows)
        reach += float(np.linalg.norm(centred, axis=1).sum()) / len(rows)
        beyond += float(np.linalg.norm(centred @ residual, axis=1).sum()) / len(rows)
    if logits <= 0:
        raise TableError(
            f"vim: the mean largest logit of the training rows is {logits:.3g}; the score needs it above 0"
        )
    if beyond <= 1e-12 * reach:
        raise TableError("vim: the training features leave no residual beyond `dim` directions; make `dim` smaller")
    return logits / beyond
