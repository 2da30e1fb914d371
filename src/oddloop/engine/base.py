"""What every engine can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
OnDone = Callable[[int, int], None]
"""Called in the driver after each finished item with (items done, items in all)."""


class Engine(Protocol):
    """Runs a function over independent items.

    The function and the items must pickle, must not share state, and may be run again after a loss, also while a run
    that was taken for lost still goes on; results are small, since they travel to the driver. Data does not: a task
    reads its own input and writes its own output, under a name that shows only once it is whole. A task that fails by
    an `OSError`, as an object store out of reach does, is run again a few times.
    """

    def map(self, task: Callable[[Item], Result], items: Sequence[Item], on_done: OnDone | None = None) -> list[Result]:
        """Results in the order of the items; the first failure is raised, and what has not begun is not begun.

        Raises:
            EngineError: there is no cluster to run on, or it lost a task's workers more often than it may.
        """
        ...
