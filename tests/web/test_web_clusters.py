"""The pages of clusters and their API: what the cards say, in their order, and every word of people in the ledger."""

from __future__ import annotations

import html
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from oddloop.lake import Workspace
from oddloop.report.palette import COLOURS
from oddloop.rounds.discovery import last_clustered, read_discovery
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.state import DISCOVERY, Event
from oddloop.web.density import HEIGHT, WIDTH, draw_density
from oddloop.web.queries.clusters import MapAsked, drawings, places
from oddloop.web.zoom import zoom_of
from web.web_server import PAGE, browser, client, make_app, page_token

ALL = "/api/v1/clusters"
EVIL = '"><script>alert(1)</script>'


@pytest.fixture(scope="module")
def ids(app: FastAPI) -> list[str]:
    """Clusters that there are, in order."""
    lines = client(app, "viewer").get(ALL).json()["clusters"]["items"]
    return [line["cluster_id"] for line in lines]


def said_in(folder: Path) -> list[Event]:
    return [e for e in open_ledger(Workspace.open(folder)).events(DISCOVERY) if e.kind == "named"]


def split(folder: Path, cluster: str, into: list[str], event: str = "split") -> None:
    """Record another discovery, after which the cluster goes on in others."""
    ledger = open_ledger(Workspace.open(folder))
    head = last_clustered(ledger.events(DISCOVERY))
    told = {"event": event, "cluster_id": cluster, "into": into, "n_before": 9, "n_common": 4, "text": "told"}
    payload = {**head.payload, "changes": [told], "counts": {event: 1}}
    ledger.append(DISCOVERY, "clustered", payload, key=f"test-{cluster}", author=Author("run", head.at_ns + 1))


def test_the_list_is_in_the_order_of_the_cards(app: FastAPI, toy: Path) -> None:
    workspace = Workspace.open(toy)
    ledger = open_ledger(workspace)
    stages = ledger.round("r002").proposal["stages"]
    cards = read_discovery(workspace, ledger.events(DISCOVERY), stages["discover"], stages["cards"]).cards.to_pylist()
    viewer = client(app, "viewer")
    found = viewer.get(ALL).json()
    lines = found["clusters"]["items"]
    assert len(cards) > 1
    assert [(line["cluster_id"], line["why"], line["n_scenes"]) for line in lines] == [
        (card["cluster_id"], card["rank_text"], card["n_scenes"]) for card in cards
    ]
    assert found["by_status"] == {"new": len(cards), "confirmed": 0, "noise": 0, "covered": 0}
    page = viewer.get("/clusters", headers=PAGE).text
    assert all(f'href="/clusters/{card["cluster_id"]}"' in page for card in cards)
    second = viewer.get(f"{ALL}?limit=1&offset=1").json()["clusters"]
    assert second["items"] == lines[1:2]
    beyond = viewer.get(f"{ALL}?offset=1000").json()["clusters"]
    assert (beyond["items"], beyond["total"]) == ([], len(cards))
    assert viewer.get("/clusters?offset=1000", headers=PAGE).status_code == 200


def test_a_cluster_says_what_its_card_says(app: FastAPI, toy: Path) -> None:
    viewer = client(app, "viewer")
    first = viewer.get(ALL).json()["clusters"]["items"][0]
    found = viewer.get(f"{ALL}/{first['cluster_id']}").json()
    assert (found["line"], found["seen"]) == (first, 0)
    assert found["scenes"][0]["kind"] == "typical"
    assert found["scenes"][0]["scene_ids"][0] == first["typical"]
    assert [chapter["what"] for chapter in found["history"]][-1] == "emerged"
    page = viewer.get(f"/clusters/{first['cluster_id']}", headers=PAGE).text
    assert first["why"] in html.unescape(page)
    assert "<textarea" not in page, "a viewer names nothing"
    assert "no tracks" in page
    for path in (f"{ALL}/c9999", f"{ALL}/c9999?more=1"):
        answer = viewer.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            404 if "?" not in path else 422,
            "application/problem+json",
        )
    assert viewer.get(f"{ALL}/{'x' * 5}").status_code == 422


