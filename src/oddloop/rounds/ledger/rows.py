"""Events as rows of a table, and who adds them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.rounds.ledger.schema import EVENTS
from oddloop.rounds.state import Event


@dataclass(frozen=True)
class Author:
    """Who acts, and when: given by the shell, so that the ledger itself reads no clock."""

    name: str
    at_ns: int


def read_events(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[Event]:
    """The events that all conditions hold for, in the order in which they were recorded."""
    query = sa.select(EVENTS).where(*conditions).order_by(EVENTS.c.seq)
    return [
        Event(r.seq, r.event_key, r.round_id, r.kind, r.at_ns, r.author, r.tool_version, json.loads(r.payload))
        for r in connection.execute(query)
    ]


def last_seq(connection: sa.Connection) -> int:
    """Number of the last event, 0 where there is none."""
    return connection.execute(sa.select(sa.func.max(EVENTS.c.seq))).scalar() or 0


def insert_events(connection: sa.Connection, events: list[Event]) -> None:
    """Add rows; their numbers are given by whoever holds the ledger, so that there are no gaps to wonder about."""
    rows = [
        {
            "seq": event.seq,
            "event_key": event.key,
            "round_id": event.round_id,
            "kind": event.kind,
            "at_ns": event.at_ns,
            "author": event.author,
            "tool_version": event.tool_version,
            "payload": to_text(event.payload),
        }
        for event in events
    ]
    if rows:
        connection.execute(sa.insert(EVENTS), rows)


def to_text(payload: Mapping[str, Any]) -> str:
    """A payload as it is stored."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False)


def plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload as it is read back: of lists, dicts, texts and numbers.

    >>> plain({"picks": ("a", "b")})
    {'picks': ['a', 'b']}
    """
    read: dict[str, Any] = json.loads(to_text(payload))
    return read


def check_storable(event: Event) -> None:
    """Refuse text that not every database can hold.

    Raises:
        LedgerError: a NUL character, or half of a character.
    """
    for name in ("key", "round_id", "kind", "author", "tool_version"):
        _check_text(name, getattr(event, name))
    _check_text("payload", to_text(event.payload))


def _check_text(name: str, text: str) -> None:
    if "\0" in text or not _is_unicode(text):
        raise LedgerError(f"an event's {name} holds a character that no database can keep: {text!r:.80}")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
