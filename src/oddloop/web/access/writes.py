"""Writes: how much may be sent, of what kind, by whom, and from which page."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from oddloop.web.access.people import Person
from oddloop.web.problems import refuse
from oddloop.web.site import Site

MAX_BODY_BYTES = 2**20
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ARROW = "application/vnd.apache.arrow.stream"
SCORE, KEEP = "/api/v1/score", "/api/v1/keep"
"""Routes of the intake."""
MAX_ROWS_BYTES = 2**25
"""Of rows to score."""
PAGE_TOKEN = "page_token"  # noqa: S105 - the name of a field
PAGE_TOKEN_HEADER = "x-page-token"  # noqa: S105 - the name of a header
_FOR_ALL = ("/logout",)


@dataclass(frozen=True)
class Body:
    """What was sent, read to its end; `receive` gives it to the application again."""

    content: bytes

    async def receive(self) -> Message:
        """The whole body as one message."""
        return {"type": "http.request", "body": self.content, "more_body": False}


async def read_body(request: Request) -> Body | Response:
    """The body of a write, or a refusal: what is too much, or a file."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    takes_rows = request.url.path == SCORE
    most, kinds = (MAX_ROWS_BYTES, (JSON, ARROW)) if takes_rows else (MAX_BODY_BYTES, (JSON, FORM))
    parts: list[bytes] = []
    n_bytes = 0
    async for part in request.stream():
        n_bytes += len(part)
        if n_bytes > most:
            return refuse(request, 413, f"more than {most} bytes", {"Connection": "close"})
        parts.append(part)
    if n_bytes and kind not in kinds:
        return refuse(request, 415, f"send {' or '.join(kinds)}; files are not taken")
    return Body(b"".join(parts))


def form_value(content: bytes, name: str) -> str:
    """The first value of a field of a form; "" where there is none."""
    try:
        return parse_qs(content.decode(), max_num_fields=1000).get(name, [""])[0]
    except (UnicodeDecodeError, ValueError):
        return ""


def refuse_write(site: Site, request: Request, person: Person, content: bytes) -> Response | None:
    """A refusal, or None where the person may write and their own page asks."""
    if person.way != "bearer" and not _is_from_own_page(site, request, person, content):
        return refuse(request, 403, "the page that asked is not of this login; load it again")
    if request.url.path in (SCORE, KEEP):
        may = person.may_ask_intake
    else:
        may = person.may("reviewer") or request.url.path in _FOR_ALL
    if not may:
        return refuse(request, 403, f"{person.name} is a {person.role}, who may not write here; ask for another role")
    return None


def refuse_look(request: Request, person: Person) -> Response | None:
    """A refusal, or None where the person may look."""
    if person.may("viewer"):
        return None
    return refuse(request, 403, f"{person.name} may ask the intake, and see nothing; ask for the role of a viewer")


def _is_from_own_page(site: Site, request: Request, person: Person, content: bytes) -> bool:
    if not is_same_origin(request):
        return False
    is_form = request.headers.get("content-type", "").lower().startswith(FORM)
    sent = request.headers.get(PAGE_TOKEN_HEADER) or (form_value(content, PAGE_TOKEN) if is_form else "")
    return hmac.compare_digest(sent.encode(), site.page_token(request, person).encode())


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that one of our own pages asks; older browsers say nothing."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
