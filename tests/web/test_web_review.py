"""The review page and its API: every decision is the ledger's, and whoever comes second is told."""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from oddloop.config import WebConfig
from oddloop.lake import Workspace
from oddloop.rounds import review
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.state import Event
from oddloop.web.access.tokens import token_line
from web.web_server import BASE, PAGE, browser, client, make_app, page_token

OPEN = "/api/v1/rounds/r002/review"
STATIC = Path(__file__).parents[2] / "src/oddloop/web/static"


def decide(of: TestClient, scene: str, decision: str, reason: str = "", seen: int = 0) -> tuple[int, dict]:
    said = {"scene_id": scene, "decision": decision, "reason": reason, "seen": seen}
    answer = of.post(f"{OPEN}/decisions", json=said)
    return answer.status_code, answer.json()


def pick_of(of: TestClient, scene: str) -> dict:
    return next(pick for pick in of.get(OPEN).json()["picks"]["items"] if pick["scene_id"] == scene)


def decided(folder: Path, round_id: str = "r002") -> list[Event]:
    return [e for e in open_ledger(Workspace.open(folder)).events(round_id) if e.kind == "decided"]


def propose_many(folder: Path, n: int, **more: object) -> list[str]:
    """Another proposal of r002 with `n` picks."""
    ledger = open_ledger(Workspace.open(folder))
    proposal = json.loads(json.dumps(dict(ledger.round("r002").proposal)))
    first = proposal["picks"][0]
    scenes = [f"scene-{number:02}" for number in range(n)]
    proposal["picks"] = [{**first, "scene_id": scene, "rank": rank} for rank, scene in enumerate(scenes, 1)]
    proposal |= {"budget": n * first["cost"], "cost": n * first["cost"], **more}
    ledger.append("r002", "proposed", proposal, key="many", author=Author("test", 1))
    return scenes


def test_the_page_shows_what_the_ledger_has(app: FastAPI, toy: Path) -> None:
    viewer = client(app, "viewer")
    found = viewer.get("/api/v1/review").json()
    state = open_ledger(Workspace.open(toy)).round("r002")
    assert (found["round_id"], found["can_decide"], found["seen"]) == ("r002", True, 0)
    assert [pick["scene_id"] for pick in found["picks"]["items"]] == state.pick_ids
    assert found["spent"]["cost"] == found["spent"]["cost_undecided"] == pytest.approx(state.cost)
    assert found["spent"]["left"] == pytest.approx(found["spent"]["budget"] - state.cost)
    assert all(isinstance(pick["score"], float) and pick["reasons"] for pick in found["picks"]["items"])
    assert viewer.get(OPEN).json() == found
    page = viewer.get("/review", headers=PAGE).text
    assert all(scene in page for scene in state.pick_ids)
    assert "Approve" not in page, "a viewer decides nothing"
    assert "Approve" in browser(app, "reviewer").get("/review", headers=PAGE).text


def test_every_decision_is_recorded_under_the_name_of_who_is_logged_in(own: FastAPI, folder: Path) -> None:
    ann = client(own, "reviewer")
    one, two, three = (pick["scene_id"] for pick in ann.get(OPEN).json()["picks"]["items"])
    status, answer = decide(ann, one, "approve")
    assert (status, answer["by"], answer["replacement"]) == (200, "reviewer-ann", "")
    decide(ann, two, "reject", "blurred")
    status, swapped = decide(ann, three, "swap", "too like the first")
    assert status == 200
    found = ann.get(OPEN).json()
    by_scene = {pick["scene_id"]: pick for pick in found["picks"]["items"]}
    assert [by_scene[scene]["decision"] for scene in (one, two, three)] == ["approve", "reject", "swap"]
    assert by_scene[swapped["replacement"]]["instead_of"] == three
    assert found["said"] == ["blurred", "too like the first"]
    assert found["spent"]["n_in"] == 2
    assert found["spent"] == swapped["spent"]
    status, _ = decide(ann, two, "undo", seen=by_scene[two]["seen"])
    assert (status, pick_of(ann, two)["decision"]) == (200, "")
    events = decided(folder)
    assert [e.payload["decision"] for e in events] == ["approve", "reject", "swap", "undo"]
    assert {e.author for e in events} == {"reviewer-ann"}


