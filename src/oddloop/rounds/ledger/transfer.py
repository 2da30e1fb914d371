"""Take in what another ledger recorded: the same checks as for any event, all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.rounds.ledger.moves import check_move, last_status
from oddloop.rounds.ledger.rows import insert_events, last_seq, read_events, to_text
from oddloop.rounds.ledger.schema import EVENTS
from oddloop.rounds.state import STAYS, Event

_BATCH = 500
"""Rows per statement; SQLite takes at most 999 parameters in older versions."""


@dataclass(frozen=True)
class Imported:
    """How many events an import added, and how many were there already."""

    n_new: int
    n_known: int


def take_in(connection: sa.Connection, placed: Sequence[tuple[str, Event]]) -> Imported:
    """Add the events that are not known yet, each with its place for messages, inside the connection's transaction.

    An event keeps its number where that is free at the end of the ledger, and gets the next one otherwise.

    Raises:
        LedgerError: an event that its round's state does not allow, or that differs from the known one of its key.
    """
    known = _known(connection, [event.key for _, event in placed])
    new: list[Event] = []
    seq, status = last_seq(connection), _Statuses(connection)
    for place, event in placed:
        if event.key in known:
            _check_same(place, event, known[event.key])
            continue
        seq = max(seq + 1, event.seq)
        known[event.key] = added = replace(event, seq=seq)
        status.move(place, added)
        new.append(added)
    for begin in range(0, len(new), _BATCH):
        insert_events(connection, new[begin : begin + _BATCH])
    return Imported(len(new), len(placed) - len(new))


class _Statuses:
    """Statuses of the rounds, asked of the ledger once and then followed."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._statuses: dict[str, str] = {}

    def move(self, place: str, event: Event) -> None:
        if event.round_id not in self._statuses:
            self._statuses[event.round_id] = last_status(self._connection, event.round_id)
        try:
            check_move(event, self._statuses[event.round_id])
        except LedgerError as error:
            raise LedgerError(f"{place}: {error}") from error
        if event.kind not in STAYS:
            self._statuses[event.round_id] = event.kind


def _known(connection: sa.Connection, keys: Sequence[str]) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for begin in range(0, len(keys), _BATCH):
        asked = EVENTS.c.event_key.in_(keys[begin : begin + _BATCH])
        found |= {event.key: event for event in read_events(connection, asked)}
    return found


def _check_same(place: str, event: Event, known: Event) -> None:
    for name in ("round_id", "kind", "at_ns", "author", "tool_version", "payload"):
        ours, theirs = getattr(known, name), getattr(event, name)
        if ours != theirs and (name != "payload" or to_text(ours) != to_text(theirs)):
            raise LedgerError(
                f"{place}: another event is known under the key {event.key!r:.80}: its {name} differs; "
                "these are ledgers of two different loops"
            )
