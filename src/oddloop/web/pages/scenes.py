"""Scenes: search by attributes, scores, clusters, words and examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from oddloop.report.birdseye import SPEED_LIMITS_MPS, SPEEDS
from oddloop.rounds.saved import SEARCH, SET
from oddloop.web.answers import API, answer_json, answer_page
from oddloop.web.charts import Mark, draw
from oddloop.web.fragments import toggled
from oddloop.web.messages import Messages
from oddloop.web.queries.clusters.drawings import draw_from_above
from oddloop.web.queries.rounds import is_linkable
from oddloop.web.queries.saved import list_kept
from oddloop.web.queries.scenes import (
    Predictions,
    Replay,
    Scene,
    SceneAsked,
    Scenes,
    ScenesAsked,
    read_predictions,
    read_replay,
    read_scene,
    read_scenes,
)
from oddloop.web.saving import query_of
from oddloop.web.site import site_of

router = APIRouter(tags=["scenes"])
Asked = Annotated[ScenesAsked, Query()]
AskedScene = Annotated[SceneAsked, Query()]


@router.get("/scenes", include_in_schema=False)
def show(request: Request, asked: Asked) -> Response:
    """The search page."""

    def more(page: Scenes, _t: object) -> dict[str, Any]:
        view = site_of(request).store.view()
        names = {group.cluster_id: group.name for group in page.clusters}
        toggle = toggled(request.url.path, request.query_params.multi_items())
        kept = {"searches": list_kept(view, SEARCH), "sets": list_kept(view, SET)}
        return {"asked": asked, "names": names, "toggle": toggle, "query": query_of(asked), **kept}

    return answer_page(request, "scenes.html", "/scenes", lambda view: read_scenes(view, asked), more)


@router.get("/scenes/scene", include_in_schema=False)
def show_one(request: Request, asked: AskedScene) -> Response:
    """The page of a scene."""
    return answer_page(request, "scene.html", "/scenes/scene", lambda view: read_scene(view, asked), _more_of(request))


@router.get(f"{API}/scenes", response_model=Scenes)
def read(request: Request, asked: Asked) -> Response:
    """Scenes that meet all conditions, a part of them in order, with how many there are of each attribute's values."""
    return answer_json(request, lambda view: read_scenes(view, asked))


@router.get(f"{API}/scenes/scene", response_model=Scene)
def read_one(request: Request, asked: AskedScene) -> Response:
    """A scene: attributes, telemetry, cost, scores by model, score over time, what is like it, and its life."""
    return answer_json(request, lambda view: read_scene(view, asked))


@router.get(f"{API}/scenes/replay", response_model=Replay)
def read_tracks(request: Request, asked: AskedScene) -> Response:
    """Where everybody is at each instant of a scene."""
    return answer_json(request, lambda view: read_replay(view, asked))


@router.get(f"{API}/scenes/predictions", response_model=Predictions)
def read_said(request: Request, asked: AskedScene) -> Response:
    """What the newest model says of a scene over time: futures with their spread, and boxes with scores."""
    return answer_json(request, lambda view: read_predictions(view, asked))


def _more_of(request: Request) -> Callable[[Scene, Messages], Mapping[str, Any]]:
    """Its drawing, its score over time as a chart, and which of its images may be links."""

    def more(page: Scene, _t: Messages) -> Mapping[str, Any]:
        drawings = draw_from_above(site_of(request).store.view(), [page.line.scene_id])
        frames = page.course.frames if page.course else ()
        marks = [Mark(f"{frame.at_s:.1f} s", frame.value) for frame in frames if frame.value is not None]
        limits = [*(f"< {limit:g} m/s" for limit in SPEED_LIMITS_MPS), "", ""]
        return {
            "speeds": list(zip(SPEEDS, limits, strict=True)),
            "drawing": drawings.get(page.line.scene_id),
            "chart": draw({"": marks}) if len(marks) > 1 else None,
            "may_link": is_linkable,
        }

    return more
