"""What went wrong, told to programs as `application/problem+json` (RFC 9457) and to people as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from oddloop.errors import LedgerError, OddloopError
from oddloop.web.site import site_of
from oddloop.web.store import NothingThereError

PROBLEM = "application/problem+json"
_TEXT = {"type": "string"}
_FAULTS = {"type": "array", "items": {"type": "object", "properties": {"where": _TEXT, "what": _TEXT}}}
_SCHEMA = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "errors": _FAULTS},
}
_SAID = {
    400: "the server is not known by the name in `Host`",
    401: "nobody is known by that token",
    403: "not allowed to whoever asks",
    404: "not there",
    409: "the ledger does not allow it (any more): mostly somebody else was first",
    413: "too much was sent",
    415: "neither JSON nor a form",
    422: "a parameter is not valid, or not known",
    503: "the workspace cannot be read right now",
}
DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {"description": said, "content": {PROBLEM: {"schema": _SCHEMA}}} for status, said in _SAID.items()
}
"""Refusals as the API describes them."""


def refuse(
    request: Request, status: int, detail: str = "", headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """An answer that says no: as a page where a person asks for one, else as problem+json.

    Args:
        request: what is refused.
        status: HTTP status.
        detail: what, where and how to mend.
        headers: of the answer.
        more: further members of the problem.
    """
    if wants_page(request) and status != 500:  # rendering may be what failed
        template = "stranger.html" if status == 401 else "error.html"
        page = site_of(request).render(request, template, status=status, detail=detail)
        return HTMLResponse(page, status, headers)
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail or title, **more}
    return Response(json.dumps(body, ensure_ascii=False), status, headers, PROBLEM)


def wants_page(request: Request) -> bool:
    """Whether a person looks, rather than a program."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get("accept", "")


def add_handlers(app: FastAPI) -> None:
    """Have every error of the application told in this way."""

    async def from_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these only
        return refuse(request, error.status_code, str(error.detail), error.headers)

    async def from_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these only
        faults = [{"where": ".".join(map(str, e["loc"])), "what": str(e["msg"])} for e in error.errors()]
        detail = "; ".join(f"{fault['where']}: {fault['what']}" for fault in faults)
        return refuse(request, 422, detail, errors=faults)

    async def from_oddloop(request: Request, error: Exception) -> Response:
        return refuse(request, _status_of(request, error), str(error))

    app.add_exception_handler(HTTPException, from_http)
    app.add_exception_handler(RequestValidationError, from_validation)
    app.add_exception_handler(OddloopError, from_oddloop)


def _status_of(request: Request, error: Exception) -> int:
    if isinstance(error, NothingThereError):
        return 404
    # To a write the ledger says that it does not follow, often since somebody else was first; the rest is out of reach.
    is_refused = isinstance(error, LedgerError) and request.method not in ("GET", "HEAD")
    return 409 if is_refused else 503
