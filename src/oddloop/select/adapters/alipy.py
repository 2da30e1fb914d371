"""ALiPy: uncertainty, density-weighted, core-set, graph density and random.

ALiPy 1.2.5 is of 2021: it asks for `collections.Iterable`, which Python 3.10 removed, and for `np.infty` and
`np.float_`, which NumPy 2 removed. The three names are put back while ALiPy is called, and taken away after; nothing
else of ALiPy is changed. It answers worst first, ranks nothing where it is asked for all, and returns the picks of
graph density in no order, so that one is asked for one scene at a time.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.adapters.question import (
    CannotAnswerError,
    Library,
    Question,
    SavedModel,
    Strategy,
    last_by_exclusion,
    need_labelled,
)
from oddloop.select.scores import UNCERTAINTY

REMOVED = ((collections, "Iterable", collections.abc.Iterable), (np, "infty", np.inf), (np, "float_", np.float64))
"""Where a name was, the name, and what it stood for."""

_NEIGHBOURS = 10
"""Of a scene in ALiPy's graph."""


@contextmanager
def removed_names() -> Iterator[None]:
    """Put back, for as long as it lasts, what Python 3.10 and NumPy 2 removed.

    >>> with removed_names():
    ...     isinstance([], collections.Iterable)
    True
    >>> hasattr(collections, "Iterable")
    False
    """
    missing = [(place, name, meaning) for place, name, meaning in REMOVED if name not in vars(place)]
    for place, name, meaning in missing:
        setattr(place, name, meaning)
    try:
        yield
    finally:
        for place, name, _ in missing:
            delattr(place, name)


def _uncertain(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    def ask(k: int) -> npt.ArrayLike:
        with removed_names():
            answer = strategy().select_by_prediction_mat(np.arange(len(question)), question.probs.copy(), batch_size=k)
        return np.asarray(answer)[::-1]

    return last_by_exclusion(ask, len(question), count)


def _density_weighted(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    x, y = question.vectors, np.zeros(len(question))
    with removed_names():
        answer = strategy(x, y).select([], np.arange(len(x)), batch_size=count, model=SavedModel(question.probs))
    return np.asarray(answer)[::-1]


def _random(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    def ask(k: int) -> npt.ArrayLike:
        with removed_names():
            # It reads `.index`, which only ALiPy's own collection has.
            unlabelled = importlib.import_module("alipy.index").IndexCollection(list(range(len(question))))
            return np.asarray(strategy().select([], unlabelled, batch_size=k))

    return last_by_exclusion(ask, len(question), count)


def _core_set(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    need_labelled(question, "ALiPy's QueryInstanceCoresetGreedy")
    x, y, candidates, labelled = _training_set(question)
    with removed_names():
        answer = strategy(x, y, np.arange(len(x))).select(labelled.tolist(), candidates, batch_size=count)
    return np.asarray(answer)


def _graph_density(strategy: Any, question: Question, count: int) -> npt.ArrayLike:
    x, y, candidates, labelled = _training_set(question)
    if len(x) <= _NEIGHBOURS:
        raise CannotAnswerError(f"ALiPy's QueryInstanceGraphDensity needs more than {_NEIGHBOURS} scenes; got {len(x)}")
    picked: list[int] = []
    with removed_names():
        asked = strategy(x, y, np.arange(len(x)))
        while len(picked) < count:
            left, done = np.setdiff1d(candidates, picked), np.concatenate([labelled, picked]).astype(np.int64)
            picked.append(int(np.asarray(asked.select(done, left, batch_size=1))[0]))
    return np.array(picked)


def _training_set(question: Question) -> tuple[Any, Any, Any, Any]:
    """Candidates, then labelled, with labels that nothing looks at, and the row numbers of both."""
    x = np.concatenate([question.vectors, question.labelled])
    return x, np.zeros(len(x)), np.arange(len(question)), np.arange(len(question), len(x))


LIBRARY = Library(
    package="alipy",
    distribution="alipy",
    strategies={
        "QueryInstanceUncertainty": Strategy(_uncertain, scores=UNCERTAINTY),
        "QueryInstanceDensityWeighted": Strategy(_density_weighted, scores=UNCERTAINTY, needs_vectors=True),
        "QueryInstanceRandom": Strategy(_random),
        "QueryInstanceCoresetGreedy": Strategy(_core_set, needs_vectors=True),
        "QueryInstanceGraphDensity": Strategy(_graph_density, needs_vectors=True),
    },
    refused="QBC, QUIRE, BMDR, SPAL, LAL and expected error reduction train on labels, which a pool does not hold",
)
