"""Decisions in words."""

from __future__ import annotations

from datetime import UTC, datetime

from oddloop.rounds.state import Event

_PAST = {
    "approve": "approved it",
    "reject": "rejected it",
    "defer": "deferred it",
    "swap": "swapped it",
    "undo": "took the decision on it back",
}
_NS_PER_S = 1_000_000_000


def describe(event: Event, *, when: bool = True) -> str:
    """Who decided what, when and why.

    >>> payload = {"scene_id": "a", "decision": "reject", "reason": "blurred"}
    >>> describe(Event(3, "k", "r001", "decided", 1_700_000_000_000_000_000, "Ann", "1", payload))
    'Ann rejected it on 2023-11-14 at 22:13:20 UTC (blurred)'
    """
    said = _PAST.get(str(event.payload["decision"]), str(event.payload["decision"]))
    replacement = event.payload.get("replacement")
    said = f"swapped it for {replacement['scene_id']}" if replacement else said
    reason = f" ({event.payload['reason']})" if event.payload.get("reason") else ""
    at = f" on {at_text(event.at_ns)}" if when else ""
    return f"{event.author} {said}{at}{reason}"


def at_text(at_ns: int) -> str:
    """A time, to the second.

    >>> at_text(0)
    '1970-01-01 at 00:00:00 UTC'
    """
    return f"{datetime.fromtimestamp(at_ns // _NS_PER_S, UTC):%Y-%m-%d at %H:%M:%S} UTC"
