"""The rounds, and one of them with its picks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.paging import Paged, Part, part_of
from oddloop.web.queries.rounds import Round, RoundLine, list_rounds, read_round

router = APIRouter(tags=["rounds"])
RoundId = Annotated[str, Path(pattern=r"^r\d{3,9}$", description="round, such as r001")]


@router.get("/rounds", include_in_schema=False)
def show_list(request: Request, asked: Paged) -> Response:
    """The page of all rounds."""
    return answer_page(request, "rounds.html", "/rounds", lambda view: part_of(list_rounds(view), asked))


@router.get("/rounds/{round_id}", include_in_schema=False)
def show_round(request: Request, round_id: RoundId, asked: Paged) -> Response:
    """The page of a round."""
    return answer_page(request, "round.html", f"/rounds/{round_id}", lambda view: read_round(view, round_id, asked))


@router.get(f"{API}/rounds", response_model=Part[RoundLine])
def read_list(request: Request, asked: Paged) -> Response:
    """All rounds, newest first."""
    return answer_json(request, lambda view: part_of(list_rounds(view), asked))


@router.get(f"{API}/rounds/{{round_id}}", response_model=Round)
def read_one(request: Request, round_id: RoundId, asked: Paged) -> Response:
    """A round: a part of its picks with their reasons, its model, and what it was worth."""
    return answer_json(request, lambda view: read_round(view, round_id, asked))
