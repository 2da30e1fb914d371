"""Moments as people read them, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

_NS_PER_S = 1_000_000_000


def moment(at_ns: int | None) -> str:
    """A time of the ledger, to the minute.

    >>> moment(1_795_749_291_292_794_503), moment(None)
    ('2026-11-27 03:14 UTC', '–')
    """
    return "–" if at_ns is None else f"{_at(at_ns):%Y-%m-%d %H:%M} UTC"


def when(at_ns: int) -> str:
    """The same for `<time datetime>`.

    >>> when(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{_at(at_ns):%Y-%m-%dT%H:%M:%SZ}"


def _at(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns // _NS_PER_S, UTC)
