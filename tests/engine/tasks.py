"""Tasks at module level, as they must be to travel; files tell what they have done, since memory is not shared."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def late_first(i: int) -> int:
    time.sleep(0.05 / (i + 1))
    return i * i


def note(folder: Path, what: str) -> None:
    (folder / f"{what}-{time.time_ns()}-{os.getpid()}").touch()


def told(folder: Path, what: str = "") -> int:
    """How often something was noted."""
    return sum(1 for path in folder.iterdir() if path.name.startswith(what))


def fail_at_1(folder: Path, i: int) -> int:
    note(folder, f"{i:03d}")
    if i == 1:
        raise ValueError(f"item {i}")
    time.sleep(0.05)
    return i


def lose_storage(folder: Path, n_times: int, kind: type[OSError], i: int) -> int:
    """Fail the first `n_times` times, as a store out of reach does."""
    note(folder, f"{i:03d}")
    if told(folder, f"{i:03d}") <= n_times:
        raise kind("out of reach")
    return i


class OddError(Exception):
    """An error that does not pickle."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def raise_odd(_: int) -> int:
    raise OddError("very", "odd")


def meet(folder: Path, i: int) -> bool:
    """Wait until both items have begun."""
    note(folder, f"{i:03d}")
    until = time.monotonic() + 20
    while not (told(folder, "000") and told(folder, "001")):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


@dataclass(frozen=True)
class Slow:
    """A task that takes a while longer, so that something can happen to it meanwhile."""

    task: Callable[[Any], Any]
    pause_s: float

    def __call__(self, item: Any) -> Any:
        time.sleep(self.pause_s)
        return self.task(item)
