"""An opened ledger: append, read, and look at any moment of the past."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from oddloop import __version__
from oddloop.errors import LedgerError
from oddloop.rounds.ledger.database import Database
from oddloop.rounds.ledger.folded import Folded
from oddloop.rounds.ledger.formats import bring_up_to_date
from oddloop.rounds.ledger.moves import check_move, find_known, last_status
from oddloop.rounds.ledger.rows import Author, check_storable, insert_events, last_seq, plain, read_events
from oddloop.rounds.ledger.schema import EVENTS
from oddloop.rounds.ledger.transfer import Imported, take_in
from oddloop.rounds.state import BESIDE_ROUNDS, Event, RoundState

Guard = Callable[[RoundState | None], None]
"""Sees a round, None where it has not begun, and raises where an event must not follow."""


class Ledger:
    """An opened ledger; one may be shared by threads.

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
            MissingExtraError: the database's driver is not installed.
        """
        self._database = Database(url)
        self._folded = Folded()
        try:
            bring_up_to_date(self._database)
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Release the database."""
        self._database.close()

    def append(
        self,
        round_id: str,
        kind: str,
        payload: Mapping[str, Any],
        *,
        key: str,
        author: Author,
        guard: Guard | None = None,
    ) -> Event:
        """Add an event, durably; where the key is already there, return that event and add nothing.

        `guard` sees the round as it is at that very moment, and raises where the event must not follow: what somebody
        else has recorded since the writer looked is thus never overwritten.

        Raises:
            LedgerError: the round's state does not allow such an event, or the database cannot be reached.
        """
        wanted = Event(
            0, f"{round_id}/{kind}/{key}", round_id, kind, author.at_ns, author.name, __version__, plain(payload)
        )
        check_storable(wanted)
        with self._database.writing() as connection:
            known, event_key = find_known(connection, wanted)
            if known is not None:
                return known
            check_move(wanted, "" if round_id in BESIDE_ROUNDS else last_status(connection, round_id))
            if guard is not None:
                guard(None if round_id in BESIDE_ROUNDS else self._state(connection, round_id))
            event = Event(last_seq(connection) + 1, event_key, *_after_key(wanted))
            insert_events(connection, [event])
        return event

    def take_in(self, placed: Iterable[tuple[str, Event]]) -> Imported:
        """Add what another ledger recorded, all of it or nothing; what is known already adds nothing.

        Each event comes with its place, which begins the message where it is refused.

        Raises:
            LedgerError: an event that its round's state does not allow, or that differs from the known one of its key.
        """
        events = list(placed)
        with self._database.writing() as connection:
            return take_in(connection, events)

    def events(self, round_id: str | None = None, *, since: int = 0, as_of: int | None = None) -> list[Event]:
        """Events in the order in which they were recorded, of one round or of all.

        Args:
            round_id: the round; None for all.
            since: only events after this number.
            as_of: only events up to this number.
        """
        with self._database.reading() as connection:
            return read_events(connection, *_within(round_id, since, as_of))

    def rounds(self, *, as_of: int | None = None) -> list[RoundState]:
        """State of every round, oldest first: now, or when the event of number `as_of` had just been recorded."""
        folded = self._folded if as_of is None else Folded()
        folded.take(self.events(since=folded.seen(), as_of=as_of), are_all=True)
        return folded.states()

    def round(self, round_id: str, *, as_of: int | None = None) -> RoundState:
        """State of one round: now, or when the event of number `as_of` had just been recorded.

        Raises:
            LedgerError: there is no such round; the known ones are named.
        """
        folded = self._folded if as_of is None else Folded()
        if round_id not in BESIDE_ROUNDS:
            folded.take(self.events(round_id, since=folded.seen(round_id), as_of=as_of), are_all=False)
        state = folded.state(round_id)
        if state is None:
            known = ", ".join(s.round_id for s in self.rounds(as_of=as_of))
            known = known or "none yet; `oddloop run` proposes the first"
            raise LedgerError(f"round {round_id!r} does not exist; rounds: {known}")
        return state

    def seq_at(self, at_ns: int) -> int:
        """Number of the last event before the first that is later than `at_ns` (ns since the Unix epoch).

        Writers' clocks may disagree; nothing that was recorded after something later is taken to be known already.
        """
        later = sa.select(sa.func.min(EVENTS.c.seq) - 1).where(EVENTS.c.at_ns > at_ns).scalar_subquery()
        last = sa.select(sa.func.max(EVENTS.c.seq)).scalar_subquery()
        with self._database.reading() as connection:  # in one question, so that nothing comes in between
            return int(connection.execute(sa.select(sa.func.coalesce(later, last, 0))).scalar_one())

    def _state(self, connection: sa.Connection, round_id: str) -> RoundState | None:
        after = self._folded.seen(round_id)
        self._folded.take(read_events(connection, *_within(round_id, after, None)), are_all=False)
        return self._folded.state(round_id)


def _after_key(event: Event) -> tuple[Any, ...]:
    return event.round_id, event.kind, event.at_ns, event.author, event.tool_version, event.payload


def _within(round_id: str | None, since: int, as_of: int | None) -> list[sa.ColumnElement[bool]]:
    conditions = [EVENTS.c.seq > since] if since else []
    if round_id is not None:
        conditions.append(EVENTS.c.round_id == round_id)
    if as_of is not None:
        conditions.append(EVENTS.c.seq <= as_of)
    return conditions
