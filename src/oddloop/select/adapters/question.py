"""What a library's strategy is asked, and the model that answers for ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.select.pool import Floats, Ints


class CannotAnswerError(ValueError):
    """A library's strategy cannot be asked this, or gave an answer that is none."""


@dataclass(frozen=True)
class Question:
    """Candidates as a library sees them; all arrays are copies, for some libraries write into what they are given.

    Attributes:
        vectors: (n, d) float64 candidates; d is 0 where the strategy asks for none.
        labelled: (m, d) float64 labelled scenes that have a vector.
        probs: (n, 2) float64 probabilities of two classes that say what our score says; see `two_classes`.
        seed: for a library that takes one.
    """

    vectors: Floats
    labelled: Floats
    probs: Floats
    seed: int

    def __len__(self) -> int:
        """How many candidates there are."""
        return len(self.probs)


Order = Callable[[Any, Question, int], npt.ArrayLike]
"""How a library is asked: (its function or class, question, how many) to row numbers, best first."""


@dataclass(frozen=True)
class Strategy:
    """A strategy that can be named.

    Attributes:
        order: asks the library.
        scores: patterns of the scene scores that stand for the model's output; none where it needs no model.
        needs_vectors: whether it compares scene vectors.
    """

    order: Order
    scores: tuple[str, ...] = ()
    needs_vectors: bool = False


@dataclass(frozen=True)
class Library:
    """A package whose strategies can be named.

    Attributes:
        package: name of the package that is imported.
        distribution: what pip installs.
        strategies: by name in whichever of its modules holds them.
        refused: what cannot be named, and why, for the message.
    """

    package: str
    distribution: str
    strategies: dict[str, Strategy]
    refused: str


class SavedModel:
    """A model that is fitted already and gives our saved outputs, whatever it is asked.

    >>> SavedModel(np.array([[0.9, 0.1]])).predict_proba(["anything"]).tolist()
    [[0.9, 0.1]]
    """

    def __init__(self, probs: Floats) -> None:
        self._probs = probs

    def predict_proba(self, _candidates: object) -> Floats:
        """Class probabilities, (n, 2), of all candidates in their order."""
        return self._probs.copy()


def two_classes(score: Floats) -> Floats:
    """Probabilities of two classes whose uncertainty is the score.

    A pool holds one number per scene, not class probabilities. For two classes least confidence, margin and entropy all
    rise with the smaller probability, so half the score as that probability gives each measure the score's own order.
    For a score 1 - margin the margin comes back as it was.

    Args:
        score: (n,) float64, finite, larger = more uncertain. Outside 0 to 1 its rank takes its place, equal for ties.

    Returns:
        (n, 2) float64, rows sum to 1, second class at most 0.5. No rows, no rows.

    >>> two_classes(np.array([0.0, 0.5, 1.0])).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.5, 0.5]]
    >>> two_classes(np.array([-3.0, 80.0, 80.0])).tolist()
    [[1.0, 0.0], [0.5, 0.5], [0.5, 0.5]]
    """
    doubt = score
    if len(score) and (score.min() < 0 or score.max() > 1):
        ranks = np.unique(score, return_inverse=True)[1]
        doubt = ranks / max(ranks.max(), 1)
    return np.stack([1 - doubt / 2, doubt / 2], axis=1)


@contextmanager
def numpy_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, which some libraries draw from and give no other way to seed; then restore it.

    >>> with numpy_seed(1):
    ...     first = np.random.random()
    >>> with numpy_seed(1):
    ...     first == np.random.random()
    True
    """
    state = np.random.get_state()  # noqa: NPY002 - it is the libraries' generator, not ours
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


def last_by_exclusion(ask: Callable[[int], npt.ArrayLike], n: int, count: int) -> Ints:
    """Order of a library that ranks nothing where it is asked for all: ask for all but one, and put that last.

    Args:
        ask: how many, 1 to n - 1, to row numbers, best first.
        n: how many candidates there are.
        count: how many are asked for, 1 to n.

    >>> last_by_exclusion(lambda count: [2, 0][:count], n=3, count=3).tolist()
    [2, 0, 1]
    """
    if count < n:
        return np.asarray(ask(count), dtype=np.int64)
    first = np.asarray(ask(n - 1), dtype=np.int64) if n > 1 else np.zeros(0, dtype=np.int64)
    return np.concatenate([first, np.setdiff1d(np.arange(n), first)])


def need_labelled(question: Question, strategy: str) -> None:
    """Refuse to ask a strategy that measures from labelled scenes while there are none.

    Raises:
        CannotAnswerError: no labelled scene has a vector.
    """
    if not len(question.labelled):
        raise CannotAnswerError(
            f"{strategy} measures from labelled scenes, and none of them has a vector yet; start with another policy"
        )
