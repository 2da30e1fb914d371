"""Clusters: the list in order, one of them, the map of all scenes, and what people say of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from oddloop.errors import LedgerError
from oddloop.report.birdseye import SPEED_LIMITS_MPS, SPEEDS
from oddloop.rounds.discovery import fold_names
from oddloop.rounds.discovery.names import Scenario
from oddloop.rounds.state import DISCOVERY
from oddloop.web.answers import API, answer_json, answer_page, answer_png, answer_recorded
from oddloop.web.density import HEIGHT, WIDTH, draw_sight
from oddloop.web.forms import form_of, read_form
from oddloop.web.messages import Messages
from oddloop.web.naming import AnswerAsked, Named, NamingAsked, changes_of, record_answer, record_naming
from oddloop.web.paging import NothingAsked
from oddloop.web.problems import DESCRIBED
from oddloop.web.queries.clusters import (
    Cluster,
    Clusters,
    ClustersAsked,
    MapAsked,
    SceneMap,
    draw_from_above,
    read_cluster,
    read_clusters,
    read_map,
    read_sight,
)
from oddloop.web.site import site_of, writer_of
from oddloop.web.store import Store, View
from oddloop.web.zoom import zoom_of

router = APIRouter(tags=["clusters"])
ClusterId = Annotated[str, Path(pattern=r"^c\d{1,9}$", description="cluster, such as c0007")]
Asked = Annotated[ClustersAsked, Query()]
AskedMap = Annotated[MapAsked, Query()]
Form = Annotated[dict[str, str], Depends(form_of)]
_PNG: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}}}}


@router.get("/clusters", include_in_schema=False)
def show_list(request: Request, asked: Asked) -> Response:
    """The page of all clusters."""

    def more(page: Clusters, _t: Messages) -> dict[str, Any]:
        typical = [line.typical for line in page.clusters.items if line.typical]
        return {"drawings": draw_from_above(site_of(request).store.view(), typical)}

    return answer_page(request, "clusters.html", "/clusters", lambda view: read_clusters(view, asked), more)


@router.get("/clusters/map", include_in_schema=False)
def show_map(request: Request, asked: AskedMap) -> Response:
    """The page of the map."""

    def more(_page: SceneMap, _t: Messages) -> dict[str, Any]:
        return {"asked": asked, "zoom": zoom_of(asked), "width": WIDTH, "height": HEIGHT}

    return answer_page(request, "scene_map.html", "/clusters/map", lambda view: read_map(view, asked), more)


@router.get("/clusters/{cluster_id}", include_in_schema=False)
def show(request: Request, cluster_id: ClusterId, _asked: NothingAsked) -> Response:
    """The page of a cluster."""
    api = f"/clusters/{cluster_id}"
    return answer_page(request, "cluster.html", api, lambda view: read_cluster(view, cluster_id), _drawn(request))


@router.get(f"{API}/clusters", response_model=Clusters)
def read_list(request: Request, asked: Asked) -> Response:
    """Clusters, those to be looked at first first, and what somebody must say of those that split or merged."""
    return answer_json(request, lambda view: read_clusters(view, asked))


@router.get(f"{API}/clusters/map", response_model=SceneMap)
def read_places(request: Request, asked: AskedMap) -> Response:
    """Where scenes lie on the map, one by one where no more than 20,000 are in sight."""
    return answer_json(request, lambda view: read_map(view, asked))


@router.get(f"{API}/clusters/map.png", response_class=Response, responses=_PNG)
def read_density(request: Request, asked: AskedMap) -> Response:
    """How dense scenes lie on the map, in the colours of what they are."""

    def draw(view: View) -> bytes:
        return draw_sight(read_sight(view, asked), is_marked=bool(asked.mark))

    return answer_png(request, draw)


@router.get(f"{API}/clusters/{{cluster_id}}", response_model=Cluster)
def read(request: Request, cluster_id: ClusterId, _asked: NothingAsked) -> Response:
    """A cluster: its card, scenes to look at, what became of it, and what people say of it."""
    return answer_json(request, lambda view: read_cluster(view, cluster_id))


@router.post(f"{API}/clusters/{{cluster_id}}", response_model=Named, responses={409: DESCRIBED[409]})
def write(request: Request, cluster_id: ClusterId, said: NamingAsked) -> Response:
    """Name a cluster, judge its risk, priority or status, or note something; 409: somebody spoke since `seen`."""
    return answer_recorded(record_naming(site_of(request).store, cluster_id, said, writer_of(request)))


@router.post(f"{API}/clusters/{{cluster_id}}/answer", response_model=Named, responses={409: DESCRIBED[409]})
def write_answer(request: Request, cluster_id: ClusterId, said: AnswerAsked) -> Response:
    """Say which cluster bears the name of one that split or merged, or that none does."""
    return answer_recorded(record_answer(site_of(request).store, cluster_id, said, writer_of(request)))


@router.post("/clusters/{cluster_id}", include_in_schema=False)
def send(request: Request, cluster_id: ClusterId, form: Form) -> Response:
    """Name by a form; only what it changes is recorded."""
    events = site_of(request).store.ledger.events(DISCOVERY)
    before = fold_names(events).get(cluster_id, Scenario(cluster_id))
    said = read_form(NamingAsked, changes_of(before, form))
    return _by_form(request, cluster_id, lambda store: record_naming(store, cluster_id, said, writer_of(request)))


@router.post("/clusters/{cluster_id}/answer", include_in_schema=False)
def send_answer(request: Request, cluster_id: ClusterId, form: Form) -> Response:
    """Answer a question by a form."""
    said = read_form(AnswerAsked, form)
    return _by_form(request, cluster_id, lambda store: record_answer(store, cluster_id, said, writer_of(request)))


def _by_form(request: Request, cluster_id: str, write: Callable[[Store], Named]) -> Response:
    """On to the cluster of which something was said; where nothing was recorded its page says why."""
    site = site_of(request)
    try:
        return RedirectResponse(f"/clusters/{write(site.store).cluster_id}", 303)
    except LedgerError as error:
        site.store.renew()
        page = read_cluster(site.store.view(), cluster_id)
        values = {"page": page, "json_url": f"{API}/clusters/{cluster_id}", **_drawn(request, str(error))(page, None)}
        return HTMLResponse(site.render(request, "cluster.html", **values), 409)


def _drawn(request: Request, told: str = "") -> Callable[[Cluster, object], dict[str, Any]]:
    """What the page of a cluster needs beside it: drawings of its scenes, and why nothing was recorded."""

    def draw(page: Cluster, _t: object) -> dict[str, Any]:
        scene_ids = [scene_id for shown in page.scenes for scene_id in shown.scene_ids]
        drawings = draw_from_above(site_of(request).store.view(), scene_ids)
        limits = [*(f"< {limit:g} m/s" for limit in SPEED_LIMITS_MPS), "", ""]
        return {"drawings": drawings, "speeds": list(zip(SPEEDS, limits, strict=True)), "told": told}

    return draw
