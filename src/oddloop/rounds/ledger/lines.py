"""Events as JSON lines: the form in which a ledger travels, one event per line.

Fields are those of `state.Event`, and `format`, 1: the number changes when the fields do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oddloop.errors import LedgerError
from oddloop.rounds.ledger.rows import check_storable
from oddloop.rounds.state import Event

LINES_FORMAT = 1
_FIELDS: Mapping[str, type] = {
    "format": int,
    "seq": int,
    "key": str,
    "round_id": str,
    "kind": str,
    "at_ns": int,
    "author": str,
    "tool_version": str,
    "payload": dict,
}
_RANGES = {"seq": (1, 2**31 - 1), "at_ns": (-(2**63), 2**63 - 1)}
_WORDS = {int: "a whole number", str: "text", dict: "an object"}


def to_line(event: Event) -> str:
    """One event as one line, without the line's end.

    >>> to_line(Event(1, "r001/closed/a", "r001", "closed", 5, "me", "0.1.0", {}))[:38]
    '{"format": 1, "seq": 1, "key": "r001/c'
    """
    return json.dumps({"format": LINES_FORMAT, **vars(event)}, ensure_ascii=False)


def parse_lines(lines: Iterable[bytes]) -> Iterator[tuple[str, Event]]:
    """The events of an export, each with its place for messages, such as `line 3`.

    Raises:
        LedgerError: a line is malformed, of another format, or out of order; the first such line is named.
    """
    before = 0
    for number, line in enumerate(lines, start=1):
        place = f"line {number}"
        event = _parse(line, place)
        if event.seq <= before:
            raise LedgerError(f"{place}: seq {event.seq} after {before}: lines must stand in the order of the ledger")
        before = event.seq
        yield place, event


def _parse(line: bytes, place: str) -> Event:
    try:
        fields = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise LedgerError(
            f"{place}: not one JSON object; the file may be cut off or damaged: export it again"
        ) from error
    if not isinstance(fields, dict):
        raise LedgerError(f"{place}: not a JSON object")
    if "format" in fields and fields["format"] != LINES_FORMAT:
        raise LedgerError(f"{place}: format {fields['format']!r}, this oddloop reads {LINES_FORMAT}; upgrade oddloop")
    _check_fields(fields, place)
    del fields["format"]
    event = Event(**fields)
    if not event.key.startswith(f"{event.round_id}/{event.kind}/"):
        raise LedgerError(f"{place}: key {event.key!r:.80} does not begin with {event.round_id}/{event.kind}/")
    try:
        check_storable(event)
    except LedgerError as error:
        raise LedgerError(f"{place}: {error}") from error
    return event


def _check_fields(fields: dict[str, Any], place: str) -> None:
    if missing := [name for name in _FIELDS if name not in fields]:
        raise LedgerError(f"{place}: {', '.join(missing)} missing; an event has {', '.join(_FIELDS)}")
    if unknown := sorted(set(fields) - set(_FIELDS)):
        raise LedgerError(f"{place}: unknown {', '.join(unknown)[:80]}; an event has {', '.join(_FIELDS)}")
    for name, kind in _FIELDS.items():
        value = fields[name]
        low, high = _RANGES.get(name, (value, value))
        if type(value) is not kind or not (kind is not int or low <= value <= high):
            raise LedgerError(f"{place}: {name} is {value!r:.80}; it must be {_WORDS[kind]}{_range_of(name)}")


def _range_of(name: str) -> str:
    return " from {} to {}".format(*_RANGES[name]) if name in _RANGES else ""
