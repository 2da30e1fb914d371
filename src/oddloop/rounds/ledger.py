"""The ledger: an append-only record of rounds, in SQLite by default.

Events are only ever added; a round's state is a fold over its events (`rounds/state.py`). Every event is committed and
synced before `append` returns, and an event with a known key is not added twice, so a killed run can simply run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oddloop import __version__
from oddloop.errors import LedgerError, MissingExtraError, WorkspaceError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import BESIDE_ROUNDS, MOVES, Event, RoundState, fold

LEDGER_FORMAT = 1
"""Format 1: `meta` (name, value); `events` as `state.Event`, its payload as JSON."""

_AGAIN = "#"
"""Parts an event's key from a number, where the same proposal came again after another one."""

_METADATA = sa.MetaData()
_META = sa.Table("meta", _METADATA, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String))
_EVENTS = sa.Table(
    "events",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("event_key", sa.String, nullable=False, unique=True),
    sa.Column("round_id", sa.String, nullable=False, index=True),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("tool_version", sa.String, nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Author:
    """Who acts, and when: given by the shell, so that the ledger itself reads no clock."""

    name: str
    at_ns: int


class Ledger:
    """An opened ledger.

    >>> ledger = Ledger("sqlite://")
    >>> ledger.append("r001", "proposed", {"picks": []}, key="a", author=Author("me", 1)).seq
    1
    >>> ledger.round("r001").status
    'proposed'
    """

    def __init__(self, url: str) -> None:
        """Open, and make where it is missing, the ledger at an SQLAlchemy URL.

        Raises:
            LedgerError: the database cannot be opened, or is of another format.
        """
        try:
            self._engine = sa.create_engine(url)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _make_durable)
                sa.event.listen(self._engine, "begin", _begin_at_once)
            with self._engine.begin() as connection:
                _METADATA.create_all(connection)
                self._check_format(connection, url)
        except ImportError as error:
            raise MissingExtraError(f"{_shown(url)}: the driver of this database is not installed: {error}") from error
        except sa.exc.SQLAlchemyError as error:
            raise LedgerError(f"{_shown(url)}: cannot open the ledger: {_cause(error)}") from error

    def close(self) -> None:
        """Release the database."""
        self._engine.dispose()

    def append(
        self,
        round_id: str,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str,
        author: Author,
        guard: Callable[[RoundState | None], None] | None = None,
    ) -> Event:
        """Add an event, durably; where the key is already there, return that event and add nothing.

        `guard` sees the round as it is at that very moment, and raises where the event must not follow: what somebody
        else has recorded since the writer looked is thus never overwritten.

        Raises:
            LedgerError: the round's state does not allow such an event.
        """
        event_key = f"{round_id}/{kind}/{key}"
        with self._engine.begin() as connection:
            before = self._read(connection, round_id)
            same = (event for event in reversed(before) if event.key.partition(_AGAIN)[0] == event_key)
            known = next(same, None)
            if known is not None and (kind != "proposed" or known == before[-1]):
                return known
            if known is not None:  # the same proposal again, after another one in between
                event_key = f"{event_key}{_AGAIN}{len(before)}"
            _refuse(round_id, kind, before, guard)
            return self._insert(connection, round_id, kind, payload, event_key, author)

    def _insert(
        self, connection: sa.Connection, round_id: str, kind: str, payload: Mapping[str, Any], key: str, author: Author
    ) -> Event:
        connection.execute(
            sa.insert(_EVENTS).values(
                event_key=key,
                round_id=round_id,
                kind=kind,
                at_ns=author.at_ns,
                author=author.name,
                tool_version=__version__,
                payload=json.dumps(payload, sort_keys=True, ensure_ascii=False),
            )
        )
        return self._read(connection, round_id)[-1]

    def events(self, round_id: str | None = None) -> list[Event]:
        """Events in the order in which they were recorded, of one round or of all."""
        with self._engine.begin() as connection:
            return self._read(connection, round_id)

    def rounds(self) -> list[RoundState]:
        """State of every round, oldest first."""
        by_round: dict[str, list[Event]] = {}
        for event in self.events():
            if event.round_id not in BESIDE_ROUNDS:
                by_round.setdefault(event.round_id, []).append(event)
        return [state for events in by_round.values() if (state := fold(events)) is not None]

    def round(self, round_id: str) -> RoundState:
        """State of one round.

        Raises:
            LedgerError: there is no such round; the known ones are named.
        """
        state = fold(self.events(round_id))
        if state is None:
            known = ", ".join(s.round_id for s in self.rounds()) or "none yet; `oddloop run` proposes the first"
            raise LedgerError(f"round {round_id!r} does not exist; rounds: {known}")
        return state

    def _read(self, connection: sa.Connection, round_id: str | None) -> list[Event]:
        query = sa.select(_EVENTS).order_by(_EVENTS.c.seq)
        if round_id is not None:
            query = query.where(_EVENTS.c.round_id == round_id)
        return [
            Event(r.seq, r.event_key, r.round_id, r.kind, r.at_ns, r.author, r.tool_version, json.loads(r.payload))
            for r in connection.execute(query)
        ]

    @staticmethod
    def _check_format(connection: sa.Connection, url: str) -> None:
        found = connection.execute(sa.select(_META.c.value).where(_META.c.name == "format")).scalar()
        if found is None:
            connection.execute(sa.insert(_META).values(name="format", value=str(LEDGER_FORMAT)))
        elif found != str(LEDGER_FORMAT):
            raise LedgerError(
                f"{_shown(url)}: ledger format {found}, this oddloop reads {LEDGER_FORMAT}; upgrade oddloop"
            )


def _refuse(round_id: str, kind: str, before: list[Event], guard: Callable[[RoundState | None], None] | None) -> None:
    state = None if round_id in BESIDE_ROUNDS else fold(before)
    if round_id not in BESIDE_ROUNDS:
        status = state.status if state else ""
        allowed = MOVES.get(status, ())
        if kind not in allowed:
            raise LedgerError(
                f"round {round_id} is {status or 'not begun'}: it cannot become {kind}; "
                f"it may become {', '.join(allowed) or 'nothing more'}"
            )
    if guard is not None:
        guard(state)


def _begin_at_once(connection: sa.Connection) -> None:
    # Two writers that both read and then both write would each miss the other's event.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_durable(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would come too late
    # An acknowledged event must survive a power cut, so every commit waits for the disk.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")


def _shown(url: str) -> str:
    """The URL without what may be secret: password and query."""
    try:
        return sa.make_url(url).set(query={}).render_as_string(hide_password=True)
    except sa.exc.SQLAlchemyError:
        return "[ledger] url"


def _cause(error: sa.exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
    """
    url = workspace.config.ledger.url
    if not url and not workspace.storage.is_local:
        raise WorkspaceError(f"{workspace.storage.url}: an object store cannot hold the ledger; set [ledger] url")
    return Ledger(url or f"sqlite:///{workspace.storage.local_path('ledger.db')}")
