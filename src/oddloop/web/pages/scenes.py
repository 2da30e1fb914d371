"""Scenes: search by attributes, scores, clusters, words and examples."""

from __future__ import annotations

import functools
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.queries.scenes import Scenes, ScenesAsked, read_scenes
from oddloop.web.site import toggled

router = APIRouter(tags=["scenes"])
Asked = Annotated[ScenesAsked, Query()]


@router.get("/scenes", include_in_schema=False)
def show(request: Request, asked: Asked) -> Response:
    """The search page."""

    def more(_page: Scenes, _t: object) -> dict[str, Any]:
        return {"asked": asked, "toggle": functools.partial(toggled, request)}

    return answer_page(request, "scenes.html", "/scenes", lambda view: read_scenes(view, asked), more)


@router.get(f"{API}/scenes", response_model=Scenes)
def read(request: Request, asked: Asked) -> Response:
    """Scenes that meet all conditions, a part of them in order, with how many there are of each attribute's values."""
    return answer_json(request, lambda view: read_scenes(view, asked))
