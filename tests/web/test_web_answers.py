"""Pages and JSON: the same data, told as agreed, whatever is asked."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI

from oddloop.cli.stages import run_until
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, open_ledger
from web.web_server import PAGE, client, make_app, routes

ATTACKS = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "r001' OR '1'='1",
    "r001; DROP TABLE events;--",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "\u202er001",
    "r" + "9" * 400,
    "-1",
    "1e400",
    "NaN",
)


def test_pages_say_what_their_json_says(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    for path in ("/", "/rounds", "/rounds/r001", "/rounds/r001?limit=1"):
        text = viewer.get(path, headers=PAGE).text
        linked = re.search(r'rel="alternate" type="application/json" href="([^"]+)"', text)
        assert linked
        found = viewer.get(linked[1].replace("&amp;", "&"))
        assert found.status_code == 200
        assert found.headers["content-type"] == "application/json"
        assert "NaN" not in found.text
    picks = viewer.get("/api/v1/rounds/r001").json()["picks"]["items"]
    page = viewer.get("/rounds/r001", headers=PAGE).text
    assert picks
    assert all(pick["scene_id"] in page for pick in picks)


def test_the_overview_says_where_the_loop_stands(app: FastAPI, toy: Path) -> None:
    found = client(app, "viewer").get("/api/v1/overview").json()
    ledger = open_ledger(Workspace.open(toy))
    newest = ledger.rounds()[-1]
    assert found["round"]["round_id"] == newest.round_id == "r002"
    assert found["round"]["n_picks"] == len(newest.picks)
    assert {"what": "review", "n": len(newest.picks), "total": len(newest.picks), "round_id": "r002"} in found[
        "waiting"
    ]
    assert [point["round_id"] for point in found["lift"]] == ["r000", "r001"]
    overall = ledger.round("r001").evaluation["overall"][0]
    assert found["lift"][1]["value"] == overall["value"]
    assert found["gaps"]["lead"] == {"name": "accuracy", "better": "higher", "target": 0.9}
    assert len(found["gaps"]["worst"]) == 3 < found["gaps"]["total"]
    assert [point["n_scenes"] for point in found["trend"]] == sorted(point["n_scenes"] for point in found["trend"])


def test_a_coverage_of_no_round_is_called_the_start_only_where_it_is_first(folder: Path) -> None:
    more = folder / "oddloop.toml"
    more.write_text(more.read_text() + "\n[coverage.volume]\nleast = 30\n")
    run_until("coverage", str(folder), quiet=True)
    page = client(make_app(folder), "viewer").get("/", headers=PAGE).text
    trend = page[page.index('id="trend"') : page.index('id="lift"')]
    assert re.findall(r'text-anchor="middle">([^<]+)', trend) == ["r000", "r001", "–"]


def test_whether_the_picks_helped_is_said(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(toy, folder)
    said = {"verdict": "helped", "sentences": ["The picks <helped>.", "More of it."]}
    open_ledger(Workspace.open(folder)).append("r001", "evidence", said, key="a", author=Author("me", 9))
    viewer = client(make_app(folder), "viewer")
    found = viewer.get("/api/v1/overview").json()["evidence"]
    assert found == {"round_id": "r001", **said}
    assert viewer.get("/api/v1/rounds/r001").json()["evidence"] == found
    for path in ("/", "/rounds/r001"):
        assert "The picks &lt;helped&gt;." in viewer.get(path, headers=PAGE).text
    assert "Did the picks help?" not in viewer.get("/rounds/r002", headers=PAGE).text


def test_lists_come_in_parts(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    everything = viewer.get("/api/v1/rounds").json()
    assert [line["round_id"] for line in everything["items"]] == ["r002", "r001", "r000"]
    gathered, path = [], "/api/v1/rounds?limit=1"
    while path:
        answer = viewer.get(path)
        gathered += answer.json()["items"]
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")
    assert gathered == everything["items"]
    assert viewer.get("/api/v1/rounds?offset=99").json()["items"] == []
    assert "limit=1" in viewer.get("/rounds?limit=1", headers=PAGE).text


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "offset=-1", "offset=1e9", "x=1", "limit=1&y="])
@pytest.mark.parametrize("path", ["/api/v1/rounds", "/api/v1/models", "/rounds"])
def test_what_is_not_understood_is_refused(app: FastAPI, path: str, query: str) -> None:
    answer = client(app, "viewer").get(f"{path}?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"]


def test_errors_are_problems_for_programs_and_pages_for_people(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    problem = viewer.get("/api/v1/rounds/r999")
    assert problem.status_code == 404
    assert problem.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no round 'r999'",
    }
    page = viewer.get("/rounds/r999", headers=PAGE)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in page.text
    assert viewer.get("/api/v1/rounds/r999", headers=PAGE).headers["content-type"] == "application/problem+json"
    assert client(app, "admin").post("/rounds").status_code == 405


@pytest.mark.parametrize("path", ["/", "/coverage?rows=rain", "/rounds/r999", "/api/v1/rounds", "/api/v1/rounds/r999"])
def test_a_head_is_answered_as_a_get_is(app: FastAPI, path: str) -> None:
    viewer = client(app, "viewer")
    whole, head = viewer.get(path, headers=PAGE), viewer.head(path, headers=PAGE)
    assert (head.status_code, head.headers.get("etag")) == (whole.status_code, whole.headers.get("etag"))
    assert client(app).head(path).status_code == 401


def test_what_a_browser_has_already_is_not_sent_again(toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    shutil.copytree(toy, folder)
    app = make_app(folder)
    viewer = client(app, "viewer")
    for path in ("/", "/api/v1/overview", "/api/v1/rounds/r001", "/api/v1/clusters/map", "/api/v1/clusters/map.png"):
        first = viewer.get(path)
        again = viewer.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"
        assert viewer.get(path).headers["etag"] == first.headers["etag"]
    before = viewer.get("/api/v1/overview").headers["etag"]
    assert viewer.get("/api/v1/overview?").headers["etag"] == before
    assert viewer.get("/", headers={"accept-language": "ja"}).headers["etag"] != viewer.get("/").headers["etag"]
    store = app.state.site.store
    ledger = open_ledger(Workspace.open(folder))
    scene = ledger.round("r002").pick_ids[0]
    store.append("r002", "decided", {"scene_id": scene, "decision": "approve"}, key="a", name="reviewer-ann")
    changed = viewer.get("/api/v1/overview", headers={"if-none-match": before})
    assert changed.status_code == 200
    assert [e.author for e in ledger.events("r002") if e.kind == "decided"] == ["reviewer-ann"]
    waiting = {item["what"]: item for item in changed.json()["waiting"]}
    assert waiting["review"]["n"] == waiting["review"]["total"] - 1
    store.append("r002", "decided", {"scene_id": scene, "decision": "undo"}, key="b", name="reviewer-ann")
    waiting = {item["what"]: item for item in viewer.get("/api/v1/overview").json()["waiting"]}
    assert waiting["review"]["n"] == waiting["review"]["total"]


def test_what_others_record_is_seen_within_half_a_second(toy: Path, tmp_path: Path) -> None:
    from oddloop.web.store import Store

    folder, now = tmp_path / "ws", [0.0]
    shutil.copytree(toy, folder)
    store = Store(Workspace.open(folder), clock_s=lambda: now[0])
    before = store.view()
    ledger = open_ledger(Workspace.open(folder))
    payload = {"scene_id": ledger.round("r002").pick_ids[0], "decision": "reject"}
    ledger.append("r002", "decided", payload, key="b", author=Author("somebody else", 1))
    now[0] = 0.4
    assert store.view() is before
    now[0] = 0.6
    assert store.view().digest != before.digest
    assert len(store.view().rounds[-1].decisions) == 1


def test_faulty_settings_leave_the_pages_as_they_were(toy: Path, tmp_path: Path) -> None:
    from oddloop.web.store import Store

    folder, now = tmp_path / "ws", [0.0]
    shutil.copytree(toy, folder)
    store = Store(Workspace.open(folder), clock_s=lambda: now[0])
    text = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text("[workspace")
    now[0] = 1.0
    assert store.view().config.workspace.name == "toy"
    (folder / "oddloop.toml").write_text(text.replace('name = "toy"', 'name = "another"'))
    now[0] = 2.0
    assert store.view().config.workspace.name == "another"


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_in_an_address_does_harm(app: FastAPI, attack: str) -> None:
    viewer = client(app, "viewer")
    for path in (f"/rounds/{attack}", f"/api/v1/rounds/{attack}", f"/static/{attack}/{attack}", f"/{attack}"):
        for headers in ({}, PAGE):
            answer = viewer.get(path, headers=headers)
            assert answer.status_code in (404, 422), path
            assert "<script>alert" not in answer.text
            assert "root:" not in answer.text
    for name in ("limit", "offset", "lang", "theme", "token", attack):
        answer = viewer.get("/rounds", params={name: attack}, headers=PAGE)
        assert answer.status_code == 422
        assert "<script>alert" not in answer.text


def test_texts_from_the_workspace_do_no_harm(toy: Path, tmp_path: Path) -> None:
    folder, evil = tmp_path / "ws", '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    shutil.copytree(toy, folder)
    config = (folder / "oddloop.toml").read_text()
    (folder / "oddloop.toml").write_text(config.replace('name = "toy"', f"name = {json.dumps(evil)}"))
    ledger = open_ledger(Workspace.open(folder))
    proposal = json.loads(json.dumps(dict(ledger.round("r002").proposal)))
    for pick in proposal["picks"]:
        pick |= {"scene_id": evil + pick["scene_id"], "log_id": evil}
        pick["reasons"] = [{"code": evil, "value": 1.0, "text": evil}]
    proposal |= {"policy": evil, "model_id": evil, "score": evil, "cost_unit": evil, "policy_source": evil}
    ledger.append("r002", "proposed", proposal, key="evil", author=Author(evil, 7))
    decided = {"scene_id": proposal["picks"][0]["scene_id"], "decision": evil}
    ledger.append("r002", "decided", decided, key="evil", author=Author(evil, 8))
    viewer = client(make_app(folder), "viewer")
    for path in ("/", "/rounds", "/rounds/r002"):
        text = viewer.get(path, headers=PAGE).text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img" not in text
    assert viewer.get("/api/v1/rounds/r002").headers["content-type"] == "application/json"


def test_no_page_holds_a_script_or_a_style(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    pages = [viewer.get(path, headers=PAGE).text for m, path in routes(app) if m == "GET" and "/api/" not in path]
    for text in [*pages, client(app).get("/", headers=PAGE).text]:
        assert not re.search(
            r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)(?! type=.application/json.)", text
        )
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


def test_own_files_are_kept_for_good_and_found_by_name_only(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    text = viewer.get("/", headers=PAGE).text
    urls = set(re.findall(r'"(/static/[^"]+)"', text))
    assert {url.rpartition("/")[2] for url in urls} == {"app.css", "app.js", "icon.svg"}
    for url in urls:
        answer = viewer.get(url)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
        assert viewer.get(re.sub(r"/static/\w+", "/static/0123456789abcdef", url)).status_code == 404


def test_plotly_comes_from_the_installed_package(app: FastAPI) -> None:
    from plotly.offline import get_plotlyjs

    from oddloop.web.assets import PLOTLY, asset

    answer = client(app, "viewer").get(asset(PLOTLY).url)
    assert answer.text == get_plotlyjs()
    assert answer.headers["content-type"].startswith("text/javascript")


def test_the_api_describes_itself(app: FastAPI) -> None:
    described = client(app, "viewer").get("/api/v1/openapi.json").json()
    assert set(described["paths"]) == {path for path in described["paths"] if path.startswith("/api/v1/")}
    assert {"/api/v1/overview", "/api/v1/rounds", "/api/v1/rounds/{round_id}", "/api/v1/models"} <= set(
        described["paths"]
    )
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["description"]
            answer = operation["responses"]["200"]
            assert set(answer["content"]) == {"image/png"} or "$ref" in json.dumps(answer)
            assert list(operation["responses"]["422"]["content"]) == ["application/problem+json"]


def test_an_empty_workspace_has_its_pages(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws", "[workspace]\nname = 'new'\n")
    viewer = client(make_app(tmp_path / "ws"), "viewer")
    for path in ("/", "/rounds", "/api/v1/overview", "/api/v1/models"):
        assert viewer.get(path, headers=PAGE).status_code == 200, path
    assert "No round yet" in viewer.get("/", headers=PAGE).text


@pytest.mark.parametrize(
    ("sent", "url"),
    [
        ({"tool": "cvat", "project": "7", "url": "https://cvat.example/"}, "https://cvat.example/tasks/7"),
        ({"tool": "label-studio", "project": "3", "url": "http://ls"}, "http://ls/projects/3/data"),
        ({"tool": "csv", "project": "", "url": "file:///tmp/x"}, ""),
        ({"tool": "cvat", "project": "1", "url": "javascript:alert(1)"}, ""),
    ],
)
def test_a_round_leads_to_where_it_is_in_other_tools(own: FastAPI, folder: Path, sent: dict, url: str) -> None:
    ledger = open_ledger(Workspace.open(folder))
    ledger.append("r002", "sent", {**sent, "jobs": {}, "digest": "d"}, key="a", author=Author("me", 9))
    pushed = {"what": "r002", "seq": 1, "ref": "https://track.example/runs/9", "kind": "mlflow"}
    ledger.append("tracker", "pushed", pushed, key="a", author=Author("me", 9))
    own.state.site.store.renew()
    viewer = client(own, "viewer")
    found = viewer.get("/api/v1/rounds/r002").json()
    assert (found["labelling"]["tool"], found["labelling"]["url"]) == (sent["tool"], url)
    assert found["tracker"]["url"] == "https://track.example/runs/9"
    page = viewer.get("/rounds/r002", headers=PAGE).text
    assert 'href="javascript' not in page
    assert (f'href="{url}"' in page) == bool(url)
    assert viewer.get("/api/v1/rounds/r001").json()["labelling"] is None


def test_the_overview_says_what_its_numbers_rest_on(app: FastAPI) -> None:
    page = client(app, "viewer").get("/", headers=PAGE).text
    assert "half of the interval, on the target&#39;s side; it is over whole held-out logs" in page
    assert "These are counts and no estimates" in page
    assert "(too few logs for an interval)" in page, "the toy holds out two logs"
