"""Whether an event may follow, from as few rows as will do: a round may have many thousand events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from oddloop.errors import LedgerError
from oddloop.rounds.ledger.rows import last_seq, read_events
from oddloop.rounds.ledger.schema import EVENTS
from oddloop.rounds.state import BESIDE_ROUNDS, MOVES, STAYS, Event

_ROUND_ID = re.compile(r"r[0-9]{1,9}")
_RETURNING = ("sent", "received", "evidence")
"""Kinds of which the same may come again after another one: sent elsewhere and back, settings changed and back."""
_AGAIN = "#"
"""Parts an event's key from a number, where the same proposal came again after another one."""
_MOVING = sorted({kind for kinds in MOVES.values() for kind in kinds} - set(STAYS))


def find_known(connection: sa.Connection, wanted: Event) -> tuple[Event | None, str]:
    """The event that is recorded under the wanted one's key, if any, and the key that a new one is to have.

    What can go back and forth counts as known only while it is the newest of its kind in its round, a proposal only
    while nothing at all followed it: after another one it is news again.
    """
    if wanted.kind not in ("proposed", *_RETURNING):
        known = read_events(connection, EVENTS.c.event_key == wanted.key)
        return (known[0] if known else None), wanted.key
    newest = sa.select(EVENTS.c.seq, EVENTS.c.event_key).where(EVENTS.c.round_id == wanted.round_id)
    if wanted.kind in _RETURNING:
        newest = newest.where(EVENTS.c.kind == wanted.kind)
    last = connection.execute(newest.order_by(EVENTS.c.seq.desc()).limit(1)).first()
    if last is not None and _is_again(last.event_key, wanted.key):
        return read_events(connection, EVENTS.c.seq == last.seq)[0], wanted.key
    is_there = connection.execute(sa.select(EVENTS.c.seq).where(EVENTS.c.event_key == wanted.key)).first()
    return None, f"{wanted.key}{_AGAIN}{last_seq(connection) + 1}" if is_there else wanted.key


def _is_again(key: str, wanted: str) -> bool:
    return key == wanted or (key.startswith(f"{wanted}{_AGAIN}") and key[len(wanted) + 1 :].isdecimal())


def last_status(connection: sa.Connection, round_id: str) -> str:
    """A round's status, "" where it has not begun."""
    # Grouped, since a database would rather walk back by `seq`, past thousands of decisions.
    last = sa.func.max(EVENTS.c.seq)
    moved = sa.select(EVENTS.c.kind, last).where(EVENTS.c.round_id == round_id, EVENTS.c.kind.in_(_MOVING))
    rows = [(int(row[1]), str(row[0])) for row in connection.execute(moved.group_by(EVENTS.c.kind))]
    return max(rows)[1] if rows else ""


def check_move(event: Event, status: str) -> None:
    """Refuse an event that a round's status does not allow, or whose payload cannot be folded.

    Raises:
        LedgerError: what the round is, and what it may become.
    """
    if event.round_id in BESIDE_ROUNDS:
        return
    if not _ROUND_ID.fullmatch(event.round_id):
        raise LedgerError(f"{event.round_id!r:.80} is no round; rounds are called r000, r001 and so on")
    allowed = MOVES.get(status, ())
    if event.kind not in allowed:
        raise LedgerError(
            f"round {event.round_id} is {status or 'not begun'}: it cannot become {event.kind}; "
            f"it may become {', '.join(allowed) or 'nothing more'}"
        )
    if event.kind == "decided" and not isinstance(event.payload.get("scene_id"), str):
        raise LedgerError(f"round {event.round_id}: a decision without scene_id")
    if not _are_picks(event.payload):
        raise LedgerError(f"round {event.round_id}: {event.kind} with picks that are no list of objects with scene_id")


def _are_picks(payload: Mapping[str, Any]) -> bool:
    picks = payload.get("picks", [])
    return isinstance(picks, list) and all(isinstance(p, dict) and isinstance(p.get("scene_id"), str) for p in picks)
