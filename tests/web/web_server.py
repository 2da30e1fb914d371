"""A server over the toy workspace, and clients of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from oddloop.config import Role, WebConfig
from oddloop.lake import Workspace
from oddloop.web import ServeSettings, create_app
from oddloop.web.access.tokens import token_line

BASE = "http://127.0.0.1:8765"
TOKENS: dict[Role, str] = {"collector": "ask1" * 8, "viewer": "look" * 8, "reviewer": "judge" * 8, "admin": "rule" * 8}
PEOPLE = {role: f"{role}-ann" for role in TOKENS}
WEB = WebConfig(tokens=tuple(token_line(PEOPLE[role], role, token) for role, token in TOKENS.items()))
PAGE = {"accept": "text/html"}
# What stands in for each part of a path, so that every route can be asked for.
PARTS = {"round_id": "r001", "cluster_id": "c0001", "digest": "0" * 16, "name": "app.css"}


def make_app(folder: Path, *, host: str = "127.0.0.1", web: WebConfig = WEB, user: str = "") -> FastAPI:
    return create_app(Workspace.open(folder), ServeSettings(host=host, user=user, web=web))


def client(app: FastAPI, role: Role | None = None, *, base_url: str = BASE, peer: str = "127.0.0.1") -> TestClient:
    """A program with a role's token; without one, a stranger. Redirects are not followed."""
    headers = {"authorization": f"Bearer {TOKENS[role]}"} if role else {}
    return TestClient(app, base_url=base_url, headers=headers, follow_redirects=False, client=(peer, 50000))


def browser(app: FastAPI, role: Role) -> TestClient:
    """Somebody who has logged in by the form."""
    made = client(app)
    assert made.post("/login", data={"token": TOKENS[role]}).status_code == 303
    return made


def page_token(of: TestClient) -> str:
    """The token that a page gives to what it sends."""
    text = of.get("/", headers=PAGE).text
    return text.partition('name="page-token" content="')[2].partition('"')[0]


def routes(app: FastAPI) -> Iterator[tuple[str, str]]:
    """(method, path) of every route, the parts of its path filled in."""
    for route in app.routes:
        for one in getattr(getattr(route, "original_router", None), "routes", [route]):
            for method in sorted(one.methods):
                yield method, one.path.format(**PARTS)
