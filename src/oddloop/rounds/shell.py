"""What a run is given by the outside, and what it tells: who asks, the clock, the engine, steps and progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from oddloop.engine import Engine
from oddloop.rounds.ledger import Author

Progress = Callable[[str, int, int], None]
"""Called with (what, done, in all)."""


@dataclass(frozen=True)
class Step:
    """One step of a run: what, the digest of its result, whether it was done now, its time, its row counts."""

    name: str
    digest: str
    computed: bool
    seconds: float
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSummary:
    """What a run did, step by step, and where the loop stands now; "" and `idle` or `stopped` where none is open."""

    steps: tuple[Step, ...]
    round_id: str
    status: str
    waiting_for: str

    @property
    def n_computed(self) -> int:
        """Steps that had something to do."""
        return sum(step.computed for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return {**asdict(self), "n_computed": self.n_computed}


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Tell nobody of progress."""


def no_step(_step: Step) -> None:
    """Tell nobody of steps."""


def no_warning(_text: str) -> None:
    """Tell nobody of what did not work and does not matter to the run."""


@dataclass(frozen=True)
class Shell:
    """Who asks, what time it is, where the work runs, and whom to tell of steps, progress and warnings."""

    author: str
    engine: Engine
    now_ns: Callable[[], int] = time.time_ns
    progress: Progress = no_progress
    on_step: Callable[[Step], None] = no_step
    warn: Callable[[str], None] = no_warning

    def stamp(self) -> Author:
        """The author, now."""
        return Author(self.author, self.now_ns())
