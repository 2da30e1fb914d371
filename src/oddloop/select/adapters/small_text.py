"""small-text: confidence, and what it does on embeddings, which are our scene vectors.

1.4.1 has no seeds (they come with 2.0): it draws from NumPy's global generator. It answers with the best n in no order,
and with all of them unranked where asked for all, so confidence is sorted by its own `score`. k-means and lightweight
core-set have no order of their own. GreedyCoreset cannot start without labels.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.adapters.question import (
    Library,
    Question,
    SavedModel,
    Strategy,
    last_by_exclusion,
    need_labelled,
)
from oddloop.select.scores import MARGIN, UNCERTAINTY

_NONE = np.zeros(0, dtype=np.int64)


def _by_confidence(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    asked, model, rows = strategy(), SavedModel(question.probs), np.arange(len(question))
    picked = np.asarray(asked.query(model, rows, rows, _NONE, _NONE, n=count))
    scores = np.asarray(asked.score(model, rows, rows, _NONE, _NONE))
    return picked[np.argsort(scores[picked], kind="stable")]


def _on_embeddings(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    embeddings = np.concatenate([question.vectors, question.labelled])
    candidates, labelled = np.arange(len(question)), np.arange(len(question), len(embeddings))

    def ask(k: int) -> npt.ArrayLike:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Default distance metric has changed")  # of 2023
            asked = strategy()
        answer: npt.ArrayLike = asked.query(
            None, embeddings, candidates, labelled, np.zeros(len(labelled)), n=k, embeddings=embeddings
        )
        return answer

    return last_by_exclusion(ask, len(question), count)


def _core_set(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    need_labelled(question, "small-text's GreedyCoreset")
    return _on_embeddings(strategy, question, count)


def _random(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    rows = np.arange(len(question))
    answer: npt.ArrayLike = strategy().query(None, rows, rows, _NONE, _NONE, n=count)
    return answer


LIBRARY = Library(
    package="small_text",
    distribution="small-text",
    strategies={
        "LeastConfidence": Strategy(_by_confidence, scores=UNCERTAINTY),
        "PredictionEntropy": Strategy(_by_confidence, scores=UNCERTAINTY),
        "BreakingTies": Strategy(_by_confidence, scores=MARGIN),
        "RandomSampling": Strategy(_random),
        "EmbeddingKMeans": Strategy(_on_embeddings, needs_vectors=True),
        "GreedyCoreset": Strategy(_core_set, needs_vectors=True),
        "LightweightCoreset": Strategy(_on_embeddings, needs_vectors=True),
    },
    refused="the others train a classifier, read its gradients or need several labels a text",
)