def test_who_is_refused_sees_at_once_what_others_decided(own: FastAPI, folder: Path) -> None:
    bob = client(own, "admin")
    scene = bob.get(OPEN).json()["picks"]["items"][0]["scene_id"]  # the server need not look again for half a second
    workspace = Workspace.open(folder)
    review.decide(workspace, open_ledger(workspace), "r002", scene, "reject", "wipers", Author("ann", 1))
    assert decide(bob, scene, "approve")[0] == 409
    assert pick_of(bob, scene)["decision"] == "reject"


def test_who_comes_second_is_told_who_decided_what_and_when(own: FastAPI, folder: Path) -> None:
    ann, bob = client(own, "reviewer"), client(own, "admin")
    scene = ann.get(OPEN).json()["picks"]["items"][0]["scene_id"]
    _, first = decide(ann, scene, "reject", "wipers")
    status, problem = decide(bob, scene, "approve")
    assert status == 409
    told = {name: problem[name] for name in ("scene_id", "decision", "by", "at_ns", "reason", "seen")}
    wanted = {"scene_id": scene, "decision": "reject", "reason": "wipers", "by": "reviewer-ann"}
    assert told == wanted | {"at_ns": first["at_ns"], "seen": first["seq"]}
    assert "reviewer-ann rejected it" in problem["detail"]
    assert decide(bob, scene, "reject", "me too")[0] == 200, "agreement is no conflict"
    assert len(decided(folder)) == 1
    assert decide(bob, scene, "approve", seen=problem["seen"])[0] == 200
    assert pick_of(ann, scene)["decided_by"] == "admin-ann"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"decision": "reject"}, 422),
        ({"decision": "reject", "reason": "  "}, 422),
        ({"decision": "like"}, 422),
        ({"decision": "approve", "seen": -1}, 422),
        ({"decision": "approve", "more": 1}, 422),
        ({"decision": "approve", "reason": "\x00"}, 422),
        ({"decision": "approve", "reason": "x" * 2001}, 422),
        ({"decision": "approve", "scene_id": "nowhere"}, 409),
        ({"decision": "undo"}, 409),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(app: FastAPI, toy: Path, said: dict, status: int) -> None:
    ann = client(app, "reviewer")
    scene = ann.get(OPEN).json()["picks"]["items"][0]["scene_id"]
    answer = ann.post(f"{OPEN}/decisions", json={"scene_id": scene, **said})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert decided(toy) == []


def test_a_round_that_is_not_there_or_over_takes_no_decision(app: FastAPI) -> None:
    ann = client(app, "reviewer")
    said = {"scene_id": "s", "decision": "approve"}
    assert ann.post("/api/v1/rounds/r999/review/decisions", json=said).status_code == 404
    assert ann.post("/api/v1/rounds/r001/review/decisions", json=said).status_code == 409
    over = ann.get("/api/v1/rounds/r001/review").json()
    assert (over["can_decide"], over["spent"]["n_undecided"], over["spent"]["cost_undecided"]) == (False, 0, 0)
    page = ann.get("/rounds/r001/review", headers=PAGE).text
    assert "in, without a decision" in page
    assert ">undecided<" not in page.replace('verdict undecided">undecided<', "")
    assert client(app, "viewer").post(f"{OPEN}/decisions", json=said).status_code == 403


