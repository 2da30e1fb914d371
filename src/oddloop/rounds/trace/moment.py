"""One moment in the life of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from oddloop.rounds.state import Event


@dataclass(frozen=True)
class Moment:
    """What happened to a scene.

    Attributes:
        kind: `scene`, `first_seen`, `cluster`, `candidate`, `picked`, `decided`, `reviewed`, `sent`, `received`,
            `labelled`, `trained`, `changed` or `evidence`.
        text: one sentence for people.
        at_ns: when, ns since the Unix epoch; None where no one recorded it.
        author: who; "" where it was nobody.
        round_id: the round; "" for none.
        detail: the figures behind the sentence.
        seq: place of the event in the ledger that tells of it; None where none does.
    """

    kind: str
    text: str
    at_ns: int | None = None
    author: str = ""
    round_id: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    seq: int | None = None

    @staticmethod
    def of(event: Event, text: str, detail: Mapping[str, Any] | None = None, *, kind: str = "") -> Moment:
        """A moment that an event of the ledger tells of."""
        return Moment(kind or event.kind, text, event.at_ns, event.author, event.round_id, detail or {}, event.seq)

    def to_json(self) -> dict[str, Any]:
        """Plain content."""
        return asdict(self)
