"""The page of a scene says what the tables and the ledger say of it, and nothing in it is more than text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.trace import trace_scene
from oddloop.tables import SCENES
from web.web_server import PAGE, client, make_app
from web.wild_scenes import HOSTILE, STRANGE, rows_of


@pytest.fixture(scope="module")
def site(seen: Path) -> Iterator[FastAPI]:
    made = make_app(seen)
    yield made
    made.state.site.store.close()


def get(app: FastAPI, **asked: Any) -> dict[str, Any]:
    answer = client(app, "viewer").get(f"/api/v1/scenes/scene?{urlencode(asked)}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def page(app: FastAPI, **asked: Any) -> str:
    answer = client(app, "viewer").get(f"/scenes/scene?{urlencode(asked)}", headers=PAGE)
    assert answer.status_code == 200, answer.text
    return answer.text


def scene_ids(folder: Path) -> list[str]:
    return read_table(Workspace.open(folder).table("scenes"), SCENES)["scene_id"].to_pylist()


def test_a_scene_is_what_the_tables_say(site: FastAPI, seen: Path) -> None:
    workspace = Workspace.open(seen)
    stages = open_ledger(workspace).round("r002").proposal["stages"]
    pool = workspace.storage.sub(f"derived/select/{stages['select']}").read_table("candidates.parquet")
    costs = dict(zip(pool["scene_id"].to_pylist(), pool["cost"].to_pylist(), strict=True))
    known = {row["scene_id"]: row for row in rows_of(seen)}
    for scene_id in scene_ids(seen)[:12]:
        found, row = get(site, id=scene_id), known[scene_id]
        values = {one["attribute"]: one["values"] for one in found["line"]["values"]}
        assert values["rain"] == [row["rain"]]
        assert values["seen"] == row["seen"]
        assert values["gone"] == ["unknown"]
        assert found["line"]["labelled"] == row["labelled"]
        assert found["cost"] == costs.get(scene_id)
        assert float({f["name"]: f["text"] for f in found["facts"]}["duration_s"]) == row["duration_s"]
        valid = {n: row[n] for n in row if row.get(f"{n}_valid")}
        assert found["scores"] == []
        found = get(site, id=scene_id, scores="all")
        assert {one["name"]: one["value"] for one in found["scores"]} == pytest.approx(valid)


def test_percentiles_are_counts(site: FastAPI, seen: Path) -> None:
    workspace, ledger = Workspace.open(seen), open_ledger(Workspace.open(seen))
    scene_id = scene_ids(seen)[1]
    found = get(site, id=scene_id)
    name = found["score"]
    assert [one["round_id"] for one in found["by_model"]] == ["r002", "r001"]
    for one in found["by_model"]:
        digest = ledger.round(one["round_id"]).proposal["stages"]["score"]
        table = workspace.storage.sub(f"derived/score/{digest}").read_table("scene_scores.parquet").to_pylist()
        valid = {row["scene_id"]: row[name] for row in table if row[f"{name}_valid"]}
        assert one["value"] == valid[scene_id]
        assert one["percentile"] == pytest.approx(100 * np.mean([v < valid[scene_id] for v in valid.values()]))
        assert one["n_scenes"] == len(valid)


def test_the_score_over_time_is_that_of_the_frames(site: FastAPI, seen: Path) -> None:
    workspace = Workspace.open(seen)
    digest = open_ledger(workspace).round("r002").proposal["stages"]["score"]
    scene_id = scene_ids(seen)[1]
    course = get(site, id=scene_id)["course"]
    (file,) = (seen / f"derived/score/{digest}/frame_scores").glob("classification/*.parquet")
    frames = {row["frame_id"]: row for row in pq.read_table(file).to_pylist() if row["scene_id"] == scene_id}
    assert {f["frame_id"]: f["value"] for f in course["frames"]} == {
        name: row[course["score"]] if row[f"{course['score']}_valid"] else None for name, row in frames.items()
    }
    times = [frame["at_s"] for frame in course["frames"]]
    assert times[0] == 0
    assert times == sorted(times)
    assert 'svg class="plot"' in page(site, id=scene_id)


def test_its_life_is_that_of_the_ledger(site: FastAPI, seen: Path) -> None:
    workspace = Workspace.open(seen)
    ledger = open_ledger(workspace)
    picked = ledger.round("r001").picks[0]["scene_id"]
    told = trace_scene(workspace, ledger, picked)
    found = get(site, id=picked)
    assert [(m["kind"], m["text"], m["at_ns"]) for m in found["life"]] == [
        (m.kind, m.text, m.at_ns) for m in told.moments
    ]
    assert {"picked", "labelled", "trained"} <= {moment["kind"] for moment in found["life"]}
    text = page(site, id=picked)
    assert 'href="/rounds/r001"' in text
    assert text.count("<time ") >= 3


def test_the_nearest_neighbours_are_those_of_the_search(site: FastAPI, seen: Path) -> None:
    scene_id = scene_ids(seen)[3]
    search = client(site, "viewer").get(f"/api/v1/scenes?{urlencode({'like': scene_id, 'limit': 8})}").json()
    assert get(site, id=scene_id)["neighbours"] == search["part"]["items"]


def test_images_are_links_and_nothing_else_is(site: FastAPI, seen: Path) -> None:
    first, second = scene_ids(seen)[:2]
    assert 'href="https://example.com/a b?c=&lt;d&gt;" rel="noreferrer noopener"' in page(site, id=first)
    text = page(site, id=second)
    assert 'href="javascript' not in text
    assert "<code>javascript:alert(1)</code>" in text
    assert "<img" not in text


def test_hostile_ids_are_found_and_shown_as_text(site: FastAPI) -> None:
    text = page(site, id=STRANGE)
    assert "<script>alert" not in text
    assert "<b>&#34;" not in text
    assert "It has no scene vector" in text
    listed = client(site, "viewer").get(f"/scenes?{urlencode({'text': '%2e'})}", headers=PAGE).text
    assert f'href="/scenes/scene?{urlencode({"id": STRANGE})}"' in listed


@pytest.mark.parametrize("hostile", ["nowhere", *HOSTILE])
def test_scenes_that_are_not_there(site: FastAPI, hostile: str) -> None:
    answer = client(site, "viewer").get(f"/api/v1/scenes/scene?{urlencode({'id': hostile})}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == f"there is no scene {hostile!r}"
    shown = client(site, "viewer").get(f"/scenes/scene?{urlencode({'id': hostile})}", headers=PAGE)
    assert shown.status_code == 404
    assert "<script>alert" not in shown.text
    known = get(site, id=STRANGE)["line"]["scene_id"]
    scored = client(site, "viewer").get(f"/api/v1/scenes/scene?{urlencode({'id': known, 'score': hostile})}")
    assert scored.status_code == 404


def test_a_scene_is_drawn_from_its_tracks(site: FastAPI, seen: Path) -> None:
    first, second = scene_ids(seen)[:2]
    text = page(site, id=first)
    assert '<svg class="bev"' in text
    assert "<script>alert" not in text
    assert '<svg class="bev"' not in page(site, id=second)


def test_a_replay_has_everybody_at_each_instant(site: FastAPI, seen: Path) -> None:
    first, second = scene_ids(seen)[:2]
    viewer = client(site, "viewer")
    found = viewer.get(f"/api/v1/scenes/replay?{urlencode({'id': first})}").json()
    assert found["times_s"] == [0.5 * i for i in range(6)]
    ego = next(i for i, agent in enumerate(found["agents"]) if agent["is_ego"])
    assert [sorted(place[:4] for place in frame) for frame in found["frames"]] == [
        sorted([[ego, 2.0 * i, 0.0, 0.0], [1 - ego, 2.0 * i + 5, 0.0, 0.0]]) for i in range(6)
    ]
    assert {place[4] for frame in found["frames"] for place in frame} == {1}  # 4 m/s is slow
    x, y, width, height = found["box"]
    assert x <= 0 < 15 <= x + width
    assert y <= 0 <= y + height
    missing = viewer.get(f"/api/v1/scenes/replay?{urlencode({'id': second})}")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
