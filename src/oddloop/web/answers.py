"""How a route answers: one function reads what a page says; as a page and as JSON it is the same.

Both carry an ETag of all that the answer depends on, so that a browser or a program that has it already is told so
before anything is read. What was written once under an ETag is kept for whoever asks next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from oddloop import __version__
from oddloop.lake.fingerprint import digest_of
from oddloop.web.messages import Messages, load_messages
from oddloop.web.preferences import preferences_of
from oddloop.web.site import address, person_of, site_of
from oddloop.web.store import View

T = TypeVar("T")
API = "/api/v1"


def answer_json(request: Request, read: Callable[[View], Any]) -> Response:
    """What `read` gives, a dataclass of plain values, as JSON; a part of a list says where the next one is."""
    view = site_of(request).store.view()
    tag = _tag(request, view)
    if _is_known(request, tag):
        return Response(status_code=304, headers=_headers(tag))

    def write() -> tuple[str, dict[str, str]]:
        found = read(view)
        return _as_text(found), _next_part(request, found)

    text, link = view.answered(("json", tag), write)
    return Response(text, headers=_headers(tag) | link, media_type="application/json")


def answer_png(request: Request, draw: Callable[[View], bytes]) -> Response:
    """The picture that `draw` gives."""
    view = site_of(request).store.view()
    tag = _tag(request, view)
    if _is_known(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    picture = view.answered(("png", tag), lambda: draw(view))
    return Response(picture, headers=_headers(tag), media_type="image/png")


def answer_recorded(recorded: Any) -> Response:
    """What a write has recorded, as JSON."""
    return Response(_as_text(recorded), media_type="application/json")


def _as_text(found: Any) -> str:
    return json.dumps(asdict(found), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _next_part(request: Request, found: Any) -> dict[str, str]:
    offset = getattr(found, "next_offset", None)
    return {} if offset is None else {"Link": f'<{address(request, limit=found.limit, offset=offset)}>; rel="next"'}


def answer_page(
    request: Request,
    template: str,
    api: str,
    read: Callable[[View], T],
    more: Callable[[T, Messages], Mapping[str, Any]] = lambda _page, _t: {},
) -> Response:
    """What `read` gives as a page: the template has it as `page`.

    Args:
        request: what is answered.
        template: file of the template.
        api: address of the same as JSON, from `API` on; the query is the same.
        read: reads what the page says, a dataclass of plain values.
        more: what the template needs beside it, such as charts of the same numbers.
    """
    site = site_of(request)
    view = site.store.view()
    reader, person = preferences_of(request), person_of(request)
    token = site.page_token(request, person) if person else ""
    tag = _tag(request, view, reader.lang, reader.theme, token)
    if _is_known(request, tag):
        return Response(status_code=304, headers=_headers(tag))
    json_url = f"{API}{api}" + (f"?{request.url.query}" if request.url.query else "")

    def write() -> str:
        page = read(view)
        drawn = more(page, load_messages(reader.lang))
        return site.render(request, template, page=page, json_url=json_url, **drawn)

    return HTMLResponse(
        view.answered(("page", tag), write), headers=_headers(tag) | {"Vary": "Cookie, Accept-Language"}
    )


def _tag(request: Request, view: View, *more: str) -> str:
    said = [__version__, view.digest, request.url.path, request.url.query, *more]
    return f'"{digest_of(said)}"'


def _is_known(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return tag in (part.strip().removeprefix("W/") for part in known.split(","))


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "private, no-cache"}
