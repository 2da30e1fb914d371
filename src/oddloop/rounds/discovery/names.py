"""What people say of clusters: a fold over the ledger's `named` events.

A cluster to which a name was given is a scenario. Each event carries only what was said; the last word of each field
counts, notes add up. A question is open where a named cluster split or merged since, until somebody answers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from oddloop.rounds.state import Event

Status = Literal["new", "confirmed", "noise", "covered"]
STATUSES: tuple[str, ...] = get_args(Status)
SETTLED = frozenset({"noise", "covered"})
"""Statuses that need no more looking at."""
NAMED, CLUSTERED = "named", "clustered"
ASKING = frozenset({"split", "merged"})
"""Events after which somebody must say what a name now means."""


@dataclass(frozen=True)
class Note:
    """What somebody wrote of a cluster, and when (ns since the Unix epoch)."""

    text: str
    author: str
    at_ns: int


@dataclass(frozen=True)
class Scenario:
    """What people said of one cluster; "" and 0 where nobody has said.

    Attributes:
        cluster_id: the cluster.
        name: the scenario's name.
        risk: risk level; see `discover.risk`.
        priority: 1 is first; 0 is none.
        status: `new`, `confirmed`, `noise` or `covered`.
        notes: in the order of time.
        author, at_ns: who said something last, and when.
    """

    cluster_id: str
    name: str = ""
    risk: str = ""
    priority: int = 0
    status: str = "new"
    notes: tuple[Note, ...] = ()
    author: str = ""
    at_ns: int = 0


@dataclass(frozen=True)
class Question:
    """What became of a named cluster, and what somebody must say."""

    cluster_id: str
    name: str
    event: str
    into: tuple[str, ...]
    text: str


def fold_names(events: Iterable[Event]) -> dict[str, Scenario]:
    """What was said of each cluster, by cluster id, from the events of `state.DISCOVERY`."""
    found: dict[str, Scenario] = {}
    for event in events:
        if event.kind == NAMED:
            _take_in(found, event)
    return found


def _take_in(found: dict[str, Scenario], event: Event) -> None:
    before = found.get(event.payload["cluster_id"], Scenario(event.payload["cluster_id"]))
    found[before.cluster_id] = _said(before, event)


def _said(before: Scenario, event: Event) -> Scenario:
    said = {k: event.payload[k] for k in ("name", "risk", "priority", "status") if k in event.payload}
    note = event.payload.get("note")
    notes = (*before.notes, Note(note, event.author, event.at_ns)) if note else before.notes
    return replace(before, **said, notes=notes, author=event.author, at_ns=event.at_ns)


def open_questions(events: Iterable[Event]) -> list[Question]:
    """Questions that nobody has answered, oldest first.

    Answered is a question by a `named` event whose `answers` is its cluster. A newer run's question of the same cluster
    takes the place of an older one.
    """
    names: dict[str, Scenario] = {}
    asked: dict[str, Question] = {}
    for event in events:
        if event.kind == NAMED:
            _take_in(names, event)
            asked.pop(str(event.payload.get("answers", "")), None)
        elif event.kind == CLUSTERED:
            for told in event.payload["changes"]:
                _ask(asked, names, told)
    return list(asked.values())


def _ask(asked: dict[str, Question], names: Mapping[str, Scenario], told: Mapping[str, Any]) -> None:
    name = names.get(told["cluster_id"], Scenario("")).name
    if not name or told["event"] not in ASKING:
        return
    asked[told["cluster_id"]] = Question(
        told["cluster_id"],
        name,
        told["event"],
        tuple(told["into"]),
        f"{name}: {told['text']}. Say which of them it is: oddloop discover name CLUSTER --from {told['cluster_id']}; "
        f"or that none is: oddloop discover settle {told['cluster_id']}",
    )
