"""One decision on one pick, durably, and never over somebody else's that the reviewer has not seen.

A decision names the last one on that pick that its reviewer has seen (`seen`, 0 for none). Where another has come
since, the reviewer is told who decided what and when, and nothing is written; the same decision twice is agreement, and
adds nothing. `seen` stands in the event's key, so a retry adds nothing and one may change one's mind at will.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oddloop.errors import ConflictError, LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labels import count_labelled
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.review.board import APPROVE, DECISIONS, KEEPS, REJECT, SWAP, UNDO, Board, Standing
from oddloop.rounds.review.remembered import last_words
from oddloop.rounds.review.swap import Wanted, find_replacement, forbidden_scenes
from oddloop.rounds.review.words import describe
from oddloop.rounds.state import Event, RoundState

_TRIES = 20
"""Times that a swap looks for another replacement because somebody else has just brought its one in."""


class _OvertakenError(LedgerError):
    """Somebody else has just used the replacement, or the budget for it."""


class _AgreedError(Exception):
    """The same decision is there already."""


@dataclass(frozen=True)
class _Said:
    """A decision to be recorded."""

    round_id: str
    scene_id: str
    decision: str
    reason: str
    seen: int


def decide(
    workspace: Workspace,
    ledger: Ledger,
    round_id: str,
    scene_id: str,
    decision: str,
    reason: str,
    author: Author,
    *,
    seen: int = 0,
) -> Event:
    """Record what somebody decides on a pick.

    Args:
        workspace: for the labels that there are, and for replacements.
        ledger: where it is recorded, durably, before this returns.
        round_id: a round whose picks are not reviewed, sent or labelled yet.
        scene_id: a pick of it, or a scene that a swap has brought in.
        decision: `approve`, `reject` (the scene is no candidate of later rounds), `defer` (not of the next), `swap`
            (reject, and let the policy pick another one under what is left of the budget), `undo`.
        reason: why; `reject` and `swap` need one.
        author: who, and when.
        seen: `seq` of the last decision on this scene that the reviewer has seen, 0 for none.

    Returns:
        the event; the one that is there already where it says the same. That of a swap holds `replacement`.

    Raises:
        ConflictError: somebody has decided otherwise since.
        LedgerError: the scene is no pick, the decision is not known or lacks its reason, the round's state does not
            allow it, the budget does not pay for it, or nothing fits in the scene's place.
    """
    said = _Said(round_id, scene_id, decision, reason.strip(), seen)
    _refuse_words(said)
    for _ in range(_TRIES):
        state = ledger.round(round_id)
        board = Board.of(state)
        standing = _checked(state, board, said)
        if standing.event and _agrees(standing, said):
            return standing.event
        if decision != APPROVE:
            _refuse_labelled(workspace, scene_id)
        payload: dict[str, Any] = {"scene_id": scene_id, "decision": decision, "reason": said.reason}
        if decision == SWAP:
            forbidden = forbidden_scenes(last_words(ledger.events()), board)
            wanted = Wanted(scene_id, f"rejected by {author.name}: {said.reason}", forbidden)
            payload["replacement"] = find_replacement(workspace, state, board, wanted)
        try:
            key = f"{quote(scene_id)}/{max(seen, standing.since)}/{decision}"
            guard = _guard(said, payload.get("replacement"))
            return ledger.append(round_id, "decided", payload, key=key, author=author, guard=guard)
        except (_OvertakenError, _AgreedError):
            continue
    raise LedgerError(f"{scene_id}: others swap picks of {round_id} faster than a replacement is found; try again")


def _guard(said: _Said, replacement: dict[str, Any] | None) -> Callable[[RoundState | None], None]:
    """What must hold at the very moment of recording."""

    def check(state: RoundState | None) -> None:
        if state is None:
            return
        board = Board.of(state)
        standing = _checked(state, board, said)
        if _agrees(standing, said):
            raise _AgreedError
        if replacement is None:
            return
        id_ = str(replacement["scene_id"])
        last = state.decisions.get(id_)
        is_free = all(s.scene_id != id_ for s in board.standings) and (last is None or last.payload["decision"] == UNDO)
        if not is_free or not board.fits(float(replacement["cost"]), without=said.scene_id):
            raise _OvertakenError

    return check


def _checked(state: RoundState, board: Board, said: _Said) -> Standing:
    """The pick, where the decision may follow what was decided on it."""
    if state.status != "proposed":
        raise LedgerError(f"round {state.round_id} is {state.status}; picks are decided on while it is proposed")
    standing = board.find(said.scene_id)
    if _agrees(standing, said):
        return standing
    if standing.seen != said.seen:
        raise ConflictError(_conflict(standing))
    if said.decision == UNDO and not standing.decision:
        raise LedgerError(f"nothing is decided on {said.scene_id}, so there is nothing to undo")
    if standing.replaced_by:
        _refuse_decided_replacement(board.find(standing.replaced_by), said)
    _refuse_over_budget(board, standing, said)
    return standing


def _agrees(standing: Standing, said: _Said) -> bool:
    return standing.event is not None and standing.event.payload["decision"] == said.decision


def _conflict(standing: Standing) -> str:
    if standing.event is None:
        return (
            f"{standing.scene_id}: the decision that you have seen is no longer there, since the picks were made anew; "
            "nothing was changed. Look at it again"
        )
    return (
        f"{standing.scene_id}: {describe(standing.event)}, which you had not seen; nothing was changed. To decide "
        f"otherwise all the same, say that you have seen it: seen = {standing.seen} (`--seen {standing.seen}`)"
    )


def _refuse_words(said: _Said) -> None:
    if said.decision not in DECISIONS:
        raise LedgerError(f"decision {said.decision!r} is not known; there are: {', '.join(DECISIONS)}")
    if said.decision in (REJECT, SWAP) and not said.reason:
        raise LedgerError(f"{said.scene_id}: say why you {said.decision} it (`--reason`); later rounds are told")


def _refuse_decided_replacement(replacement: Standing, said: _Said) -> None:
    if replacement.event is not None and replacement.decision:
        raise LedgerError(
            f"{said.scene_id} was swapped for {replacement.scene_id}, and {describe(replacement.event)}; undo that "
            f"first, then decide on {said.scene_id}"
        )


def _refuse_over_budget(board: Board, standing: Standing, said: _Said) -> None:
    """Taking a pick in again must not cost more than what others have left."""
    comes_in = said.decision in (APPROVE, UNDO) and standing.decision not in KEEPS
    if comes_in and not board.fits(standing.cost, without=standing.replaced_by):
        left = board.budget - sum(s.cost for s in board.kept if s.scene_id != standing.replaced_by)
        raise LedgerError(
            f"{said.scene_id} costs {standing.cost:,.3g}, and {max(left, 0.0):,.3g} of {board.budget:,.3g} is left; "
            "reject, defer or undo another pick first"
        )


def _refuse_labelled(workspace: Workspace, scene_id: str) -> None:
    if count_labelled(workspace, [scene_id])[0]:
        raise LedgerError(f"{scene_id} has labels already; it stays a pick of its round")
