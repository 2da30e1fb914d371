"""The map in the colours of anything: a scene has the colour of what the tables say of it; unknown is unlike all."""

from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI

from oddloop.lake import Workspace
from oddloop.report.palette import COLOURS
from oddloop.rounds.ledger import open_ledger
from oddloop.web.density import HEIGHT, draw_density
from oddloop.web.queries.clusters.colours import GREY, SCALE
from web.web_server import PAGE, browser, client, make_app, page_token
from web.wild_scenes import rows_of

ALL = "/api/v1/clusters/map"


@pytest.fixture(scope="module")
def wild_app(wild: Path) -> FastAPI:
    return make_app(wild)


def legend(app: FastAPI, colour: str) -> dict[str, dict[str, Any]]:
    answer = client(app, "viewer").get(ALL, params={"colour": colour})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert sum(one["n_scenes"] for one in found["colours"]) == found["n_coloured"] == found["n_in_sight"]
    counts = collections.Counter(found["colour"])
    assert [counts[i] for i in range(len(found["colours"]))] == [one["n_scenes"] for one in found["colours"]]
    assert len({(one["paint"], one["look"]) for one in found["colours"]}) == len(found["colours"])
    return {one["key"]: one for one in found["colours"]}


@pytest.mark.parametrize("name", ["rain", "weather"])
def test_a_value_has_the_scenes_that_have_it(wild_app: FastAPI, wild: Path, name: str) -> None:
    found = legend(wild_app, f"attribute:{name}")
    on_map = set(read_map(wild))
    wanted = collections.Counter(row[name] for row in rows_of(wild) if row["scene_id"] in on_map)
    assert {key: one["n_scenes"] for key, one in found.items()} == dict(wanted)
    assert {one["kind"] for one in found.values()} == {"value"}


def test_lists_rare_values_and_what_is_unknown_look_otherwise(wild_app: FastAPI, wild: Path) -> None:
    on_map = set(read_map(wild))
    rows = [row for row in rows_of(wild) if row["scene_id"] in on_map]
    seen = legend(wild_app, "attribute:seen")
    assert seen["several"]["n_scenes"] == sum(len(row["seen"]) > 1 for row in rows)
    assert (seen["unknown"]["n_scenes"], seen["unknown"]["paint"]) == (sum(not row["seen"] for row in rows), GREY)
    many = legend(wild_app, "attribute:many")
    assert [one["kind"] for one in many.values()] == ["value"] * len(COLOURS) + ["rest"]
    gone = legend(wild_app, "attribute:gone")
    assert list(gone) == ["unknown"]


def test_a_score_goes_from_dark_to_light_in_even_parts(app: FastAPI) -> None:
    known = client(app, "viewer").get(ALL).json()["colours_known"]
    score = next(name for name in known if name.startswith("score:"))
    ranges = [one for one in legend(app, score).values() if one["kind"] == "range"]
    assert [one["paint"] for one in ranges] == list(SCALE)
    sizes = [one["n_scenes"] for one in ranges]
    assert max(sizes) - min(sizes) <= 2
    light = [sum(int(paint[i : i + 2], 16) * w for i, w in ((1, 0.3), (3, 0.6), (5, 0.1))) for paint in SCALE]
    assert light == sorted(light), "also for who sees no hue"


@pytest.mark.parametrize(("colour", "keys"), [("split", {"pool", "eval"}), ("labelled", {"yes", "no"})])
def test_what_else_scenes_are(app: FastAPI, colour: str, keys: set[str]) -> None:
    assert set(legend(app, colour)) == keys


def test_what_cannot_be_a_colour_is_refused(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    assert viewer.get(ALL, params={"colour": "attribute:nothing"}).status_code == 404
    assert viewer.get(ALL, params={"colour": "nonsense"}).status_code == 422
    page = viewer.get("/clusters/map", params={"colour": "attribute:rain"}, headers=PAGE).text
    assert '<option value="attribute:rain" selected>rain</option>' in page
    assert 'href="/scenes?where=rain%3Dlight"' in page


def test_the_picture_has_the_colours_of_the_legend() -> None:
    from web.test_web_clusters import pixels_of

    xy = np.array([[0.0, 1.0], [0.9999, 0.0]])
    pixels = pixels_of(draw_density(xy, np.array([1, 0]), paints=(SCALE[0], SCALE[6])))
    assert "#{:02x}{:02x}{:02x}".format(*pixels[0, 0, :3]) == SCALE[6]
    assert "#{:02x}{:02x}{:02x}".format(*pixels[HEIGHT - 1, -1, :3]) == SCALE[0]


def test_a_part_of_the_map_is_kept_by_a_form(own: FastAPI) -> None:
    ann = browser(own, "reviewer")
    found = ann.get(ALL).json()
    sides = {"left": "0", "right": "50", "top": "0", "bottom": "100"}
    form = {"page_token": page_token(ann), **sides}
    answer = ann.post("/clusters/map/sets", data={**form, "name": "left half"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/scenes?set=left+half#saved")
    kept = {one["name"]: one["n_scenes"] for one in ann.get("/api/v1/scene-sets").json()["items"]}
    assert kept == {"left half": sum(x < 0.5 for x in found["x"])}
    outline = {"corners": "0.5,0 1,0 1,1 0.5,1"}
    assert ann.post("/clusters/map/sets", data={**form, **outline, "name": "right half"}).status_code == 303
    kept = {one["name"]: one["n_scenes"] for one in ann.get("/api/v1/scene-sets").json()["items"]}
    assert sum(kept.values()) == found["n_scenes"]
    for wrong in ({"left": "101"}, {"corners": "0,0 1"}, {"corners": "a,b c,d e,f"}, {"corners": "0,0 1,1"}):
        answer = ann.post("/clusters/map/sets", data={**form, **wrong, "name": "x"})
        assert answer.status_code == 422, wrong


def read_map(folder: Path) -> list[str]:
    workspace = Workspace.open(folder)
    events = [e for e in open_ledger(workspace).events("discovery") if e.kind == "clustered"]
    table = workspace.storage.sub(f"derived/discover/{events[-1].payload['discover_digest']}")
    return list(table.read_table("scene_map.parquet")["scene_id"].to_pylist())