def test_scenes_with_tracks_are_drawn(own: FastAPI, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    scene = client(own, "viewer").get(ALL).json()["clusters"]["items"][0]["typical"]
    rows = {"scene_id": [scene] * 2, "agent_id": ["<ego>"] * 2, "timestamp_ns": [0, 10**9], "x_m": [0.0, 9.0],
            "y_m": [0.0, 0.0], "heading_rad": [0.0, 0.0]}  # fmt: skip
    pq.write_table(pa.table(rows), folder / "tracks.parquet")
    config = folder / "oddloop.toml"
    config.write_text(config.read_text() + '\n[discover.page]\ntracks = "tracks.parquet"\n')
    viewer = client(make_app(folder), "viewer")
    first = viewer.get(ALL).json()["clusters"]["items"][0]["cluster_id"]
    for path in ("/clusters", f"/clusters/{first}"):
        page = viewer.get(path, headers=PAGE).text
        assert '<svg class="bev"' in page, path
        assert f'aria-label="{scene}"' in page, path
    monkeypatch.setattr(drawings, "MAX_ROWS", 1)
    page = client(make_app(folder), "viewer").get(f"/clusters/{first}", headers=PAGE).text
    assert '<svg class="bev"' not in page
    assert "too many rows" in page


def test_what_is_said_is_in_the_ledger_with_its_author(own: FastAPI, folder: Path, ids: list[str]) -> None:
    ann = client(own, "reviewer")
    said = {"name": "tram crosses", "risk": "S3E4C2", "priority": 2, "note": "seen at night"}
    answer = ann.post(f"{ALL}/{ids[0]}", json=said)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["status"], answer.json()["by"]) == ("confirmed", "reviewer-ann")
    [event] = said_in(folder)
    assert (event.author, event.seq) == ("reviewer-ann", answer.json()["seen"])
    assert dict(event.payload) == {"cluster_id": ids[0], **said, "status": "confirmed"}
    found = ann.get(f"{ALL}/{ids[0]}").json()
    assert [note["text"] for note in found["notes"]] == ["seen at night"]
    assert {s["field"]: s["value"] for s in found["history"][0]["said"]}["risk"] == "S3E4C2"
    named = ann.get(f"{ALL}?named=yes").json()
    assert [line["name"] for line in named["clusters"]["items"]] == ["tram crosses"]
    total = named["n_clusters"]
    for query, n in (("named=no", total - 1), ("status=confirmed", 1), ("status=noise", 0), ("text=NIGHT tram", 1)):
        assert ann.get(f"{ALL}?{query}").json()["clusters"]["total"] == n, query


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, 409),
        ({"risk": "dreadful"}, 409),
        ({"name": "x\x00"}, 422),
        ({"name": "x" * 201}, 422),
        ({"priority": -1}, 422),
        ({"status": "fine"}, 422),
        ({"name": "x", "more": 1}, 422),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    app: FastAPI, toy: Path, said: dict, status: int, ids: list[str]
) -> None:
    answer = client(app, "reviewer").post(f"{ALL}/{ids[0]}", json=said)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert said_in(toy) == []


def test_who_may_not_name_or_names_what_is_not_there_is_refused(app: FastAPI, toy: Path, ids: list[str]) -> None:
    assert client(app, "viewer").post(f"{ALL}/{ids[0]}", json={"name": "x"}).status_code == 403
    assert client(app, "viewer").post(f"{ALL}/{ids[0]}/answer", json={}).status_code == 403
    assert browser(app, "reviewer").post(f"/clusters/{ids[0]}", data={"name": "x"}).status_code == 403, "no page token"
    unknown = client(app, "reviewer").post(f"{ALL}/c9999", json={"name": "x"})
    assert (unknown.status_code, "does not exist" in unknown.json()["detail"]) == (409, True)
    assert client(app, "reviewer").post(f"{ALL}/{ids[0]}/answer", json={}).status_code == 409
    assert said_in(toy) == []


