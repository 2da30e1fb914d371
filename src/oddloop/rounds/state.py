"""What a round is at any time: a fold over its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

MOVES: Mapping[str, tuple[str, ...]] = {
    "": ("opened", "proposed", "labelled"),
    "opened": ("proposed",),
    "proposed": ("proposed", "decided", "reviewed", "sent", "labelled"),
    "reviewed": ("sent", "labelled", "closed"),
    "sent": ("sent", "labelled", "received"),
    "labelled": ("trained", "train_failed", "closed", "received"),
    "train_failed": ("trained", "train_failed", "closed", "received"),
    "trained": ("evaluated", "received"),
    "evaluated": ("closed", "evidence", "received"),
    "closed": ("evidence", "received"),
}
"""Which event kinds may follow each status; "" is a round that has not begun. Review and sending may be left out."""
BEFORE_LABELS = ("proposed", "reviewed", "sent")
"""Statuses of a round whose picks wait for labels."""
STAYS = ("decided", "received", "evidence")
"""Event kinds that leave the status as it is."""
DISCOVERY = "discovery"
"""Stands for a round in events that concern clusters and their names; see `rounds/discovery`."""
STOPPING = "stopping"
"""Stands for a round in events that say why no round was proposed; see `rounds/stopping`."""
REVIEW = "review"
"""Stands for a round in decisions on scenes that are no picks of the open one; see `rounds/review`."""
MODELS = "models"
"""Stands for a round in events that say which model is in service; see `rounds/deploy`."""
TRACKER = "tracker"
"""Stands for a round in events that say what was pushed to the experiment tracker; see `rounds/tracking`."""
SAVED = "saved"
"""Stands for a round in events that say which searches and lists of scenes are kept; see `rounds/saved`."""
BESIDE_ROUNDS = (DISCOVERY, STOPPING, REVIEW, MODELS, TRACKER, SAVED)
"""What stands for a round in events that belong to none."""
ROUND_ZERO = "r000"
"""The round of the labels that were there before oddloop: it has no picks, but a first model and its metrics."""


@dataclass(frozen=True)
class Event:
    """One line of the ledger.

    Attributes:
        seq: place in the ledger, from 1.
        key: makes the event unique, so that recording it again adds nothing.
        round_id: the round concerned.
        kind: what happened; becomes the round's status, save that of a single decision on a pick.
        at_ns: when, ns since the Unix epoch.
        author: who.
        tool_version: oddloop's version.
        payload: what exactly; its fields depend on the kind (docs/rounds.md).
    """

    seq: int
    key: str
    round_id: str
    kind: str
    at_ns: int
    author: str
    tool_version: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class RoundState:
    """A round as its events so far have made it; parts that have not happened yet are empty.

    `decisions` holds the last decision on each scene of the current proposal; another proposal empties it.
    `skipped` are picks that annotators looked at and left without labels; a round does not wait for them.
    """

    round_id: str
    status: str
    proposal: Mapping[str, Any] = field(default_factory=dict)
    decisions: Mapping[str, Event] = field(default_factory=dict)
    review: Mapping[str, Any] = field(default_factory=dict)
    sending: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    skipped: frozenset[str] = frozenset()
    n_events: int = 0

    @property
    def number(self) -> int:
        """The round's number, 0 for round zero."""
        return int(self.round_id.removeprefix("r"))

    @property
    def picks(self) -> list[Mapping[str, Any]]:
        """Picks in greedy order, each with cost and reasons: those that review has left, once it is done."""
        return list((self.review or self.proposal).get("picks", ()))

    @property
    def pick_ids(self) -> list[str]:
        """Scene ids of the picks, in greedy order."""
        return [str(pick["scene_id"]) for pick in self.picks]

    @property
    def cost(self) -> float:
        """Predicted cost of the picks, in the cost unit; 0 without picks."""
        return float((self.review or self.proposal).get("cost", 0.0))

    @property
    def awaited_ids(self) -> list[str]:
        """Picks that are to get labels, in greedy order: all but those that annotators left without."""
        return [scene_id for scene_id in self.pick_ids if scene_id not in self.skipped]

    @property
    def is_open(self) -> bool:
        """Whether the round waits for picks, labels, training or evaluation."""
        return self.status != "closed"


_PARTS = {
    "proposed": "proposal",
    "reviewed": "review",
    "sent": "sending",
    "labelled": "labels",
    "trained": "training",
    "train_failed": "training",
    "evaluated": "evaluation",
    "evidence": "evidence",
}


def fold(events: Iterable[Event], before: RoundState | None = None) -> RoundState | None:
    """State after a round's events, or None where there are none; `before` is the state that earlier ones made."""
    changes: dict[str, Any] = {}
    decisions = dict(before.decisions) if before else {}
    skipped = before.skipped if before else frozenset()
    round_id, n_events = (before.round_id, before.n_events) if before else ("", 0)
    for event in events:
        round_id, n_events = event.round_id, n_events + 1
        if event.kind not in STAYS:
            changes["status"] = event.kind
        if event.kind in _PARTS:
            changes[_PARTS[event.kind]] = event.payload
        if event.kind == "proposed":
            decisions = {}
        if event.kind == "decided":
            decisions[str(event.payload["scene_id"])] = event
        if event.kind == "received":
            skipped = (skipped | set(event.payload.get("skipped", ()))) - set(event.payload.get("scenes", ()))
    if not n_events:
        return None
    return replace(
        before or RoundState(round_id, ""), **changes, decisions=decisions, skipped=skipped, n_events=n_events
    )


def newest_open(rounds: Sequence[RoundState]) -> RoundState | None:
    """The newest round that is not closed; `rounds` are oldest first.

    >>> newest_open([RoundState("r001", "closed")]) is None
    True
    """
    return next((state for state in reversed(rounds) if state.is_open), None)


def next_number(rounds: Iterable[RoundState]) -> int:
    """The number of the round after all of these.

    >>> next_number([RoundState("r001", "closed")]), next_number([])
    (2, 1)
    """
    return 1 + max((state.number for state in rounds), default=0)


def round_name(number: int) -> str:
    """Round id of a number.

    >>> round_name(7)
    'r007'
    """
    return f"r{number:03d}"
