"""lightly-mundig: its diversity and its weights, each by itself and at strength 1.

It is compiled, takes no seed, and starts at the first candidate where nothing is labelled.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.adapters.question import Library, Question, Strategy
from oddloop.select.scores import UNCERTAINTY


def _diverse(method: Any, question: Question, count: int) -> npt.ArrayLike:
    selection = _selection()
    vectors = np.concatenate([question.vectors, question.labelled]).astype(np.float32)
    method(selection, vectors.tolist(), 1.0)
    return _run(selection, question, len(question.labelled), count)


def _weighted(method: Any, question: Question, count: int) -> npt.ArrayLike:
    selection = _selection()
    method(selection, (2 * question.probs[:, 1]).tolist(), 1.0)
    return _run(selection, question, 0, count)


def _selection() -> Any:
    return importlib.import_module("lightly_mundig").Selection()


def _run(selection: Any, question: Question, n_labelled: int, count: int) -> npt.ArrayLike:
    """Its answer begins with what was selected before, which counts towards the number it is asked for."""
    n = len(question)
    before = list(range(n, n + n_labelled))
    return np.asarray(selection.run_selection(before, n + n_labelled, count + n_labelled)[n_labelled:], dtype=np.int64)


LIBRARY = Library(
    package="lightly_mundig",
    distribution="lightly-mundig",
    strategies={
        "Selection.add_diversifying_strategy": Strategy(_diverse, needs_vectors=True),
        "Selection.add_weighting_strategy": Strategy(_weighted, scores=UNCERTAINTY),
    },
    refused="balancing, similarity and subparts need targets, queries or objects",
)
