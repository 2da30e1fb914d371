"""The review of a round: look, decide on each pick, and finish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from oddloop.errors import ConflictError, LedgerError
from oddloop.web.answers import API, answer_json, answer_page, answer_recorded
from oddloop.web.decisions import (
    Conflict,
    Decided,
    DecisionAsked,
    FinishAsked,
    Finished,
    last_decision,
    record_decision,
    record_finish,
)
from oddloop.web.forms import form_of, read_form
from oddloop.web.messages import Messages
from oddloop.web.pages.rounds import RoundId
from oddloop.web.problems import PROBLEM, refuse
from oddloop.web.queries.review import Review, ReviewAsked, read_review
from oddloop.web.site import site_of, writer_of

router = APIRouter(tags=["review"])
Asked = Annotated[ReviewAsked, Query()]
Form = Annotated[dict[str, str], Depends(form_of)]
_AT = "at"
"""Field of a form that says to which pick the page returns."""
_REFUSED: dict[int | str, dict[str, Any]] = {409: {"model": Conflict, "content": {PROBLEM: {}}}}


@router.get("/review", include_in_schema=False)
def show_open(request: Request, asked: Asked) -> Response:
    """The page of the round that waits for review."""
    return answer_page(request, "review.html", "/review", lambda view: read_review(view, "", asked), _more)


@router.get("/rounds/{round_id}/review", include_in_schema=False)
def show(request: Request, round_id: RoundId, asked: Asked) -> Response:
    """The page of a round."""
    api = f"/rounds/{round_id}/review"
    return answer_page(request, "review.html", api, lambda view: read_review(view, round_id, asked), _more)


@router.get(f"{API}/review", response_model=Review)
def read_open(request: Request, asked: Asked) -> Response:
    """The review of the round that waits for it; where none does, of the newest round that has picks."""
    return answer_json(request, lambda view: read_review(view, "", asked))


@router.get(f"{API}/rounds/{{round_id}}/review", response_model=Review)
def read(request: Request, round_id: RoundId, asked: Asked) -> Response:
    """The review of a round: picks with decisions, cost with a cut, what it would do to the gaps, what is new in it."""
    return answer_json(request, lambda view: read_review(view, round_id, asked))


@router.post(f"{API}/rounds/{{round_id}}/review/decisions", response_model=Decided, responses=_REFUSED)
def write_decision(request: Request, round_id: RoundId, said: DecisionAsked) -> Response:
    """Decide on a pick; 409 says who decided otherwise, and when, where you had not seen it."""
    try:
        return answer_recorded(record_decision(site_of(request).store, round_id, said, writer_of(request)))
    except ConflictError as error:
        return refuse(request, 409, str(error), **last_decision(site_of(request).store, round_id, said.scene_id))


@router.post(f"{API}/rounds/{{round_id}}/review/finish", response_model=Finished, responses=_REFUSED)
def write_finish(request: Request, round_id: RoundId, said: FinishAsked) -> Response:
    """Finish the review; 409 where somebody has decided something that you had not seen."""
    try:
        return answer_recorded(record_finish(site_of(request).store, round_id, said, writer_of(request)))
    except ConflictError as error:
        return refuse(request, 409, str(error), **last_decision(site_of(request).store, round_id))


@router.post("/rounds/{round_id}/review", include_in_schema=False)
def send_decision(request: Request, round_id: RoundId, asked: Asked, form: Form) -> Response:
    """Decide by a form, without a script."""
    place = form.pop(_AT, "")
    said = read_form(DecisionAsked, form)
    return _by_form(
        request, (round_id, asked, place), lambda store: record_decision(store, round_id, said, writer_of(request))
    )


@router.post("/rounds/{round_id}/review/finish", include_in_schema=False)
def send_finish(request: Request, round_id: RoundId, asked: Asked, form: Form) -> Response:
    """Finish by a form, without a script."""
    said = read_form(FinishAsked, form)
    return _by_form(
        request, (round_id, asked, ""), lambda store: record_finish(store, round_id, said, writer_of(request))
    )


def _by_form(request: Request, at: tuple[str, ReviewAsked, str], write: Callable[[Any], object]) -> Response:
    """Back to the page, which says so where nothing was recorded."""
    round_id, asked, place = at
    store = site_of(request).store
    path = f"/rounds/{round_id}/review"
    try:
        write(store)
    except LedgerError as error:
        store.renew()
        page = read_review(store.view(), round_id, asked)
        values = {"page": page, "json_url": f"{API}{path}", "told": str(error)}
        return HTMLResponse(site_of(request).render(request, "review.html", **values), 409)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(path + query + (f"#pick-{place}" if place.isdecimal() else ""), 303)


def _more(_page: Review, _t: Messages) -> dict[str, str]:
    return {"told": ""}
