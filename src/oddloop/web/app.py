"""The web app over a workspace: pages and their JSON, behind the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from threadpoolctl import threadpool_limits

from oddloop import __version__
from oddloop.errors import OddloopError
from oddloop.lake.workspace import Workspace
from oddloop.web.access.gate import Gate
from oddloop.web.access.hosts import is_loopback
from oddloop.web.access.sessions import Sessions
from oddloop.web.access.tokens import OneTimeToken
from oddloop.web.answers import API
from oddloop.web.assets import FOREVER, find_asset
from oddloop.web.intake import Intake
from oddloop.web.pages import PAGES, ROUTERS
from oddloop.web.problems import DESCRIBED, add_handlers, refuse
from oddloop.web.site import ServeSettings, Site
from oddloop.web.store import Store
from oddloop.web.warming import Warming


def create_app(workspace: Workspace, settings: ServeSettings) -> FastAPI:
    """The application; `app.state.site` is what its requests share.

    Args:
        workspace: the workspace that is shown.
        settings: how the server is reached, and by whom.

    Raises:
        OddloopError: other machines could reach the server, and nobody is known who may come in.
        LedgerError: the ledger cannot be opened.
    """
    refuse_open_door(settings)
    store = Store(workspace)
    intake = Intake(store, settings.settled)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        intake.open_aside()
        warming = Warming(store)
        with threadpool_limits(1):  # the cores are shared out by answers; threads of one sum would wait for each other
            yield
        warming.close()
        intake.close()
        store.close()

    app = FastAPI(
        title="oddloop",
        version=__version__,
        summary="Which driving scenes to label or drive next, why, and whether the advice was right.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
        responses=DESCRIBED,
    )
    sessions = Sessions(settings.web.session_hours * 3600)
    navigation = tuple((page.name, page.path) for page in PAGES)
    app.state.site = Site(store, intake, settings, sessions, OneTimeToken(settings.announce), navigation)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes += [Route("/static/{digest}/{name}", _static), Route("/healthz", _healthz)]
    add_handlers(app)
    app.add_middleware(Gate, site=app.state.site)
    return app


def refuse_open_door(settings: ServeSettings) -> None:
    """Refuse to be reached from other machines while nobody is known who may come in.

    Raises:
        OddloopError: that is so.
    """
    if not is_loopback(settings.host) and not settings.web.tokens and not settings.web.proxy_header:
        raise OddloopError(
            f"--host {settings.host}: other machines could reach the server, and nobody is known who may come in; make "
            "a token with `oddloop serve --new-token NAME --role reviewer`, or set [web] proxy_header, or leave "
            "--host out"
        )


async def _static(request: Request) -> Response:
    found = find_asset(request.path_params["digest"], request.path_params["name"])
    if found is None:
        return refuse(request, 404)
    return Response(found.content, headers={"Cache-Control": FOREVER}, media_type=found.media_type)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})
