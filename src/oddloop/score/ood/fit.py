"""Fit a method by its name: what a setting names, with the parameters that each function has by default.

Time and memory as the methods' own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from oddloop.errors import TableError
from oddloop.score.ood.activations import fit_react, fit_scale
from oddloop.score.ood.ecod import fit_ecod
from oddloop.score.ood.forest import fit_iforest
from oddloop.score.ood.guidance import fit_nnguide
from oddloop.score.ood.lof import fit_lof
from oddloop.score.ood.mahalanobis import fit_mahalanobis, fit_relative_mahalanobis
from oddloop.score.ood.neighbours import fit_knn
from oddloop.score.ood.statistics import Head, Statistics
from oddloop.score.ood.training import TrainingSet
from oddloop.score.ood.vim import fit_vim

Fit: TypeAlias = Callable[[TrainingSet, np.random.Generator], Statistics]
FitWithHead: TypeAlias = Callable[[TrainingSet, Head, np.random.Generator], Statistics]

FITS: Mapping[str, Fit] = {
    "knn": lambda training, _: fit_knn(training),
    "mahalanobis": lambda training, _: fit_mahalanobis(training),
    "mahalanobis_pp": lambda training, _: fit_mahalanobis(training, normalise=True),
    "relative_mahalanobis": lambda training, _: fit_relative_mahalanobis(training),
    "relative_mahalanobis_pp": lambda training, _: fit_relative_mahalanobis(training, normalise=True),
    "ecod": lambda training, _: fit_ecod(training),
    "iforest": fit_iforest,
    "lof": lambda training, _: fit_lof(training),
}
"""Fits that need features alone, by the method's name."""
FITS_WITH_HEAD: Mapping[str, FitWithHead] = {
    "nnguide": fit_nnguide,
    "react": lambda training, head, _: fit_react(training, head),
    "scale": lambda training, head, _: fit_scale(training, head),
    "vim": lambda training, head, _: fit_vim(training, head),
}
"""Fits that need the last layer too."""


def fit_method(method: str, training: TrainingSet, rng: np.random.Generator, head: Head | None = None) -> Statistics:
    """Fit one method with its default parameters.

    Args:
        method: name in `FITS` or `FITS_WITH_HEAD`.
        training: (n,d) features of the scenes that the model was trained on.
        rng: source of what a method draws.
        head: the last layer, for the methods that need it.

    Raises:
        TableError: there is no such method, it needs a head and has none, a head of another width was given, or the
            rows do not allow it.

    >>> from oddloop.score.ood import Source, training_set
    >>> rows = [[1.0, 0.0], [0.0, 2.0], [3.0, 1.0], [1.0, 3.0]]
    >>> training = training_set(rows, ["a"] * 4, ["a"], Source("m1", "layer4"))
    >>> fit_method("mahalanobis_pp", training, np.random.default_rng(0)).method
    'mahalanobis_pp'
    >>> fit_method("vim", training, np.random.default_rng(0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    oddloop.errors.TableError: vim needs the last layer ...
    """
    if method in FITS:
        return FITS[method](training, rng)
    if method not in FITS_WITH_HEAD:
        raise TableError(f"no method {method!r}; there are: {', '.join(sorted([*FITS, *FITS_WITH_HEAD]))}")
    encoder = training.source.encoder_id
    if head is None:
        raise TableError(
            f"{method} needs the last layer of the model, which makes logits of the features; "
            f"give its weights and biases as table `heads/{encoder}`, or take another method"
        )
    width = training.features.shape[1]
    if head.arrays[0].shape[1] != width:
        raise TableError(
            f"{method}: the features of `{encoder}` have {width} columns, but the weights of `heads/{encoder}` have "
            f"{head.arrays[0].shape[1]}; give the layer that these features go into"
        )
    return FITS_WITH_HEAD[method](training, head, rng)
