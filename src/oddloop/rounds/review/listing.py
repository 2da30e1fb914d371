"""What a reviewer looks at: every pick with its reasons, what was decided on it, and the cost against the budget."""

from __future__ import annotations

from typing import Any

from oddloop.rounds.review.board import APPROVE, Board, Standing
from oddloop.rounds.state import RoundState


def list_review(state: RoundState) -> dict[str, Any]:
    """Plain content of a round's review.

    Returns:
        round_id, status, budget, cost (of the picks that are in), left, unit, n_undecided, and picks: rank, scene_id,
        log_id, cost, gain, reasons, decision ("" for none), decided_by, decided_at_ns, reason, seen (what a decision
        must name), instead_of, replaced_by, is_kept.
    """
    board, final = Board.of(state), set(state.pick_ids) if state.review else None
    lines = [_line(rank, standing, final) for rank, standing in enumerate(board.standings, 1)]
    cost = state.cost if state.review else board.cost
    return {
        "round_id": state.round_id,
        "status": state.status,
        "budget": board.budget,
        "cost": cost,
        "left": max(board.budget - cost, 0.0),
        "unit": str(state.proposal.get("cost_unit", "")),
        "n_undecided": sum(not line["decision"] for line in lines),
        "picks": lines,
    }


def _line(rank: int, standing: Standing, final: set[str] | None) -> dict[str, Any]:
    """One pick; where the review is done, `final` are those that it has left, and nothing is undecided."""
    pick, event = standing.pick, standing.event if standing.decision else None
    decision = standing.decision or ("" if final is None else APPROVE)
    return {
        "rank": rank,
        **{name: pick.get(name) for name in ("scene_id", "log_id", "cost", "gain", "reasons")},
        "decision": decision,
        "decided_by": event.author if event else None,
        "decided_at_ns": event.at_ns if event else None,
        "reason": event.payload["reason"] if event else "",
        "seen": standing.seen,
        "instead_of": standing.instead_of,
        "replaced_by": standing.replaced_by,
        "is_kept": standing.is_kept if final is None else standing.scene_id in final,
    }
