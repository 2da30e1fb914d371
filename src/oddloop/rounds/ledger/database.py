"""The database behind a ledger: writers take turns, commits wait for the disk, and what goes wrong is said plainly.

SQLite and PostgreSQL take one path. A writer holds the ledger from the beginning of its transaction: two that both
read and then both write would each miss the other's event.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import time
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from oddloop.errors import LedgerError, MissingExtraError
from oddloop.rounds.ledger.drivers import choose_driver, shown

_LOCK = 0x6F64646C6F6F70
"""Number of the lock that writers of a PostgreSQL ledger take in turn: the letters of `oddloop`."""
_TAKE_TURN = sa.text(
    # Not `on` in all cases: a server may be told to wait for its replicas, too.
    "SELECT pg_advisory_xact_lock(:lock), set_config('synchronous_commit', CASE current_setting('synchronous_commit') "
    "WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)"
)

_PATIENCE_S = 10
"""How long an opener or a writer waits for the others at a SQLite file."""


class Database:
    """An opened database, and where it is, for messages."""

    def __init__(self, url: str, name: str = "the ledger", pragmas: Sequence[str] = ()) -> None:
        """Make ready to connect; `name` is what messages call it, `pragmas` are more settings of SQLite.

        Raises:
            LedgerError: the URL names no database that can hold a ledger.
            MissingExtraError: its driver is not installed.
        """
        self._name = name
        chosen = choose_driver(url)
        self.place = shown(chosen)
        self.is_sqlite = chosen.get_backend_name() == "sqlite"
        # Under a stricter level a writer that waited for its turn would not see what the one before it wrote.
        options = {} if self.is_sqlite else {"isolation_level": "READ COMMITTED", "pool_pre_ping": True}
        try:
            self._engine = sa.create_engine(chosen, **options)
        except ImportError as error:
            raise MissingExtraError(f"{self.place}: the driver of this database is not installed: {error}") from error
        except sa.exc.SQLAlchemyError as error:
            raise LedgerError(f"{self.place}: cannot open {name}: {_cause(error)}") from error
        if self.is_sqlite:
            sa.event.listen(self._engine, "connect", functools.partial(_make_durable, pragmas=pragmas))
            sa.event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        """Release the connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self, deed: str = "read") -> Iterator[sa.Connection]:
        """A transaction that reads; it waits for nobody."""
        with self._told(deed), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, deed: str = "write") -> Iterator[sa.Connection]:
        """A transaction that nobody else can write beside; at its end it is on disk, or nothing of it is."""
        with self._told(deed), self._engine.execution_options(oddloop_writes=True).begin() as connection:
            if not self.is_sqlite:
                connection.execute(_TAKE_TURN, {"lock": _LOCK})
            yield connection

    @contextlib.contextmanager
    def _told(self, deed: str) -> Iterator[None]:
        """Say what went wrong in one sentence, and what to do."""
        try:
            yield
        except (sa.exc.SQLAlchemyError, ConnectionError) as error:
            if isinstance(error, ConnectionError) or getattr(error, "connection_invalidated", False):
                raise LedgerError(
                    f"{self.place}: the connection to {self._name} was lost: {_cause(error)}; nothing that was "
                    "recorded is lost: run the same again, what is recorded already is not recorded twice"
                ) from error
            raise LedgerError(f"{self.place}: cannot {deed} {self._name}: {_cause(error)}") from error
        except TypeError as error:
            if not str(error).startswith("connect()"):
                raise
            raise LedgerError(f"{self.place}: cannot {deed} {self._name}: the driver says {error}") from error


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("oddloop_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_durable(connection: Any, _record: Any, pragmas: Sequence[str]) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late
    # An acknowledged event must survive a power cut, so every commit waits for the disk.
    for pragma in (f"busy_timeout={_PATIENCE_S * 1000}", "journal_mode=WAL", "synchronous=FULL", *pragmas):
        _set_patiently(connection, pragma)


def _set_patiently(connection: Any, pragma: str) -> None:
    """Set it; SQLite itself does not wait where several first openers of a new file change its journal at once."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _cause(error: BaseException) -> str:
    """What the driver says, in its own words."""
    cause = getattr(error, "orig", None) or error
    said = cause.args[0] if cause.args else ""
    text = said.get("M", said) if isinstance(said, dict) else str(cause)  # pg8000 gives the server's fields
    return (str(text).strip() or type(cause).__name__).splitlines()[0]
