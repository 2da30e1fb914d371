"""The workspace as the pages see it: looked at again at most twice a second, and never held.

Derived folders never change once they are there, so a page may read them while a run goes on. Which of them count is
said by the ledger alone. A `View` is the workspace at one moment; its digest changes whenever a page may.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oddloop.errors import OddloopError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.lock import settle
from oddloop.lake.workspace import CONFIG_FILE, TableFiles, Workspace
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.snapshots import FOLDER as SNAPSHOTS
from oddloop.rounds.state import Event
from oddloop.web.store.cache import Cache
from oddloop.web.store.sql import Sql
from oddloop.web.store.view import View

REFRESH_S = 0.5
"""A view is at most that old; what the server itself records is seen at once."""
MAX_CACHED_BYTES = 448 * 2**20
"""Of what answers are made of: a million scenes with twenty attributes, their scores and vectors."""
MAX_ANSWERS_BYTES = 32 * 2**20
"""Of answers, in a place of their own: they come and go, and must not push out what they are made of."""
AT_WORK = 2
"""Threads that make answers: with more of them each answer takes longer, and each thread keeps memory of its own."""
_FOREVER_NS = 2**63 - 1
_LATE = ("cards", "curves", "diagnosis")


class Store:
    """An opened workspace, for many threads.

    Args:
        workspace: what is shown.
        clock_s: a clock that only goes forward.
        now_ns: the time that events are recorded with.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.ledger = open_ledger(workspace)
        self._workspace = workspace
        self._clock_s, self._now_ns = clock_s, now_ns
        self._caches = Cache(MAX_CACHED_BYTES), Cache(MAX_ANSWERS_BYTES)
        self._sql = Sql(workspace)
        self._workers = ThreadPoolExecutor(AT_WORK, "answers")
        self._lock = threading.Lock()
        self._config_stamp = _stamps(workspace, CONFIG_FILE)
        self._seen_s = clock_s()
        self._view = self._look()

    def view(self) -> View:
        """The workspace now."""
        with self._lock:
            if self._clock_s() - self._seen_s >= REFRESH_S:
                self._seen_s = self._clock_s()
                self._view = self._look()
            return self._view

    def author(self, name: str) -> Author:
        """Somebody who writes now."""
        return Author(name, self._now_ns())

    def append(self, round_id: str, kind: str, payload: dict[str, Any], *, key: str, name: str, **more: Any) -> Event:
        """Record an event under its author's name (`Ledger.append`); the next view has it."""
        event = self.ledger.append(round_id, kind, payload, key=key, author=self.author(name), **more)
        self.renew()
        return event

    def renew(self) -> None:
        """Look again at the next request: something was written."""
        with self._lock:
            self._seen_s = -REFRESH_S

    def close(self) -> None:
        """Release the ledger, the query engine and the threads."""
        self._workers.shutdown()
        self.ledger.close()
        self._sql.close()

    def _look(self) -> View:
        workspace = self._reopened()
        # Before the rounds: what comes in between is looked at again, rather than missed.
        seq = self.ledger.seq_at(_FOREVER_NS)
        rounds = tuple(self.ledger.rounds())
        labels = _file_stamps(workspace.table("labels"))
        config, history = digest_of(self._config_stamp), digest_of(_stamps(workspace, SNAPSHOTS))
        parts = (config, history, digest_of(labels))
        # Cards, learning curves and their diagnosis are made after the ledger's last word on what they are of.
        late = [sorted(workspace.storage.list_folders(f"derived/{name}")) for name in _LATE]
        digest = digest_of([seq, *parts, *late])
        return View(workspace, rounds, seq, digest, *parts, self.ledger, *self._caches, self._sql, self._workers)

    def _reopened(self) -> Workspace:
        """The workspace with its settings as they are now; while they are faulty, as they were."""
        settle(self._workspace.storage)
        stamp = _stamps(self._workspace, CONFIG_FILE)
        if stamp != self._config_stamp:
            self._config_stamp = stamp
            try:
                self._workspace = Workspace.open(self._workspace.storage.absolute)
            except OddloopError:
                return self._workspace
        # Opened anew, or a table that keeps versions of itself would stay at the one that was seen first.
        return Workspace(self._workspace.storage, self._workspace.config)


def _file_stamps(table: TableFiles) -> list[list[Any]]:
    infos = table.storage.fs.get_file_info([table.storage.path(file) for file in table.files])
    return [[info.path, info.size, info.mtime_ns] for info in infos]


def _stamps(workspace: Workspace, relative: str) -> list[list[Any]]:
    """Name, size and time of a file, or of those in a folder."""
    storage = workspace.storage
    infos = storage.fs.get_file_info([storage.path(relative)])
    if infos[0].type.name == "Directory":
        infos = storage.list_files(relative)
    return [[info.path, info.size, info.mtime_ns] for info in infos]
