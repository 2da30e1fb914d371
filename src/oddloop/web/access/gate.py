"""The gate before every route: is it our name, who asks, may they, and is it their own page that asks.

A route needs nothing of its own to be safe: without somebody known there is only `/healthz`; whoever may only look may
send nothing but GET; and a write that a browser may have been tricked into is refused.
"""

from __future__ import annotations

import logging
import time
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from oddloop.web.access.doors import log_in, log_out, take_printed_token
from oddloop.web.access.headers import with_headers
from oddloop.web.access.hosts import is_known_host, own_names
from oddloop.web.access.people import Person
from oddloop.web.access.tokens import find_holder
from oddloop.web.access.writes import read_body, refuse_look, refuse_write
from oddloop.web.preferences import take_choice
from oddloop.web.problems import refuse
from oddloop.web.site import Site

OPEN = ("/healthz",)
SAFE = ("GET", "HEAD", "OPTIONS")
_LOG = logging.getLogger("oddloop.web")


class Gate:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app, self._site = app, site
        self._names = own_names([site.settings.host, *site.settings.web.hosts])
        self._proxies = [ip_network(proxy) for proxy in site.settings.web.trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        if self._is_from_proxy(scope) and _told_scheme(scope) == "https":
            scope["scheme"] = "https"  # so that cookies are sent back by no other way
        guarded, request = with_headers(sending), Request(scope, receive)
        try:
            await self._answer(request, guarded)
        except Exception:
            _LOG.exception("%s %s failed", request.method, request.url.path)
            if begun:
                raise
            await refuse(request, 500)(scope, receive, guarded)

    async def _answer(self, request: Request, send: Send) -> None:
        scope, receive = request.scope, request.receive
        answer = None
        if not is_known_host(request.headers.get("host", ""), self._names):
            answer = refuse(request, 400, "the server is not known by this name; add it to [web] hosts")
        elif request.url.path not in OPEN:
            answer, receive = await self._let_in(request)
        if request.method == "HEAD":  # answered as its GET would be; the server leaves the content out
            scope = {**scope, "method": "GET"}
        await (answer or self._app)(scope, receive, send)

    async def _let_in(self, request: Request) -> tuple[Response | None, Receive]:
        """An answer in place of the application's, or what the application is to receive."""
        person = self.person(request)
        request.scope.setdefault("state", {})["person"] = person
        if request.method in SAFE:
            return self._let_look(request, person), request.receive
        body = await read_body(request)
        if isinstance(body, Response):
            return body if person else self._stranger(request), request.receive
        if request.url.path == "/login":
            return log_in(self._site, request, body.content) or self._stranger(request), body.receive
        if person is None:
            return self._stranger(request), body.receive
        refused = refuse_write(self._site, request, person, body.content)
        return refused or log_out(self._site, request), body.receive

    def _let_look(self, request: Request, person: Person | None) -> Response | None:
        taken = take_printed_token(self._site, request)
        if person is None:
            return taken or self._stranger(request)
        return taken or refuse_look(request, person) or take_choice(request)

    def _stranger(self, request: Request) -> Response:
        return refuse(request, 401, "", {"WWW-Authenticate": 'Bearer realm="oddloop"'})

    def person(self, request: Request) -> Person | None:
        """Who shows a token, comes through a proxy that knows them, or has logged in before."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return find_holder(self._site.settings.web.tokens, token.strip())
        return self._from_proxy(request) or self._site.sessions.open(
            request.cookies.get(self._site.cookie, ""), time.time()
        )

    def _from_proxy(self, request: Request) -> Person | None:
        web = self._site.settings.web
        name = request.headers.get(web.proxy_header, "").strip() if web.proxy_header else ""
        if not name or not self._is_from_proxy(request.scope):
            return None
        return Person(name, web.proxy_roles.get(name, "viewer"), "proxy")

    def _is_from_proxy(self, scope: Scope) -> bool:
        """Whether a proxy that is trusted asks on somebody's behalf: what it says of them is true then."""
        try:
            at = ip_address(scope["client"][0]) if scope.get("client") else None
        except ValueError:
            return False
        return at is not None and any(at in network for network in self._proxies)


def _told_scheme(scope: Scope) -> str:
    """How the browser asked the first of several proxies."""
    return Headers(scope=scope).get("x-forwarded-proto", "").partition(",")[0].strip().lower()
