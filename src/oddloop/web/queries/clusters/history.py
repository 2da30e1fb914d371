"""What became of a cluster, and what people said of it, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oddloop.rounds.discovery.names import CLUSTERED, NAMED
from oddloop.rounds.state import Event

_SAID = ("name", "risk", "priority", "status", "note", "answers")


@dataclass(frozen=True)
class Said:
    """A field and what was said in it."""

    field: str
    value: str


@dataclass(frozen=True)
class Chapter:
    """Something that happened to a cluster.

    Attributes:
        what: `emerged`, `split`, `merged`, `died`, `revived`, or `named` where somebody said something.
        cluster_id: the cluster it happened to; another one where that went on in this one.
        into: ids under which its scenes went on.
        n_before, n_common: its scenes that both discoveries have, and those of them that went on in `into`.
        said: what was said.
        by, at_ns: who, and when.
    """

    what: str
    cluster_id: str
    into: tuple[str, ...]
    n_before: int
    n_common: int
    said: tuple[Said, ...]
    by: str
    at_ns: int


def history_of(events: Sequence[Event], cluster_id: str) -> tuple[Chapter, ...]:
    """The life of a cluster from the ledger, newest first; empty where it never was."""
    return tuple(reversed(list(_chapters(events, cluster_id))))


def _chapters(events: Iterable[Event], cluster_id: str) -> Iterator[Chapter]:
    began = 1
    for event in events:
        if event.kind == CLUSTERED:
            after = int(event.payload["next_number"])
            if began <= number_of(cluster_id) < after:
                yield Chapter("emerged", cluster_id, (), 0, 0, (), event.author, event.at_ns)
            began = after
            yield from _changes(event, cluster_id)
        elif event.kind == NAMED and cluster_id in (event.payload["cluster_id"], event.payload.get("answers")):
            said = tuple(Said(key, str(event.payload[key])) for key in _SAID if key in event.payload)
            yield Chapter("named", event.payload["cluster_id"], (), 0, 0, said, event.author, event.at_ns)


def _changes(event: Event, cluster_id: str) -> Iterator[Chapter]:
    for told in event.payload["changes"]:
        if cluster_id == told["cluster_id"] or cluster_id in told["into"]:
            counts = int(told["n_before"]), int(told["n_common"])
            into = tuple(told["into"])
            yield Chapter(told["event"], told["cluster_id"], into, *counts, (), event.author, event.at_ns)


def number_of(cluster_id: str) -> int:
    """The number that a lasting id bears; 0 where it is none.

    >>> number_of("c0007"), number_of("x")
    (7, 0)
    """
    digits = cluster_id.removeprefix("c")
    return int(digits) if digits.isdecimal() and digits.isascii() else 0
