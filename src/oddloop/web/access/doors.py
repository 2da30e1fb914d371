"""The ways in and out: the address that the server printed, the form for a token, and the way out."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from oddloop.web.access.people import Person
from oddloop.web.access.tokens import find_holder
from oddloop.web.access.writes import form_value, is_same_origin
from oddloop.web.site import Site


def take_printed_token(site: Site, request: Request) -> Response | None:
    """A login where the address bears the printed token, which leaves the address and the history by that."""
    token = request.query_params.get("token", "")
    person = _printed(site, token) if token else None
    if person is None:
        return None
    left = [(name, value) for name, value in request.query_params.multi_items() if name != "token"]
    path = "/" + request.url.path.lstrip("/\\")
    return _enter(site, request, person, path + (f"?{urlencode(left)}" if left else ""))


def log_in(site: Site, request: Request, content: bytes) -> Response | None:
    """A login with the token of a form; None where it lets nobody in."""
    if not is_same_origin(request):
        return None
    token = form_value(content, "token").strip()
    person = _printed(site, token) or find_holder(site.settings.web.tokens, token)
    return _enter(site, request, person, "/") if person else None


def log_out(site: Site, request: Request) -> Response | None:
    """Forget the login; None where that was not asked."""
    if request.url.path != "/logout":
        return None
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(site.cookie, httponly=True, samesite="lax")
    return answer


def _printed(site: Site, token: str) -> Person | None:
    user = site.settings.user
    return Person(user, "admin", "bearer") if user and site.one_time.spend(token) else None


def _enter(site: Site, request: Request, person: Person, to: str) -> Response:
    answer = RedirectResponse(to, 303)
    lifetime_s = int(site.sessions.lifetime_s)
    answer.set_cookie(
        site.cookie,
        site.sessions.seal(person, time.time()),
        max_age=lifetime_s,
        httponly=True,
        secure=request.url.scheme == "https",
        samesite="lax",
    )
    return answer
