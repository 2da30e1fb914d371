"""The models, and two of them compared segment by segment."""

from __future__ import annotations

import itertools
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.forest import lay_out
from oddloop.web.messages import Messages
from oddloop.web.paging import Paged, Part, part_of
from oddloop.web.queries.comparison import Comparison, ComparisonAsked, read_comparison
from oddloop.web.queries.gaps import lead_of
from oddloop.web.queries.models import Model, list_models
from oddloop.web.site import site_of

router = APIRouter(tags=["models"])
Asked = Annotated[ComparisonAsked, Query()]


@router.get("/models", include_in_schema=False)
def show_list(request: Request, asked: Paged) -> Response:
    """The page of all models."""

    def more(_page: Part[Model], _t: Messages) -> dict[str, Any]:
        view = site_of(request).store.view()
        every = list_models(view)
        measured = [model.model_id for model in every if model.measured]
        told = sorted(((model, one) for model in every for one in model.promotions), key=lambda x: -x[1].at_ns)
        earlier = {**{model.model_id: "" for model in every}, **dict(itertools.pairwise(measured))}
        return {"lead": lead_of(view), "measured": measured, "earlier": earlier, "promotions": told}

    return answer_page(request, "models.html", "/models", lambda view: part_of(list_models(view), asked), more)


@router.get("/models/compare", include_in_schema=False)
def show_comparison(request: Request, asked: Asked) -> Response:
    """The page of two models."""
    return answer_page(request, "comparison.html", "/models/compare", lambda view: read_comparison(view, asked), _drawn)


@router.get(f"{API}/models", response_model=Part[Model])
def read_list(request: Request, asked: Paged) -> Response:
    """The models, newest first: round, labelled set, promotions, and what they measured."""
    return answer_json(request, lambda view: part_of(list_models(view), asked))


@router.get(f"{API}/models/compare", response_model=Comparison)
def read_pair(request: Request, asked: Asked) -> Response:
    """Two models on the same scenes: the difference per segment with its interval, the surest first."""
    return answer_json(request, lambda view: read_comparison(view, asked))


def _drawn(page: Comparison, _t: Messages) -> dict[str, Any]:
    return {"forest": lay_out([*([page.overall] if page.overall else []), *page.changes.items])}
