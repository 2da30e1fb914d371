"""The review of a round: its picks in greedy order with what was decided on each, and what the kept ones cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.report.columns import finite
from oddloop.rounds.review import Board, Standing, round_to_review
from oddloop.rounds.state import RoundState
from oddloop.web.paging import PageAsked, Part, part_of
from oddloop.web.queries.review.changes import Changes, read_changes
from oddloop.web.queries.review.effects import Effect, read_effects
from oddloop.web.queries.review.scenes import Values, scores_of, values_of
from oddloop.web.queries.rounds import Reason
from oddloop.web.store import View


class ReviewAsked(PageAsked):
    """Which part of the picks, and where the cut is."""

    limit: Annotated[int, Field(ge=1, le=500, description="picks at most")] = 200
    keep: Annotated[
        int | None, Field(ge=1, le=10**6, description="keep so many of the picks that are in, the first ones")
    ] = None


@dataclass(frozen=True)
class ReviewPick:
    """A pick, and what people have said of it.

    `decision` is `approve`, `reject`, `defer`, `swap`, or "" where nothing is decided; `seen` is what a decision on it
    must name. `is_kept`: not rejected, deferred or swapped. `is_cut`: it is kept, but lies behind the cut.
    """

    rank: int
    scene_id: str
    log_id: str
    cost: float
    gain: float | None
    score: float | None
    attributes: dict[str, tuple[str, ...]]
    reasons: tuple[Reason, ...]
    decision: str
    decided_by: str
    decided_at_ns: int | None
    reason: str
    seen: int
    instead_of: str
    replaced_by: str
    is_kept: bool
    is_cut: bool


@dataclass(frozen=True)
class Spent:
    """What would be labelled, and what it costs, in `cost_unit`: `n_kept` picks before the cut, of `n_in` that are in.

    `cost` is that of the kept ones, `cost_undecided` the part of it that nobody has decided on, `cost_in` that of all
    that are in, `left` what the kept ones leave of the budget.
    """

    n_picks: int
    n_in: int
    n_kept: int
    n_undecided: int
    cost: float
    cost_undecided: float
    cost_in: float
    left: float
    budget: float
    cost_unit: str


@dataclass(frozen=True)
class Review:
    """The review of a round; `round_id` is "" where no round has picks yet.

    `seen` is the number of the last decision, which who finishes the review must name. `said` are reasons that were
    given in this round, to be used again.
    """

    round_id: str
    status: str
    can_decide: bool
    seen: int
    spent: Spent
    score: str
    picks: Part[ReviewPick]
    effects: tuple[Effect, ...]
    changes: Changes | None
    said: tuple[str, ...]


def read_review(view: View, round_id: str, asked: ReviewAsked) -> Review:
    """The review of a round; "" is the open one, or else the newest that has picks.

    Raises:
        NothingThereError: there is no such round.
    """
    state = view.round(round_id) if round_id else round_to_review(view.rounds)
    if state is None:
        return _nothing(asked)
    board = Board.of(state)
    inside = picks_inside(state, board)
    kept = inside[: asked.keep]
    ids = [standing.scene_id for standing in board.standings]
    values = values_of(view, state, ids)
    part = part_of(list(enumerate(board.standings, 1)), asked)
    scores = scores_of(view, state, [standing.scene_id for _, standing in part.items])
    places = {s.scene_id for s in inside}, {s.scene_id for s in kept}
    picks = tuple(_pick(rank, s, (values, scores), places) for rank, s in part.items)
    return Review(
        round_id=state.round_id,
        status=state.status,
        can_decide=state.status == "proposed",
        seen=board.seen,
        spent=spent_of(state, board, asked.keep),
        score=str(state.proposal.get("score", "")),
        picks=Part(picks, part.total, part.limit, part.offset),
        effects=read_effects(view, state, [(s.scene_id, str(s.pick["log_id"])) for s in kept], values),
        changes=read_changes(view, state, [s.pick for s in kept], values),
        said=_said(board),
    )


def _nothing(asked: ReviewAsked) -> Review:
    spent = Spent(0, 0, 0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, "")
    return Review("", "", False, 0, spent, "", Part((), 0, asked.limit, asked.offset), (), None, ())


def picks_inside(state: RoundState, board: Board) -> Sequence[Standing]:
    """The picks that are in, in order: of a finished review those that it has left."""
    if not state.review:
        return board.kept
    left = set(state.pick_ids)
    return [standing for standing in board.standings if standing.scene_id in left]


def spent_of(state: RoundState, board: Board, keep: int | None = None) -> Spent:
    """What would be labelled with a cut behind the first `keep` picks, and what it costs."""
    inside = picks_inside(state, board)
    kept = inside[:keep]
    cost = math.fsum(standing.cost for standing in kept)
    undecided = {s.scene_id for s in inside if not s.decision} if state.status == "proposed" else set()
    return Spent(
        n_picks=len(board.standings),
        n_in=len(inside),
        n_kept=len(kept),
        n_undecided=len(undecided),
        cost=cost,
        cost_undecided=math.fsum(s.cost for s in kept if s.scene_id in undecided),
        cost_in=math.fsum(standing.cost for standing in inside),
        left=max(board.budget - cost, 0.0),
        budget=board.budget,
        cost_unit=str(state.proposal.get("cost_unit", "")),
    )


def _pick(
    rank: int,
    standing: Standing,
    known: tuple[dict[str, Values], dict[str, float | None]],
    places: tuple[set[str], set[str]],
) -> ReviewPick:
    pick, scene_id = standing.pick, standing.scene_id
    values, scores = known
    inside, kept = places
    event = standing.event if standing.decision else None
    return ReviewPick(
        rank=rank,
        scene_id=scene_id,
        log_id=str(pick["log_id"]),
        cost=standing.cost,
        gain=finite(pick.get("gain")),
        score=scores.get(scene_id),
        attributes={name: tuple(sorted(found)) for name, found in values.get(scene_id, {}).items()},
        reasons=tuple(Reason(reason["code"] or "", reason["text"] or "") for reason in pick.get("reasons") or ()),
        decision=standing.decision,
        decided_by=event.author if event else "",
        decided_at_ns=event.at_ns if event else None,
        reason=str(event.payload.get("reason", "")) if event else "",
        seen=standing.seen,
        instead_of=standing.instead_of,
        replaced_by=standing.replaced_by,
        is_kept=scene_id in inside,
        is_cut=scene_id in inside and scene_id not in kept,
    )


def _said(board: Board) -> tuple[str, ...]:
    events = (standing.event for standing in board.standings if standing.event)
    return tuple(sorted({str(event.payload["reason"]) for event in events if event.payload.get("reason")}))
