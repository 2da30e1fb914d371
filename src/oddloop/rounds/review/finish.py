"""The end of a review: what is left is what will be labelled."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from oddloop.errors import ConflictError, LedgerError
from oddloop.lake.fingerprint import digest_of
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.review.board import APPROVE, DEFER, REJECT, SWAP, Board, Standing
from oddloop.rounds.review.words import describe
from oddloop.rounds.state import Event, RoundState


def finish(
    ledger: Ledger,
    round_id: str,
    author: Author,
    *,
    approve_rest: bool = False,
    keep: int | None = None,
    seen: int | None = None,
) -> Event:
    """Record that the review is done, with the picks that are left.

    Args:
        ledger: where it is recorded, durably, before this returns.
        round_id: a round that is proposed.
        author: who, and when.
        approve_rest: approve what nobody has decided on; else such picks are in the way.
        keep: so many picks, the first of those approved, in greedy order; None keeps them all. The others are neither
            rejected nor deferred: they are candidates of the next round again.
        seen: number of the last decision of the round that who finishes has seen (`Board.seen`); None: does not say.

    Returns:
        the event `reviewed`; the one that is there already where it says the same.

    Raises:
        ConflictError: somebody has decided on a pick at this very moment, or since the decision that was `seen`.
        LedgerError: a pick is undecided, `keep` is no number of picks, or the round's state does not allow it.
    """
    state = ledger.round(round_id)
    board = Board.of(state)
    if not board.standings:
        raise LedgerError(f"round {round_id} has no picks to review; `oddloop run` proposes them")
    if seen is not None and state.status == "proposed":
        _refuse_unseen(board, seen)
    _refuse_undecided(board, approve_rest)
    payload = _payload(board, keep)
    key = digest_of(payload)
    return ledger.append(round_id, "reviewed", payload, key=key, author=author, guard=_unchanged(state))


def _refuse_unseen(board: Board, seen: int) -> None:
    newest = max(board.standings, key=lambda standing: standing.seen)
    if newest.event is not None and newest.seen > seen:
        raise ConflictError(
            f"{newest.scene_id}: {describe(newest.event)}, which you had not seen; the review is not finished. Look at "
            "it, and finish again"
        )


def _refuse_undecided(board: Board, approve_rest: bool) -> None:
    undecided = [standing.scene_id for standing in board.standings if not standing.decision]
    if undecided and not approve_rest:
        more = f" and {len(undecided) - 3} more" if len(undecided) > 3 else ""
        raise LedgerError(
            f"{len(undecided)} picks of {board.round_id} are not decided: {', '.join(undecided[:3])}{more}; decide on "
            "them, or approve them all with --approve-rest"
        )


def _payload(board: Board, keep: int | None) -> dict[str, Any]:
    if keep is not None and keep < 1:
        raise LedgerError(f"keep = {keep}: keep one pick or more, or reject them all")
    kept = board.kept[:keep]
    picks = _ranked(kept)
    return {
        "picks": picks,
        "rejected": _said(board, REJECT, SWAP),
        "deferred": _said(board, DEFER),
        "cut": [standing.scene_id for standing in board.kept[len(kept) :]],
        "approved_by": {s.scene_id: s.event.author for s in kept if s.event and s.decision == APPROVE},
        "cost": math.fsum(float(pick["cost"]) for pick in picks),
    }


def _ranked(kept: Sequence[Standing]) -> list[dict[str, Any]]:
    """Picks with rank and cumulative cost as they are now."""
    picks, spent = [], 0.0
    for rank, standing in enumerate(kept, 1):
        spent += standing.cost
        picks.append({**standing.pick, "rank": rank, "cumulative_cost": spent})
    return picks


def _said(board: Board, *decisions: str) -> list[dict[str, Any]]:
    found = [(s, s.event) for s in board.standings if s.decision in decisions]
    return [_line(standing, event) for standing, event in found if event]


def _line(standing: Standing, event: Event) -> dict[str, Any]:
    line = {"scene_id": standing.scene_id, "reason": event.payload["reason"], "author": event.author}
    return {**line, "replacement": standing.replaced_by} if standing.replaced_by else line


def _unchanged(before: RoundState) -> Callable[[RoundState | None], None]:
    """The round must be as it was when its picks were looked at."""

    def check(now: RoundState | None) -> None:
        if now is None:
            return
        changed = [event for scene, event in now.decisions.items() if _seq(before.decisions, scene) != event.seq]
        if changed:
            newest = max(changed, key=lambda event: event.seq)
            raise ConflictError(
                f"{newest.payload['scene_id']}: {describe(newest)}, while the review was being finished; nothing was "
                "recorded. Look at it, and finish again"
            )
        if now.n_events != before.n_events:
            raise ConflictError(f"round {now.round_id} has changed while its review was being finished; look again")

    return check


def _seq(decisions: Mapping[str, Event], scene_id: str) -> int:
    return decisions[scene_id].seq if scene_id in decisions else 0
