"""Run a task again where its storage failed, since object stores now and then do."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from oddloop.engine.base import Item, Result

_FIRST_PAUSE_S = 0.1
_LASTING = (FileNotFoundError, FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError)
"""What will be no better the next time."""


@dataclass(frozen=True)
class Retrying(Generic[Item, Result]):
    """A task that runs again, `retries` times at most and after twice the pause each time, while it raises `OSError`.

    >>> Retrying(abs, retries=3)(-1)
    1
    """

    task: Callable[[Item], Result]
    retries: int

    def __call__(self, item: Item) -> Result:
        """Result of the task."""
        for attempt in range(self.retries):
            try:
                return self.task(item)
            except _LASTING:
                raise
            except OSError:
                time.sleep(_FIRST_PAUSE_S * 2**attempt)
        return self.task(item)