def test_it_works_by_forms_alone(own: FastAPI, folder: Path) -> None:
    ann = browser(own, "reviewer")
    token = page_token(ann)
    scene = ann.get(OPEN).json()["picks"]["items"][1]["scene_id"]
    form = {"page_token": token, "scene_id": scene, "seen": "0", "at": "2"}
    answer = ann.post("/rounds/r002/review?keep=2", data=form | {"decision": "reject", "reason": "<b>no</b>"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rounds/r002/review?keep=2#pick-2")
    page = ann.get("/rounds/r002/review", headers=PAGE).text
    assert "“&lt;b&gt;no&lt;/b&gt;”" in page
    late = ann.post("/rounds/r002/review", data=form | {"decision": "approve"}, headers=PAGE)
    assert late.status_code == 409
    assert "reviewer-ann rejected it" in late.text
    assert f'id="review" data-api="{OPEN}"' in late.text
    assert ann.post("/rounds/r002/review", data=form | {"decision": "reject"}).status_code == 422
    assert len(decided(folder)) == 1
    seen = ann.get(OPEN).json()["seen"]
    done = ann.post("/rounds/r002/review/finish", data={"page_token": token, "seen": str(seen), "approve_rest": "true"})
    assert done.status_code == 303
    assert open_ledger(Workspace.open(folder)).round("r002").status == "reviewed"


def test_the_cut_moves_along_the_order_and_stands_in_the_address(own: FastAPI, folder: Path) -> None:
    ann = client(own, "reviewer")
    whole = ann.get(OPEN).json()
    ids = [pick["scene_id"] for pick in whole["picks"]["items"]]
    cut = ann.get(f"{OPEN}?keep=2").json()
    assert [pick["is_cut"] for pick in cut["picks"]["items"]] == [False, False, True]
    assert cut["spent"]["cost"] == pytest.approx(sum(pick["cost"] for pick in whole["picks"]["items"][:2]))
    assert cut["spent"]["cost_in"] == whole["spent"]["cost_in"]
    decide(ann, ids[0], "defer")
    cut = ann.get(f"{OPEN}?keep=1").json()
    assert [pick["is_cut"] for pick in cut["picks"]["items"]] == [False, False, True]
    assert 'value="1"' in browser(own, "reviewer").get("/rounds/r002/review?keep=1", headers=PAGE).text
    finished = ann.post(f"{OPEN}/finish", json={"seen": cut["seen"], "keep": 1, "approve_rest": True}).json()
    assert finished["scene_ids"] == [ids[1]]
    state = open_ledger(Workspace.open(folder)).round("r002")
    assert (state.status, state.pick_ids, state.review["cut"]) == ("reviewed", [ids[1]], [ids[2]])
    after = ann.get(OPEN).json()
    assert (after["can_decide"], after["spent"]["n_in"], after["spent"]["n_undecided"]) == (False, 1, 0)
    assert decide(ann, ids[1], "reject", "late")[0] == 409


def test_nobody_finishes_over_a_decision_that_they_have_not_seen(own: FastAPI, folder: Path) -> None:
    ann, bob = client(own, "reviewer"), client(own, "admin")
    looked = ann.get(OPEN).json()
    scene = looked["picks"]["items"][0]["scene_id"]
    decide(bob, scene, "reject", "glare")
    answer = ann.post(f"{OPEN}/finish", json={"seen": looked["seen"], "approve_rest": True})
    assert answer.status_code == 409
    assert (answer.json()["by"], answer.json()["scene_id"]) == ("admin-ann", scene)
    undecided = ann.post(f"{OPEN}/finish", json={"seen": answer.json()["seen"]})
    assert (undecided.status_code, "not decided" in undecided.json()["detail"]) == (409, True)
    assert open_ledger(Workspace.open(folder)).round("r002").status == "proposed"


def test_what_the_round_brings_to_each_gap(own: FastAPI, folder: Path) -> None:
    ann = client(own, "reviewer")
    found = ann.get(OPEN).json()
    assert found["effects"]
    state = open_ledger(Workspace.open(folder)).round("r002")
    values = Workspace.open(folder).storage.sub(f"derived/coverage/{state.proposal['stages']['coverage']}")
    rows = {row["scene_id"]: row for row in values.read_table("scene_values.parquet").to_pylist()}
    for effect in found["effects"]:
        parts = [part.split("=") for part in effect["segment_id"].split(" & ")]
        brought = [scene for scene in state.pick_ids if all(rows[scene][name] == value for name, value in parts)]
        assert effect["n_brought"] == len(brought), effect["segment_id"]
    gone = next(effect for effect in found["effects"] if effect["n_brought"])
    parts = [part.split("=") for part in gone["segment_id"].split(" & ")]
    scene = next(s for s in state.pick_ids if all(rows[s][name] == value for name, value in parts))
    decide(ann, scene, "reject", "gone")
    after = {effect["segment_id"]: effect["n_brought"] for effect in ann.get(OPEN).json()["effects"]}
    assert after[gone["segment_id"]] == gone["n_brought"] - 1


def test_what_is_new_since_the_round_before(own: FastAPI, folder: Path) -> None:
    ledger = open_ledger(Workspace.open(folder))
    changes = client(own, "viewer").get(OPEN).json()["changes"]
    before, now = ledger.round("r001"), ledger.round("r002")
    assert (changes["round_id"], changes["n_before"], changes["n_now"]) == ("r001", len(before.picks), len(now.picks))
    totals = [
        sum(kind[when] for kind in changes["kinds"] if kind["name"].startswith("rain=")) for when in ("now", "before")
    ]
    assert totals == [changes["n_now"], changes["n_before"]]
    assert {setting["name"] for setting in changes["settings"]} == {"model_id"}
    assert client(own, "viewer").get("/api/v1/rounds/r001/review").json()["changes"] is None


def test_texts_of_scenes_and_reasons_do_no_harm(folder: Path) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    ledger = open_ledger(Workspace.open(folder))
    proposal = json.loads(json.dumps(dict(ledger.round("r002").proposal)))
    for pick in proposal["picks"]:
        pick |= {"scene_id": evil + pick["scene_id"], "log_id": evil}
        pick["reasons"] = [{"code": evil, "value": 1.0, "text": evil}] * 2
    proposal |= {"policy": evil, "model_id": evil, "score": evil, "cost_unit": evil}
    ledger.append("r002", "proposed", proposal, key="evil", author=Author(evil, 7))
    ann = browser(make_app(folder), "reviewer")
    said = {"scene_id": proposal["picks"][0]["scene_id"], "decision": "reject", "reason": evil, "seen": 0}
    assert ann.post(f"{OPEN}/decisions", json=said, headers={"x-page-token": page_token(ann)}).status_code == 200
    for path in ("/review", "/rounds/r002/review", "/rounds/r002/review?keep=1"):
        text = ann.get(path, headers=PAGE).text
        assert "alert(1)" in text
        assert "<script>alert" not in text
        assert "<img" not in text
        assert not re.search(r"<style|\sstyle=|javascript:|<script(?![^>]*\ssrc=)", text)
    assert ann.get("/review?keep=%3Cscript%3E", headers=PAGE).status_code == 422


def test_every_key_of_the_script_is_explained() -> None:
    script = (STATIC / "review.js").read_text()
    table = re.search(r"const KEYS = \{(.*?)\n\};", script, re.DOTALL)
    assert table
    keys = set(re.findall(r'^  "?([a-z?])"?: \(', table[1], re.MULTILINE))
    template = (STATIC.parent / "templates/review_parts.html").read_text()
    told = re.search(r"for key in \[([^\]]+)\]", template)
    assert told
    assert {"help" if key == "?" else key for key in keys} == set(re.findall(r'"(\w+)"', told[1]))
    assert not re.search(r"innerHTML = (?!part\.innerHTML)|eval\(|insertAdjacent|document\.write", script)


def test_many_reviewers_at_once_lose_nothing(folder: Path) -> None:
    n_people, n_each = 24, 8
    scenes = propose_many(folder, 10)
    names = [f"ann{number}" for number in range(n_people)]
    web = WebConfig(tokens=tuple(token_line(name, "reviewer", name * 8) for name in names))
    app = make_app(folder, web=web)

    def review(name: str) -> list[tuple[int, int, dict]]:
        rng, seen = random.Random(name), dict.fromkeys(scenes, 0)
        of = TestClient(app, base_url=BASE, headers={"authorization": f"Bearer {name * 8}"})
        answers = []
        for _ in range(n_each):
            scene, decision = rng.choice(scenes), rng.choice(["approve", "reject", "defer", "undo"])
            status, answer = decide(of, scene, decision, f"{name} says so", seen[scene])
            answers.append((status, seen[scene], answer))
            seen[scene] = answer.get("seq") or answer.get("seen") or seen[scene]
        return answers

    with ThreadPoolExecutor(n_people) as pool:
        answers = [answer for found in pool.map(review, names) for answer in found]
    app.state.site.store.close()
    events = {event.seq: event for event in decided(folder)}
    written = [event for event in events.values() if event.payload["scene_id"] in scenes]
    acknowledged = {answer["seq"]: (seen, answer) for status, seen, answer in answers if status == 200}
    assert {status for status, _, _ in answers} == {200, 409}
    assert set(acknowledged) == {event.seq for event in written}, "all that was acknowledged is there, and nothing else"
    for seq, (_, answer) in acknowledged.items():
        event = events[seq]
        assert (event.author, event.payload["decision"]) == (answer["by"], answer["decision"])
    # Nobody wrote over a decision that they had not seen.
    last = dict.fromkeys(scenes, 0)
    for event in sorted(written, key=lambda e: e.seq):
        scene = str(event.payload["scene_id"])
        said = {seen for status, seen, answer in answers if status == 200 and answer["seq"] == event.seq}
        assert last[scene] in said
        last[scene] = event.seq
    conflicts = [(seen, answer) for status, seen, answer in answers if status == 409]
    assert all(answer["detail"] for _, answer in conflicts)
    assert any(answer.get("by") and answer["seen"] != seen for seen, answer in conflicts)
