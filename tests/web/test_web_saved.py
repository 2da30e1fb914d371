"""What people keep is there for everybody, under one name each, and the ledger says who did what."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from oddloop.errors import ConflictError
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.saved import save_search
from oddloop.rounds.state import SAVED
from oddloop.web.queries.clusters.area import is_within
from web.web_server import PAGE, PEOPLE, browser, client, page_token
from web.wild_scenes import HOSTILE, XSS

SEARCHES, SETS = "/api/v1/searches", "/api/v1/scene-sets"


def names(of: TestClient, path: str) -> list[str]:
    return [one["name"] for one in of.get(path).json()["items"]]


def ids(of: TestClient, query: str) -> list[str]:
    found = of.get(f"/api/v1/scenes?{query}&limit=500")
    assert found.status_code == 200, found.text
    return [line["scene_id"] for line in found.json()["part"]["items"]]


@pytest.fixture
def ann(own: FastAPI) -> TestClient:
    return client(own, "reviewer")


def test_a_search_is_kept_opened_and_deleted(own: FastAPI, ann: TestClient) -> None:
    asked = {"name": " rain  at night ", "query": "where=rain%3Dlight&sort=high&offset=50", "note": "for Bob"}
    kept = ann.post(SEARCHES, json=asked)
    assert kept.status_code == 200
    told = kept.json()
    assert (told["name"], told["query"], told["author"]) == ("rain at night", "where=rain%3Dlight", PEOPLE["reviewer"])
    viewer = client(own, "viewer")
    assert viewer.get(SEARCHES).json()["items"] == [told]
    page = viewer.get("/scenes", headers=PAGE).text
    assert '<a href="/scenes?where=rain%3Dlight">rain at night</a>' in page
    assert "for Bob" in page
    assert viewer.request("DELETE", SEARCHES, params={"name": "rain at night"}).status_code == 403
    assert ann.delete(SEARCHES, params={"name": "rain at night", "seen": told["seq"]}).json() == told
    assert names(viewer, SEARCHES) == []
    assert ann.delete(SEARCHES, params={"name": "rain at night"}).status_code == 409
    events = open_ledger(own.state.site.store.view().workspace).events(SAVED)
    assert [(e.author, e.payload["deleted"]) for e in events] == [
        (PEOPLE["reviewer"], False),
        (PEOPLE["reviewer"], True),
    ]


def test_a_set_holds_the_scenes_that_were_found(ann: TestClient) -> None:
    wanted = ids(ann, "where=rain%3Dlight")
    kept = ann.post(SETS, json={"name": "light rain", "query": "where=rain%3Dlight"}).json()
    assert (kept["n_scenes"], kept["query"]) == (len(wanted), "where=rain%3Dlight")
    assert ids(ann, "set=light+rain") == wanted
    first = ann.post(SETS, json={"name": "first two", "query": "where=rain%3Dlight", "first": 2}).json()
    assert (first["n_scenes"], first["query"]) == (2, "where=rain%3Dlight (the first 2)")
    assert ids(ann, "set=first+two") == wanted[:2]
    like = ids(ann, f"like={wanted[0]}")
    ann.post(SETS, json={"name": "alike", "query": f"like={wanted[0]}", "first": 3})
    assert set(ids(ann, "set=alike")) == set(like[:3])
    listed = ann.post(SETS, json={"name": "listed", "scene_ids": [*wanted[:2], wanted[0]]}).json()
    assert (listed["n_scenes"], listed["digest"]) == (2, first["digest"]), "the same scenes are the same file"
    assert ids(ann, "set=listed&where=rain%3Dmoderate") == []


def test_a_set_is_what_lies_in_a_part_of_the_map(ann: TestClient) -> None:
    found = ann.get("/api/v1/clusters/map").json()
    whole = ann.post(SETS, json={"name": "all", "area": {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]]}}).json()
    assert whole["n_scenes"] == found["n_scenes"]
    left = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
    half = ann.post(SETS, json={"name": "left", "area": {"corners": left}}).json()
    assert half["n_scenes"] == sum(x < 0.5 for x in found["x"])
    triangle = [[0, 0], [1, 1], [0, 1]]  # from the top left down
    below = ann.post(SETS, json={"name": "below", "area": {"corners": triangle}}).json()
    assert below["n_scenes"] == sum(1 - y > x for x, y in zip(found["x"], found["y"], strict=True))
    nothing = ann.post(SETS, json={"name": "none", "area": {"corners": [[0, 0], [0.001, 0], [0, 0.001]]}})
    assert nothing.status_code == 409
    assert "no scene is like that" in nothing.json()["detail"]


def test_a_polygon_holds_what_it_surrounds() -> None:
    """Against counting by hand: a star, and an hourglass that crosses itself."""
    points = np.array([[0.5, 0.75], [0.5, 0.25], [0.25, 0.5], [0.75, 0.5], [0.5, 0.5001]])
    hourglass = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert is_within(points, hourglass).tolist() == [True, True, False, False, True]
    assert not is_within(points, hourglass + 2).any()


@pytest.mark.parametrize("path", [SEARCHES, SETS])
def test_a_taken_name_is_told_and_replaced_only_knowingly(ann: TestClient, path: str) -> None:
    first = ann.post(path, json={"name": "mine", "query": ""}).json()
    taken = ann.post(path, json={"name": "mine", "query": "text=log"})
    assert (taken.status_code, taken.headers["content-type"]) == (409, "application/problem+json")
    assert f"{PEOPLE['reviewer']} keeps a" in taken.json()["detail"]
    second = ann.post(path, json={"name": "mine", "query": "text=log", "seen": first["seq"]}).json()
    assert second["query"] == "text=log"
    assert ann.post(path, json={"name": "mine", "seen": first["seq"]} | {"query": ""}).status_code == 409
    assert ann.delete(path, params={"name": "mine", "seen": first["seq"]}).status_code == 409
    assert ann.delete(path, params={"name": "mine"}).status_code == 200
    gone = ann.post(path, json={"name": "mine", "query": "", "seen": second["seq"]})
    assert "somebody has deleted it" in gone.json()["detail"]


def test_of_two_who_take_one_name_at_once_one_is_told(folder: Path) -> None:
    ledgers = [open_ledger(Workspace.open(folder)) for _ in range(2)]
    start, told = threading.Barrier(2), list[str]()

    def keep(who: int) -> None:
        start.wait()
        try:
            told.append(save_search(ledgers[who], "x", f"text={who}", Author(f"p{who}", who + 1)).author)
        except ConflictError:
            told.append("told")

    threads = [threading.Thread(target=keep, args=(who,)) for who in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(told)[1] == "told"
    assert sorted(told)[0] in ("p0", "p1")
    assert len(ledgers[0].events(SAVED)) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (SEARCHES, {"name": "", "query": ""}, 422),
        (SEARCHES, {"name": " ", "query": ""}, 409),
        (SEARCHES, {"name": "a\nb\x00", "query": ""}, 409),
        (SEARCHES, {"name": "x" * 201, "query": ""}, 422),
        (SEARCHES, {"name": "x", "query": "nonsense=1"}, 422),
        (SEARCHES, {"name": "x", "query": "where=noequals"}, 422),
        (SETS, {"name": "x"}, 422),
        (SETS, {"name": "x", "query": "", "scene_ids": ["log0/s0"]}, 422),
        (SETS, {"name": "x", "scene_ids": []}, 409),
        (SETS, {"name": "x", "scene_ids": ["nowhere"]}, 404),
        (SETS, {"name": "x", "query": "where=nothing%3D1"}, 404),
        (SETS, {"name": "x", "query": "text=no-scene-has-this"}, 409),
        (SETS, {"name": "x", "area": {"corners": [[0, 0], [1, 1]]}}, 422),
        (SETS, {"name": "x", "area": {"corners": [[0, 0], [1, 1], [2, 0]]}}, 422),
    ],
)
def test_what_cannot_be_kept_is_refused(app: FastAPI, path: str, body: dict[str, Any], status: int) -> None:
    somebody = client(app, "reviewer")
    answer = somebody.post(path, json=body)
    assert answer.status_code == status, answer.text
    assert names(somebody, path) == []


def test_hostile_names_are_harmless(ann: TestClient) -> None:
    given = [name for name in (*HOSTILE, XSS) if "\x00" not in name]
    for name in given:
        assert ann.post(SEARCHES, json={"name": name, "query": f"text={name.split('&')[0][:1]}"}).status_code in (
            200,
            422,
        )
        assert ann.post(SETS, json={"name": name, "query": "", "note": XSS}).status_code == 200
        assert len(ids(ann, urlencode({"set": name}))) > 0
    page = ann.get("/scenes", headers=PAGE).text
    assert "<script>alert" not in page
    assert sorted(names(ann, SETS)) == sorted(" ".join(name.split()) for name in given)
    assert ann.get("/scenes?set=nobody", headers=PAGE).status_code == 404


def test_forms_do_the_same(own: FastAPI) -> None:
    bob = browser(own, "reviewer")
    token = {"page_token": page_token(bob)}
    answer = bob.post("/scenes/searches", data={**token, "name": "by form", "query": "text=log", "first": "3"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/scenes?text=log#saved")
    answer = bob.post("/scenes/sets", data={**token, "name": "a & b", "query": "", "first": "3"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/scenes?set=a+%26+b#saved")
    assert len(ids(bob, "set=a+%26+b")) == 3
    kept = bob.get(SETS).json()["items"][0]
    told = {"what": "set", "name": "a & b", "seen": str(kept["seq"])}
    assert bob.post("/scenes/forget", data={**token, **told}).status_code == 303
    assert names(bob, SETS) == []
    assert bob.post("/scenes/forget", data={"what": "search", "name": "by form"}).status_code == 403
