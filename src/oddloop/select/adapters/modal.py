"""modAL: uncertainty sampling, and ranked batches.

Told apart from what modAL does by itself: it answers with the best n in no order (`argpartition`), so it is asked to
break ties at random, which sorts, worst first; its draws come from NumPy's global generator. Without labelled scenes a
ranked batch may name its first scene a second time: the repeat is dropped and one more is asked for.
`ActiveLearner.query` is not used: where a strategy fails it calls it again in another way, and of two indices it keeps
one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.adapters.question import Library, Question, SavedModel, Strategy
from oddloop.select.scores import MARGIN, UNCERTAINTY


class _Learner(SavedModel):
    """What modAL reads of an `ActiveLearner`."""

    on_transformed = False

    def __init__(self, question: Question) -> None:
        super().__init__(question.probs)
        self.X_training = question.labelled if len(question.labelled) else None


def _top(function: Any, question: Question, count: int) -> npt.ArrayLike:
    rows, _ = function(_Learner(question), question.vectors, n_instances=count, random_tie_break=True)
    return np.asarray(rows)[::-1]


def _ranked_batch(function: Any, question: Question, count: int) -> npt.ArrayLike:
    learner, n = _Learner(question), len(question)
    cold = learner.X_training is None
    rows, _ = function(learner, question.vectors, n_instances=min(count + cold, n))
    rows = np.asarray(rows)
    once = rows[np.sort(np.unique(rows, return_index=True)[1])][:count]
    return np.concatenate([once, np.setdiff1d(np.arange(n), once)]) if cold and count == n else once


LIBRARY = Library(
    package="modAL",
    distribution="modAL-python",
    strategies={
        "uncertainty_sampling": Strategy(_top, scores=UNCERTAINTY),
        "entropy_sampling": Strategy(_top, scores=UNCERTAINTY),
        "margin_sampling": Strategy(_top, scores=MARGIN),
        "uncertainty_batch_sampling": Strategy(_ranked_batch, scores=UNCERTAINTY, needs_vectors=True),
    },
    refused="its committees, regressors, expected errors, multilabel and dropout strategies need a model of their own",
)
