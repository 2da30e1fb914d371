"""Who is let in, and to do what."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from oddloop.config import Role, WebConfig
from oddloop.errors import OddloopError
from oddloop.web.access.headers import CONTENT_SECURITY_POLICY
from oddloop.web.access.tokens import find_holder
from oddloop.web.access.writes import KEEP, SCORE
from web.web_server import BASE, PAGE, PEOPLE, TOKENS, WEB, browser, client, make_app, page_token, routes

ROLES = tuple(role for role in get_args(Role) if role != "collector")
"""Who may look; what a collector may do stands in `test_web_intake`."""


@pytest.fixture(scope="module")
def writable(toy: Path) -> FastAPI:
    """The application with a route that writes, as pages will have."""
    made = make_app(toy)

    async def write(request: Request) -> JSONResponse:
        return JSONResponse({"by": request.state.person.name, "got": (await request.body()).decode()})

    for method in ("POST", "PUT", "PATCH", "DELETE"):
        made.router.add_api_route("/api/v1/things", write, methods=[method])
    return made


def test_every_route_is_walked(app: FastAPI) -> None:
    walked = set(routes(app))
    assert {("GET", "/"), ("GET", "/rounds/r001"), ("GET", "/api/v1/models"), ("GET", "/api/v1/openapi.json")} <= walked
    assert len(walked) >= 10


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_stranger_sees_nothing_but_that_the_server_lives(toy: Path, host: str) -> None:
    app = make_app(toy, host=host)
    stranger = client(app)
    for method, path in routes(app):
        status = stranger.request(method, path).status_code
        assert status == (200 if path == "/healthz" else 401), (method, path)
    assert stranger.get("/healthz").json() == {"status": "ok"}
    for path in ("/nowhere", "/static/../oddloop.toml", "/docs", "/redoc", "/openapi.json"):
        assert stranger.get(path).status_code == 401


def test_everybody_who_is_known_may_look_at_everything(app: FastAPI) -> None:
    scene = client(app, "viewer").get("/api/v1/scenes?limit=1").json()["part"]["items"][0]["scene_id"]
    for role in ROLES:
        for method, path in routes(app):
            if method == "GET" and not path.startswith("/static"):
                asked = {"id": scene} if "/scenes/" in path else {}
                wanted = 404 if path.endswith("/replay") else 200  # these scenes have no tracks
                assert client(app, role).get(path, params=asked).status_code == wanted, (role, path)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("role", ROLES)
def test_a_viewer_writes_nothing(writable: FastAPI, role: Role, method: str) -> None:
    answer = client(writable, role).request(method, "/api/v1/things")
    assert answer.status_code == (403 if role == "viewer" else 200)
    if role != "viewer":
        assert answer.json()["by"] == PEOPLE[role]


def test_a_viewer_writes_on_no_route(app: FastAPI) -> None:
    before = app.state.site.store.ledger.seq_at(2**62)
    writes = [(method, path) for method, path in routes(app) if method not in ("GET", "HEAD")]
    logged_in = browser(app, "viewer")
    headers = {"x-page-token": page_token(logged_in)}
    assert len(writes) >= 15
    for method, path in writes:
        # The intake takes no forms, and says so first.
        for sent in ({"json": {}}, *([] if path in (SCORE, KEEP) else [{"data": {"a": "b"}}])):
            answers = (
                client(app, "viewer").request(method, path, **sent),
                logged_in.request(method, path, headers=headers, **sent),
            )
            assert [answer.status_code for answer in answers] == [403, 403], (method, path)
    assert app.state.site.store.ledger.seq_at(2**62) == before


def test_a_viewer_who_logged_in_writes_nothing_either(writable: FastAPI) -> None:
    viewer = browser(writable, "viewer")
    headers = {"x-page-token": page_token(viewer)}
    assert viewer.post("/api/v1/things", json={}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        # by the page itself
        ({"headers": {"x-page-token": "{token}"}, "json": {}}, 200),
        ({"data": {"page_token": "{token}", "a": "1"}}, 200),
        # without its token, or with another's
        ({"json": {}}, 403),
        ({"data": {"a": "1"}}, 403),
        ({"headers": {"x-page-token": "0" * 64}, "json": {}}, 403),
        ({"json": {"page_token": "{token}"}}, 403),
        # another site asks the browser to
        ({"headers": {"x-page-token": "{token}", "origin": "https://evil.example"}, "json": {}}, 403),
        ({"headers": {"x-page-token": "{token}", "sec-fetch-site": "cross-site"}, "json": {}}, 403),
        ({"headers": {"x-page-token": "{token}", "origin": "null"}, "json": {}}, 403),
        ({"headers": {"x-page-token": "{token}", "origin": BASE}, "json": {}}, 200),
        # files, and what is too much
        ({"headers": {"x-page-token": "{token}"}, "files": {"f": b"x"}}, 415),
        ({"headers": {"x-page-token": "{token}", "content-type": "text/plain"}, "content": b"{}"}, 415),
        ({"headers": {"x-page-token": "{token}"}, "data": {"a": "x" * 2**20}}, 413),
    ],
)
def test_only_the_own_page_of_a_login_can_write(writable: FastAPI, sent: dict, status: int) -> None:
    reviewer = browser(writable, "reviewer")
    token = page_token(reviewer)
    for part in ("headers", "data", "json"):
        values = sent.get(part, {})
        sent = {**sent, part: {k: v.replace("{token}", token) for k, v in values.items()}} if values else sent
    assert reviewer.post("/api/v1/things", **sent).status_code == status


def test_a_page_token_of_one_login_is_not_good_for_another(writable: FastAPI) -> None:
    one, other = browser(writable, "reviewer"), browser(writable, "reviewer")
    headers = {"x-page-token": page_token(one)}
    assert other.post("/api/v1/things", json={}, headers=headers).status_code == 403


def test_the_printed_address_lets_in_once_and_leaves_no_token(toy: Path) -> None:
    app = make_app(toy, user="owner")
    token = app.state.site.one_time.token
    first, second = client(app), client(app)
    entered = first.get(f"/rounds?token={token}&limit=5")
    assert (entered.status_code, entered.headers["location"]) == (303, "/rounds?limit=5")
    cookie = entered.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "oddloop_8765="))
    assert first.get("/", headers=PAGE).status_code == 200
    assert "owner (admin)" in first.get("/", headers=PAGE).text
    assert second.get(f"/?token={token}").status_code == 401
    assert second.get(f"/?token={app.state.site.one_time.token}").status_code == 303


def test_the_next_token_is_told_when_one_was_used(toy: Path) -> None:
    from oddloop.lake import Workspace
    from oddloop.web import ServeSettings, create_app

    told: list[str] = []
    app = create_app(Workspace.open(toy), ServeSettings(user="owner", announce=told.append))
    client(app).get(f"/?token={app.state.site.one_time.token}")
    assert told == [app.state.site.one_time.token]


def test_an_address_with_slashes_leads_to_no_other_site(toy: Path) -> None:
    app = make_app(toy, user="owner")
    entered = client(app).get(f"{BASE}//evil.example/?token={app.state.site.one_time.token}")
    assert entered.headers["location"].startswith("/evil.example")
    assert client(app, "viewer").get(f"{BASE}//evil.example/?lang=ja").headers["location"] == "/evil.example/"


def test_a_configured_token_never_stands_in_an_address(app: FastAPI) -> None:
    assert client(app).get(f"/?token={TOKENS['admin']}").status_code == 401


def test_the_way_out_ends_the_login(app: FastAPI) -> None:
    viewer = browser(app, "viewer")
    assert viewer.post("/logout", data={"page_token": "x"}).status_code == 403
    assert viewer.post("/logout", data={"page_token": page_token(viewer)}).status_code == 303
    assert viewer.get("/").status_code == 401


@pytest.mark.parametrize("token", ["", "wrong", TOKENS["admin"] + "x", "é" * 40, "\x00"])
def test_a_wrong_token_lets_nobody_in(app: FastAPI, token: str) -> None:
    stranger = client(app)
    assert stranger.post("/login", data={"token": token}).status_code == 401
    assert stranger.get("/", headers={"authorization": f"Bearer {token.encode().hex()}"}).status_code == 401
    assert find_holder(WEB.tokens, token) is None


@pytest.mark.parametrize("cookie", ["", "x", "x.y", "e30.", "." * 50, "W10.00", "é.é"])
def test_a_forged_cookie_lets_nobody_in(app: FastAPI, cookie: str) -> None:
    assert app.state.site.sessions.open(cookie, 0.0) is None


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8765", 200),
        ("localhost", 200),
        ("[::1]:8765", 200),
        ("192.168.1.7", 200),
        ("odd.example:443", 200),
        ("evil.example", 400),
        ("odd.example.evil.example", 400),
        ("", 400),
    ],
)
def test_the_server_answers_to_its_names_only(toy: Path, host: str, status: int) -> None:
    app = make_app(toy, web=WebConfig(tokens=WEB.tokens, hosts=("odd.example",)))
    assert client(app, "viewer").get("/", headers={"host": host}).status_code == status
    assert client(app).get("/healthz", headers={"host": host}).status_code == status


PROXY = WebConfig(proxy_header="X-User", trusted_proxies=("10.0.0.0/8",), proxy_roles={"bob": "reviewer"})


@pytest.mark.parametrize(
    ("peer", "name", "status"),
    [
        ("10.1.2.3", "bob", 200),
        ("10.1.2.3", "eve", 200),
        ("10.1.2.3", "", 401),
        ("11.1.2.3", "bob", 401),
        ("testclient", "bob", 401),
    ],
)
def test_only_a_trusted_proxy_says_who_it_is(toy: Path, peer: str, name: str, status: int) -> None:
    app = make_app(toy, host="0.0.0.0", web=PROXY)
    answer = client(app, peer=peer).get("/", headers={"x-user": name, **PAGE})
    assert answer.status_code == status
    if name == "bob" and status == 200:
        assert "bob (reviewer)" in answer.text
    if name == "eve":
        assert "eve (viewer)" in answer.text


@pytest.mark.parametrize(
    ("peer", "forwarded", "is_secure"),
    [
        ("10.1.2.3", "https", True),
        ("10.1.2.3", "HTTPS, http", True),
        ("10.1.2.3", "http", False),
        ("10.1.2.3", "", False),
        ("11.1.2.3", "https", False),
    ],
)
def test_cookies_go_back_over_tls_alone_where_a_trusted_proxy_speaks_it(
    toy: Path, peer: str, forwarded: str, is_secure: bool
) -> None:
    app = make_app(toy, host="0.0.0.0", web=WebConfig(tokens=WEB.tokens, trusted_proxies=("10.0.0.0/8",)))
    reader = client(app, peer=peer)
    headers = {"x-forwarded-proto": forwarded, "authorization": f"Bearer {TOKENS['viewer']}"}
    answers = [
        reader.post("/login", data={"token": TOKENS["viewer"]}, headers=headers),
        reader.get("/?lang=ja", headers=headers),
    ]
    assert [("Secure" in answer.headers["set-cookie"]) for answer in answers] == [is_secure] * 2


def test_the_server_is_not_opened_to_others_while_nobody_is_known(toy: Path) -> None:
    with pytest.raises(OddloopError, match=r"--host 0.0.0.0: .* nobody is known who may come in; make a token"):
        make_app(toy, host="0.0.0.0", web=WebConfig())
    with pytest.raises(OddloopError, match="nobody is known"):
        make_app(toy, host="0.0.0.0", web=WebConfig(trusted_proxies=("10.0.0.0/8",)))
    make_app(toy, host="::1", web=WebConfig())
    make_app(toy, host="0.0.0.0", web=PROXY)


def test_every_answer_has_the_headers(app: FastAPI) -> None:
    answers = [client(app).get(path, headers=h) for path in ("/", "/healthz", "/no") for h in ({}, PAGE)]
    answers += [client(app, "viewer").get(path) for path in ("/", "/api/v1/rounds", "/nowhere", "/rounds?x=1")]
    answers += [client(app, "viewer").post("/rounds"), client(app).get("/", headers={"host": "evil.example"})]
    for answer in answers:
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "cache-control" in answer.headers
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_what_the_ledger_refuses_is_a_conflict_and_what_is_out_of_reach_is_not(toy: Path) -> None:
    made = make_app(toy)

    def fail(request: Request) -> None:
        store = request.app.state.site.store
        store.append("r001", "proposed", {"picks": []}, key="late", name=request.state.person.name)

    made.router.add_api_route("/api/v1/late", fail, methods=["POST"])
    made.router.add_api_route("/api/v1/late", fail, methods=["GET"])
    refused = client(made, "reviewer").post("/api/v1/late")
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "r001 is closed" in refused.json()["detail"]
    assert client(made, "reviewer").get("/api/v1/late").status_code == 503


def test_a_fault_of_ours_tells_nothing_of_itself(toy: Path, caplog: pytest.LogCaptureFixture) -> None:
    made = make_app(toy)

    def fail() -> None:
        raise ValueError("secret")

    made.router.add_api_route("/api/v1/fault", fail)
    for headers in ({}, PAGE):
        answer = client(made, "viewer").get("/api/v1/fault", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "secret" not in answer.text
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "secret" in caplog.text
