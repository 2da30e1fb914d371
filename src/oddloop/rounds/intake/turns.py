"""Writers of one SQLite record in turn, and its log emptied aside.

By itself a writer that finds SQLite taken sleeps for up to .1 s before it looks again, and now and then the one who
commits also moves the log into the database. Here who waits is woken, and the log is moved in a thread of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

EVERY_S = 1.0
LARGE_LOG_PAGES = 4096
"""Log from which on writers wait until all of it is moved: only then does it begin anew, in the same file."""


class Turns:
    """The turns of one record; a kill gives the turn to the next. To be closed."""

    def __init__(self, database: Path) -> None:
        """Begin to empty the log."""
        self._database = database
        self._handle = os.open(f"{database}.turn", os.O_RDWR | os.O_CREAT, 0o644)
        self._mine = threading.Lock()  # a file's lock is of the process, or so where disks are shared
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="intake log", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the record for writing."""
        with self._mine:
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """End."""
        self._closed.set()
        self._thread.join()
        os.close(self._handle)

    def _work(self) -> None:
        while not self._closed.wait(EVERY_S):
            with contextlib.suppress(sqlite3.Error):  # such as a full disk, of which the writers tell
                self._empty_log()

    def _empty_log(self) -> None:
        with contextlib.closing(sqlite3.connect(self._database, isolation_level=None)) as connection:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            _, n_pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if n_pages > LARGE_LOG_PAGES:
                with self.turn():
                    connection.execute("PRAGMA wal_checkpoint(RESTART)")
