"""How a stage has independent parts run: here one after the other, or by an engine wherever it likes.

A stage knows no engine; whoever calls it may pass `Engine.map`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Run(Protocol):
    """Runs a function over independent items; both must pickle."""

    def __call__(self, task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Results in the order of the items."""


def run_here(task: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """One after the other, in this thread.

    >>> run_here(abs, [-2, 1])
    [2, 1]
    """
    return [task(item) for item in items]
