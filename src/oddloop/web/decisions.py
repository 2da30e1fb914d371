"""What people decide in a review, written to the ledger under their name, and how they are told that others were first.

Nothing here holds the workspace: a decision is one transaction of the ledger. A swap asks the round's policy for
another scene before, which takes as long as one selection; one is computed at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.config import JsonDict
from pydantic_core.core_schema import ValidationInfo
from starlette.exceptions import HTTPException

from oddloop.rounds.review import SWAP, Board, decide, finish
from oddloop.rounds.state import Event
from oddloop.web.forms import AsJson
from oddloop.web.queries.review import Spent, spent_of
from oddloop.web.store import Store

_SWAP_WAIT_S = 20.0
_swapping = threading.BoundedSemaphore(1)
Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Number = Annotated[int, Field(strict=True, ge=0, le=2**53), AsJson]
Seen = Annotated[Number, Field(description="number of the last decision that you have seen; 0: none")]
Kept = Annotated[int, Field(strict=True, ge=1, le=10**6), AsJson]
_REASONED = ("reject", "swap")
_WITH_REASON: JsonDict = {
    "if": {"properties": {"decision": {"enum": [*_REASONED]}}, "required": ["decision"]},
    "then": {"properties": {"reason": {"pattern": r"\S"}}, "required": ["reason"]},
}


class DecisionAsked(BaseModel):
    """A decision on a pick."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_WITH_REASON)
    scene_id: Annotated[Text, Field(min_length=1)]
    decision: Literal["approve", "reject", "defer", "swap", "undo"]
    reason: Annotated[Text, Field(description="`reject` and `swap` need one", validate_default=True)] = ""
    seen: Seen = 0

    @field_validator("reason")
    @classmethod
    def _needs_a_reason(cls, reason: str, info: ValidationInfo) -> str:
        if info.data.get("decision") in _REASONED and not reason.strip():
            raise ValueError("say why; later rounds are told")
        return reason


class FinishAsked(BaseModel):
    """The end of a review."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    seen: Annotated[Number, Field(description="`seen` of the review that you have looked at")]
    keep: Annotated[Kept | None, Field(description="keep so many picks, the first approved ones")] = None
    approve_rest: Annotated[bool, Field(strict=True, description="approve what nobody has decided on"), AsJson] = False


@dataclass(frozen=True)
class Decided:
    """What was recorded: its number in the ledger, who, when; `replacement` is the scene that a swap brought in."""

    seq: int
    round_id: str
    scene_id: str
    decision: str
    reason: str
    by: str
    at_ns: int
    replacement: str
    spent: Spent


@dataclass(frozen=True)
class Finished:
    """A finished review: its number in the ledger, who, when, and the scenes that will be labelled."""

    seq: int
    round_id: str
    by: str
    at_ns: int
    scene_ids: tuple[str, ...]
    cost: float


@dataclass(frozen=True)
class Conflict:
    """Why nothing was recorded (RFC 9457); where somebody else was first: who decided what, when and why.

    `seen` is what a decision must name to be taken all the same.
    """

    type: str
    title: str
    status: int
    detail: str
    scene_id: str | None = None
    decision: str | None = None
    by: str | None = None
    at_ns: int | None = None
    reason: str | None = None
    seen: int | None = None


def record_decision(store: Store, round_id: str, asked: DecisionAsked, name: str) -> Decided:
    """Record a decision (`rounds.review.decide`); it is durable when this returns.

    Raises:
        NothingThereError: there is no such round.
        ConflictError: somebody has decided otherwise since `asked.seen`.
        LedgerError: the state of the round or of the pick does not allow it.
        HTTPException: others are swapping; try again.
    """
    view = store.view()
    view.round(round_id)
    try:
        with _one_swap(asked.decision):
            event = decide(
                view.workspace,
                store.ledger,
                round_id,
                asked.scene_id,
                asked.decision,
                asked.reason,
                store.author(name),
                seen=asked.seen,
            )
    finally:  # whoever is refused sees at once what others have decided
        store.renew()
    state = store.ledger.round(round_id)
    replacement = event.payload.get("replacement") or {}
    return Decided(
        event.seq,
        round_id,
        asked.scene_id,
        str(event.payload["decision"]),
        str(event.payload.get("reason", "")),
        event.author,
        event.at_ns,
        str(replacement.get("scene_id", "")),
        spent_of(state, Board.of(state)),
    )


def record_finish(store: Store, round_id: str, asked: FinishAsked, name: str) -> Finished:
    """Record that the review is done (`rounds.review.finish`); the files of the round follow with the next run.

    Raises:
        NothingThereError: there is no such round.
        ConflictError: somebody has decided something since `asked.seen`.
        LedgerError: picks are undecided, or the state of the round does not allow it.
    """
    store.view().round(round_id)
    author = store.author(name)
    try:
        event = finish(
            store.ledger, round_id, author, approve_rest=asked.approve_rest, keep=asked.keep, seen=asked.seen
        )
    finally:
        store.renew()
    scenes = tuple(str(pick["scene_id"]) for pick in event.payload["picks"])
    return Finished(event.seq, round_id, event.author, event.at_ns, scenes, float(event.payload["cost"]))


def last_decision(store: Store, round_id: str, scene_id: str = "") -> dict[str, Any]:
    """Who decided what and when: on a pick, or, without one, last in the round; nothing where nobody did."""
    standings = Board.of(store.ledger.round(round_id)).standings
    mine = [s.event for s in standings if s.event and scene_id in ("", s.scene_id)]
    return _told(max(mine, key=lambda event: event.seq)) if mine else {}


def _told(event: Event) -> dict[str, Any]:
    said = {name: str(event.payload.get(name, "")) for name in ("scene_id", "decision", "reason")}
    return {**said, "by": event.author, "at_ns": event.at_ns, "seen": event.seq}


@contextmanager
def _one_swap(decision: str) -> Iterator[None]:
    if decision != SWAP:
        yield
        return
    if not _swapping.acquire(timeout=_SWAP_WAIT_S):
        raise HTTPException(503, "other swaps are being computed; try again in a moment", {"Retry-After": "5"})
    try:
        yield
    finally:
        _swapping.release()
