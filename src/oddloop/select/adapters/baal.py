"""BAAL: the heuristics that need one distribution per scene.

Ties come in reverse order of rows (`argsort` turned round). It draws without a seed; what can be named draws from
NumPy's global generator, or not at all.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from oddloop.select.adapters.question import Library, Question, Strategy
from oddloop.select.scores import MARGIN, UNCERTAINTY


def _ranks(heuristic: Any, question: Question, count: int) -> npt.ArrayLike:
    order: npt.NDArray[Any] = heuristic()(question.probs)
    return order[:count]


def _draws(heuristic: Any, question: Question, count: int) -> npt.ArrayLike:
    order: npt.NDArray[Any] = heuristic(seed=question.seed)(question.probs)
    return order[:count]


LIBRARY = Library(
    package="baal",
    distribution="baal",
    strategies={
        "Certainty": Strategy(_ranks, scores=UNCERTAINTY),
        "Entropy": Strategy(_ranks, scores=UNCERTAINTY),
        "Margin": Strategy(_ranks, scores=MARGIN),
        "Random": Strategy(_draws),
    },
    refused="BALD, BatchBALD, EPIG and Variance need the outputs of several members, stochastic ones another heuristic",
)