def test_the_form_records_only_what_it_changes(own: FastAPI, folder: Path, ids: list[str]) -> None:
    ann = browser(own, "reviewer")
    form = {"page_token": page_token(ann), "name": "tram", "risk": "", "priority": "0", "status": "new", "note": "",
            "seen": "0"}  # fmt: skip
    answer = ann.post(f"/clusters/{ids[0]}", data=form, headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/clusters/{ids[0]}")
    assert dict(said_in(folder)[0].payload) == {"cluster_id": ids[0], "name": "tram", "status": "confirmed"}
    again = ann.post(f"/clusters/{ids[0]}", data=form | {"note": "late"}, headers=PAGE)
    assert again.status_code == 409
    assert f"reviewer-ann has said of {ids[0]} meanwhile: name tram" in again.text
    assert len(said_in(folder)) == 1


def test_of_two_who_speak_at_once_the_second_is_told(own: FastAPI, folder: Path, ids: list[str]) -> None:
    ann, bob = client(own, "reviewer"), client(own, "admin")
    people = [ann, bob] * 4

    def speak(number: int) -> int:
        return people[number].post(f"{ALL}/{ids[0]}", json={"name": f"name {number}", "seen": 0}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(speak, range(8)))
    assert sorted(statuses) == [200] + [409] * 7
    assert [e.payload["name"] for e in said_in(folder)] == [f"name {statuses.index(200)}"]


def test_a_name_that_was_split_is_asked_for_and_answered(own: FastAPI, folder: Path, ids: list[str]) -> None:
    ann = browser(own, "reviewer")
    token = page_token(ann)
    program = client(own, "reviewer")
    program.post(f"{ALL}/{ids[0]}", json={"name": "tram", "priority": 1})
    split(folder, ids[0], [ids[1], ids[0]])
    own.state.site.store.renew()
    asked = program.get(ALL).json()["questions"]
    assert asked == [{"cluster_id": ids[0], "name": "tram", "event": "split", "into": [ids[1], ids[0]]}]
    assert f"It is {ids[1]}" in ann.get("/clusters", headers=PAGE).text
    assert f"It is {ids[1]}" in ann.get(f"/clusters/{ids[1]}", headers=PAGE).text
    assert program.get(f"{ALL}/{ids[0]}").json()["history"][0]["what"] == "split"
    form = {"page_token": token, "heir": ids[1]}
    answer = ann.post(f"/clusters/{ids[0]}/answer", data=form, headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/clusters/{ids[1]}")
    assert program.get(f"{ALL}/{ids[1]}").json()["name"] == "tram"
    assert program.get(ALL).json()["questions"] == []
    assert ann.post(f"/clusters/{ids[0]}/answer", data=form, headers=PAGE).status_code == 409, "somebody was first"
    split(folder, ids[1], [ids[0]], "merged")
    own.state.site.store.renew()
    assert program.post(f"{ALL}/{ids[1]}/answer", json={"note": "gone"}).status_code == 200
    assert program.get(ALL).json()["questions"] == []


def test_of_two_who_answer_at_once_the_second_is_refused(own: FastAPI, folder: Path, ids: list[str]) -> None:
    ann, bob = client(own, "reviewer"), client(own, "admin")
    ann.post(f"{ALL}/{ids[0]}", json={"name": "tram"})
    split(folder, ids[0], ids[:2])
    answers = [(ann, ids[0]), (bob, ids[1]), (ann, ""), (bob, ids[0])]

    def answer(one: tuple[TestClient, str]) -> int:
        return one[0].post(f"{ALL}/{ids[0]}/answer", json={"heir": one[1]}).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(answer, answers)) == [200, 409, 409, 409]
    assert len([e for e in said_in(folder) if "answers" in e.payload]) == 1


def test_names_and_notes_are_text_and_nothing_else(own: FastAPI, ids: list[str]) -> None:
    ann = client(own, "reviewer")
    ann.post(f"{ALL}/{ids[0]}", json={"name": EVIL, "risk": "S3E4C2", "note": f"{EVIL}\n<img src=x onerror=alert(1)>"})
    for path in ("/clusters", f"/clusters/{ids[0]}", "/clusters/map", f"/clusters?text={EVIL}"):
        text = ann.get(path, headers=PAGE).text
        assert html.escape(EVIL, quote=False).replace('"', "&#34;") in text, path
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_the_map_has_every_scene(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    found = viewer.get(f"{ALL}/map").json()
    assert found["n_in_sight"] == found["n_scenes"] == len(found["x"]) == len(found["y"]) == len(found["colour"]) > 0
    assert min(found["x"]) >= 0
    assert max(found["y"]) <= 1
    counts = np.bincount([c for c in found["colour"] if c >= 0], minlength=len(found["colours"])).tolist()
    assert counts == [colour["n_scenes"] for colour in found["colours"]]
    halves = [viewer.get(f"{ALL}/map?{part}").json()["n_in_sight"] for part in ("right=0.5", "left=0.5")]
    assert sum(halves) == found["n_scenes"]
    assert [c["key"] for c in viewer.get(f"{ALL}/map?colour=status").json()["colours"]] == ["new"]
    for line in viewer.get(ALL).json()["clusters"]["items"]:
        marked = viewer.get(f"{ALL}/map?mark={line['cluster_id']}").json()
        assert (marked["n_in_sight"], marked["colour"].count(0)) == (found["n_scenes"], line["n_scenes"])
        assert [colour["key"] for colour in marked["colours"]] == [line["cluster_id"]]
    assert viewer.get(f"{ALL}/map?mark=c9999").json()["colours"] == []
    assert viewer.get(f"{ALL}/map?left=0.5&right=0.5").status_code == 404
    picture = viewer.get(f"{ALL}/map.png")
    assert (picture.headers["content-type"], picture.content[:4]) == ("image/png", b"\x89PNG")


def test_a_scene_of_nested_clusters_has_the_colour_of_the_smallest_one(
    app: FastAPI, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = last_clustered(open_ledger(Workspace.open(toy)).events(DISCOVERY))
    members = pq.read_table(toy / "discovery" / head.payload["digest"] / "members.parquet").to_pylist()
    sizes = Counter(row["cluster_id"] for row in members)
    assert max(Counter(row["scene_id"] for row in members).values()) > 1  # some are nested

    def smallest(shown: list[str]) -> dict[str, int]:
        found: dict[str, str] = {}
        for row in sorted(members, key=lambda row: sizes[row["cluster_id"]]):
            if row["cluster_id"] in shown:
                found.setdefault(row["scene_id"], row["cluster_id"])
        return dict(Counter(found.values()))

    for most in (200, 2):  # beyond so many clusters the next larger one around stands for them
        monkeypatch.setattr(places, "MAX_COLOURED", most)
        shown = client(app, "viewer").get(ALL).json()["clusters"]["items"][:most]
        seen = client(app, "viewer").get(f"{ALL}/map?right={1 - most * 1e-9}").json()["colours"]
        assert {c["key"]: c["n_scenes"] for c in seen} == smallest([line["cluster_id"] for line in shown])


def test_where_too_many_are_in_sight_they_are_shown_by_how_dense_they_lie(
    own: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_DOTS", 3)
    viewer = client(own, "viewer")
    found = viewer.get(f"{ALL}/map").json()
    assert (found["is_dense"], found["x"], found["colour"]) == (True, [], [])
    assert sum(colour["n_scenes"] for colour in found["colours"]) > 3
    assert 'data-dense="yes"' in viewer.get("/clusters/map", headers=PAGE).text


def pixels_of(content: bytes) -> np.ndarray:
    start = content.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(content[start:-16]), np.uint8).reshape(HEIGHT, 1 + 4 * WIDTH)
    return rows[:, 1:].reshape(HEIGHT, WIDTH, 4)


def test_the_picture_mixes_colours_by_how_many_lie_there() -> None:
    xy = np.array([[0.0, 1.0]] * 3 + [[0.9999, 0.0]])
    pixels = pixels_of(draw_density(xy, np.array([0, 0, 6, -1])))
    assert "#{:02x}{:02x}{:02x}".format(*pixels[0, 0, :3]) == COLOURS[0], "the seventh has the first one's colour"
    assert pixels[-1, -1, :3].tolist() == [128, 128, 128]
    assert pixels[0, 0, 3] == 255 > pixels[-1, -1, 3] > 0
    assert np.count_nonzero(pixels[..., 3]) == 2
    one_of_four = np.array([0, -1, -1, -1])
    mixed, sought = (pixels_of(draw_density(xy * 0, one_of_four, grey=grey))[-1, 0, :3] for grey in (1.0, 0.02))
    assert mixed.tolist() == [96, 124, 140], "a quarter of the blue"
    assert abs(sought.astype(int) - [0, 114, 178]).max() < 10


def test_every_cell_of_the_map_is_a_part_of_it() -> None:
    asked = MapAsked(left=0.2, right=0.8, top=0.1, bottom=0.4)
    cells = [MapAsked(**cell) for cell in zoom_of(asked).cells]
    area = sum((cell.right - cell.left) * (cell.bottom - cell.top) for cell in cells)
    assert area == pytest.approx(0.6 * 0.3, rel=1e-4)
    assert zoom_of(MapAsked()).out is None
    assert zoom_of(MapAsked(left=0.5, right=0.500002)).cells == ()


def test_before_the_first_discovery_the_pages_say_so(tmp_path: Path) -> None:
    from toy import make_workspace

    make_workspace(tmp_path / "ws")
    viewer = client(make_app(tmp_path / "ws"), "viewer")
    for path in ("/clusters", "/clusters/map"):
        assert "oddloop discover" in viewer.get(path, headers=PAGE).text
    assert viewer.get(f"{ALL}/map.png").status_code == 200
    assert viewer.get(f"{ALL}/c0001").status_code == 404
