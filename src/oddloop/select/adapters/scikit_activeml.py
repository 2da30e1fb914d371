"""scikit-activeml: strategies on vectors, and uncertainty sampling.

Its seed is passed on as `random_state`. It holds picks × candidates numbers, MaxHerding and ProbCover candidates ×
candidates. ProbCover's own radii are 0.2 to 2, whatever the unit of the vectors. Of labels these read only which scenes
have one: each labelled scene is given class 0, and ProbCover thus assumes two classes.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.adapters.question import Library, Question, Strategy
from oddloop.select.pool import Floats
from oddloop.select.scores import UNCERTAINTY


def _on_vectors(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    n = len(question)
    x = np.concatenate([question.vectors, question.labelled])
    y = np.concatenate([np.full(n, np.nan), np.zeros(len(question.labelled))])
    answer: npt.ArrayLike = strategy(random_state=question.seed).query(x, y, batch_size=count)
    return answer


def _at_random(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    return _query(strategy, question, count)


def _by_model(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    return _query(strategy, question, count, clf=_classifier(question.probs), fit_clf=False)


def _query(strategy: Any, question: Question, count: int, **model: Any) -> npt.ArrayLike:
    """Ask a strategy that looks at no vector: row numbers stand in for them."""
    n = len(question)
    rows, unknown = np.arange(n, dtype=np.float64)[:, np.newaxis], np.full(n, np.nan)
    answer: npt.ArrayLike = strategy(random_state=question.seed).query(rows, unknown, batch_size=count, **model)
    return answer


def _classifier(probs: Floats) -> Any:
    """Its own classifier class, as it insists on, around our saved outputs."""
    base = importlib.import_module("skactiveml.base").SkactivemlClassifier

    methods = {
        "fit": lambda self, _x, _y, _sample_weight=None: self,
        "predict_proba": lambda _self, _x: probs.copy(),
    }
    return type("SavedClassifier", (base,), methods)(classes=[0, 1])


LIBRARY = Library(
    package="skactiveml",
    distribution="scikit-activeml",
    strategies={
        "UncertaintySampling": Strategy(_by_model, scores=UNCERTAINTY),
        "RandomSampling": Strategy(_at_random),
        "CoreSet": Strategy(_on_vectors, needs_vectors=True),
        "TypiClust": Strategy(_on_vectors, needs_vectors=True),
        "ProbCover": Strategy(_on_vectors, needs_vectors=True),
        "MaxHerding": Strategy(_on_vectors, needs_vectors=True),
        "GreedySamplingX": Strategy(_on_vectors, needs_vectors=True),
    },
    refused="the others fit a classifier, regressor or committee, or read its embeddings",
)
