"""Every text that somebody could write is hostile, in the workspace and in addresses: nothing comes of it anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI

from web.browsing import Reader, chromium, enter, serving, system
from web.hostile_workspace import IDS, addresses, keep_hostile, make_hostile, pages
from web.web_server import PAGE, client, make_app
from web.wild_scenes import STRANGE, XSS

ASKED = (
    f"/scenes/scene?{urlencode({'id': STRANGE})}",
    f"/scenes?{urlencode({'where': f'seen={XSS}', 'text': 'e'})}",
    f"/scenes?{urlencode({'set': XSS})}",
    f"/scenes?{urlencode({'text': XSS})}",
    "/scenes?all=seen",
    "/clusters?text=harm",
    "/clusters/map?colour=status",
    "/rounds/r002",
    "/rounds/r002/review",
)


class Smuggled(HTMLParser):
    """What a text has become of a page that should only show it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        is_script = tag == "script" and "src" not in has and has.get("type") != "application/json"
        leads = any(str(has.get(name, "")).startswith(("javascript:", "data:")) for name in ("href", "src", "action"))
        is_image = tag == "img" and not str(has.get("src")).startswith("/api/")
        if is_image or is_script or leads or any(name.startswith("on") for name in has):
            self.found.append(self.get_starttag_text() or tag)


@pytest.fixture(scope="module")
def hostile(seen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile") / "ws"
    make_hostile(folder, seen)
    app = make_app(folder)
    keep_hostile(app)
    app.state.site.store.close()
    return folder


@pytest.fixture(scope="module")
def besieged(hostile: Path) -> Iterator[FastAPI]:
    made = make_app(hostile)
    yield made
    made.state.site.store.close()


def asked(app: FastAPI) -> list[str]:
    """Addresses that show a hostile text, that of a cluster among them."""
    found = client(app, "viewer").get("/api/v1/clusters?limit=1").json()["clusters"]["items"]
    return [*ASKED, f"/clusters/{found[0]['cluster_id']}"]


def test_no_page_lets_a_text_be_more_than_a_text(besieged: FastAPI) -> None:
    reviewer = client(besieged, "reviewer")
    found: Counter[int] = Counter()
    for address in [*addresses(besieged), *asked(besieged)]:
        answer = reviewer.get(address, headers=PAGE)
        found[answer.status_code] += 1
        assert Smuggled(answer.text).found == [], address
        assert "root:" not in answer.text, address
    assert set(found) <= {200, 404, 422}, found
    assert found[200] > len(pages(besieged))


def test_hostile_texts_are_shown_where_they_belong(besieged: FastAPI) -> None:
    reviewer = client(besieged, "reviewer")
    for address in asked(besieged):
        assert "window.harm" in reviewer.get(address, headers=PAGE).text, address


def test_no_path_leads_out_of_the_workspace(besieged: FastAPI) -> None:
    reviewer = client(besieged, "reviewer")
    outside = ("../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/oddloop.toml", "/etc/passwd", "..")
    for way in outside:
        for start in ("/static/x/", "/static/", "/rounds/", "/clusters/", "/api/v1/rounds/", "/api/v1/clusters/", "/"):
            answer = reviewer.get(start + way)
            assert answer.status_code in (200, 404, 422), start + way  # 200: the client itself makes it a page of ours
            assert "root:" not in answer.text
            assert "[workspace]" not in answer.text


def test_what_is_written_is_kept_to_the_letter(folder: Path) -> None:
    app = make_app(folder)
    reviewer = client(app, "reviewer")
    cluster = reviewer.get("/api/v1/clusters?limit=1").json()["clusters"]["items"][0]["cluster_id"]
    for text in (*IDS, "'); DELETE FROM events; --", "../../x", "😀\u202e"):
        said = reviewer.post(f"/api/v1/clusters/{cluster}", json={"name": text, "note": text})
        assert said.status_code == 200, said.text
        found = reviewer.get(f"/api/v1/clusters/{cluster}").json()
        assert (found["name"], found["notes"][-1]["text"]) == (text, text)


@pytest.mark.system
@pytest.mark.slow
@system[2]
def test_no_script_of_theirs_runs_in_a_browser(hostile: Path) -> None:
    with serving(hostile) as (base, app), chromium() as browser:
        reader: Reader = enter(browser, base, app)
        known = client(app, "viewer", base_url=base)
        for address in [*pages(app), *asked(app)]:
            if known.get(address, headers=PAGE).status_code != 200:
                continue
            with reader.opened(address) as page:  # which also fails where anything is blocked, and so was tried
                page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert page.evaluate("window.harm") is None, address
                assert page.evaluate("document.querySelectorAll('img:not([src^=\"/api/\"])').length") == 0, address
