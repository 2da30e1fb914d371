"""What engines of other processes share: few tasks in flight, and failures that travel.

Memory of the driver grows with the items and their results, that of the cluster's queue with its width alone.
"""

from __future__ import annotations

import functools
import itertools
import pickle
import sys
import traceback
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import pyarrow as pa

from oddloop import __version__
from oddloop.engine.base import OnDone
from oddloop.engine.retrying import Retrying
from oddloop.errors import EngineError

AHEAD = 2
"""Tasks in flight for each that can run at a time: as one ends the next is there already, and few wait for long."""

Handle = TypeVar("Handle", bound=Hashable)


@dataclass(frozen=True)
class Work:
    """A task as it travels.

    Attributes:
        task: the pickled function.
        path: where its driver finds modules, so that a team's own code is found wherever that folder is mounted.
        retries: how often it is run again where storage fails.
        version: version of oddloop that its driver runs.
    """

    task: bytes
    path: tuple[str, ...]
    retries: int
    version: str

    @classmethod
    def of(cls, task: Callable[[Any], Any], retries: int) -> Work:
        """A function of this process."""
        return cls(pickle.dumps(task), tuple(sys.path), retries, __version__)


@dataclass(frozen=True)
class Outcome:
    """What became of a task: its result, or what it raised."""

    result: Any = None
    error: Exception | None = None


def attempt(work: Work, item: Any) -> Outcome:
    """Run a task in a worker; what it raises comes back as it is, with the worker's traceback as a note.

    A version other than the driver's is refused, for its results may differ.
    """
    pa.set_cpu_count(1)  # a worker is given one core; what Arrow does with threads must not take the others
    try:
        if work.version != __version__:
            raise EngineError(
                f"a worker runs oddloop {__version__}, not {work.version}; install the same version on all nodes"
            )
        return Outcome(Retrying(_unpacked(work.task, work.path), work.retries)(item))
    except Exception as error:
        error.add_note(f"In a worker:\n{traceback.format_exc()}")
        return Outcome(error=_portable(error))


@functools.lru_cache(maxsize=1)
def _unpacked(task: bytes, path: tuple[str, ...]) -> Callable[[Any], Any]:
    """The function; made once for all tasks that a worker has of it, since it may hold fitted statistics."""
    sys.path += [folder for folder in path if folder not in sys.path]
    found: Callable[[Any], Any] = pickle.loads(task)  # noqa: S301  it comes from the driver, as all that a worker runs
    return found


def _portable(error: Exception) -> Exception:
    """The same error where it pickles, else its text."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301  what we have just written
    except Exception:
        return EngineError(f"{type(error).__name__}: {error}")
    return error


class Pool(Protocol[Handle]):
    """Runs `attempt` of one piece of work elsewhere."""

    def width(self) -> int:
        """Tasks that can run at a time now, at least 1; clusters grow and shrink."""
        ...

    def submit(self, item: Any) -> Handle:
        """Hand over a task."""
        ...

    def wait(self, handles: list[Handle]) -> list[Handle]:
        """Those that have ended, at least one; waits for it."""
        ...

    def outcome(self, handle: Handle) -> Outcome:
        """What became of a task that has ended."""
        ...

    def cancel(self, handles: list[Handle]) -> None:
        """Begin no more of these, as far as that can be told, and wait a while for those that run."""
        ...


def map_over(pool: Pool[Handle], items: Sequence[Any], on_done: OnDone | None) -> list[Any]:
    """Results of all items in their order; see `Engine.map`."""
    results: list[Any] = [None] * len(items)
    waiting, running, n_done = iter(enumerate(items)), dict[Handle, int](), 0
    try:
        while n_done < len(items):
            for index, item in itertools.islice(waiting, max(AHEAD * pool.width() - len(running), 0)):
                running[pool.submit(item)] = index
            for handle in pool.wait(list(running)):
                results[running.pop(handle)] = _unwrapped(pool.outcome(handle))
                n_done += 1
                if on_done is not None:
                    on_done(n_done, len(items))
    except BaseException:
        pool.cancel(list(running))
        raise
    return results


def _unwrapped(outcome: Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    return outcome.result
