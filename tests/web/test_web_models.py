"""The pages of models say what the ledger and the comparison of the command line say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from oddloop.cli.app import app as command
from oddloop.lake import Workspace
from oddloop.rounds.deploy.promote import promote
from oddloop.rounds.ledger import Author, open_ledger
from web.web_server import PAGE, client, make_app


def test_models_come_from_rounds_with_their_labelled_sets(app: FastAPI, toy: Path) -> None:
    found = client(app, "viewer").get("/api/v1/models").json()["items"]
    ledger = open_ledger(Workspace.open(toy))
    trained = {state.round_id: state.training for state in ledger.rounds() if state.training}
    assert [(one["model_id"], one["round_id"]) for one in found if one["round_id"]] == [
        (trained[round_id]["model_id"], round_id) for round_id in ("r001", "r000")
    ]
    newest = found[0]
    assert newest["dataset"]["digest"] == trained["r001"]["dataset"]["digest"]
    assert newest["dataset"]["parent"] == trained["r000"]["dataset"]["digest"]
    assert newest["picked_by"] == trained["r000"]["model_id"]
    assert newest["measured"][0]["value"] == ledger.round("r001").evaluation["overall"][0]["value"]
    assert not newest["in_service"]
    page = client(app, "viewer").get("/models", headers=PAGE).text
    assert "/models/compare?a=m001&amp;b=m000" in page
    assert newest["dataset"]["digest"] in page
    assert "/models/compare?a=m001" in client(app, "viewer").get("/rounds/r001", headers=PAGE).text
    assert "/models/compare" not in client(app, "viewer").get("/rounds/r000", headers=PAGE).text


def test_the_model_in_service_is_the_one_promoted_last(folder: Path) -> None:
    workspace = Workspace.open(folder)
    ledger = open_ledger(workspace)
    for at, name in enumerate(("m001", "m000")):
        promote(workspace, ledger, name, f"since <b>{name}</b>", lambda at=at: Author("ann", at))
    viewer = client(make_app(folder), "viewer")
    found = {one["model_id"]: one for one in viewer.get("/api/v1/models").json()["items"]}
    assert [name for name, one in found.items() if one["in_service"]] == ["m000"]
    assert found["m001"]["promotions"] == [{"at_ns": 0, "author": "ann", "why": "since <b>m001</b>"}]
    assert "since &lt;b&gt;m001&lt;/b&gt;" in viewer.get("/models", headers=PAGE).text


def test_a_comparison_is_that_of_the_command_line(app: FastAPI, toy: Path) -> None:
    found = client(app, "viewer").get("/api/v1/models/compare?limit=500").json()
    arguments = ["coverage", "compare", "r001", "r000", "-w", str(toy), "--json"]
    said = json.loads(CliRunner().invoke(command, arguments, catch_exceptions=False).stdout)
    assert (found["a"]["model_id"], found["b"]["model_id"]) == ("m001", "m000"), "the newest against the one before"
    assert (found["metric"], found["better"]) == (said["metric"], said["better"])
    shown = {row["segment_id"]: row for row in [found["overall"], *found["changes"]["items"]]}
    assert set(shown) == {row["segment_id"] for row in said["segments"]}
    for row in said["segments"]:
        assert {name: shown[row["segment_id"]][name] for name in row} == row
    assert found["counts"] == {"better": 0, "worse": 0, "unclear": len(shown) - 1}, "two logs give no interval"
    assert (found["n_with_interval"], found["by_chance"]) == (0, 0.0)
    labelled = open_ledger(Workspace.open(toy)).round("r001").training["dataset"]
    assert found["dataset"] == {name: labelled[name] for name in ("n_added", "n_corrected", "n_removed")}


def test_segments_are_chosen_by_what_changed_and_come_in_parts(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    assert viewer.get("/api/v1/models/compare?change=better").json()["changes"]["total"] == 0
    first = viewer.get("/api/v1/models/compare?change=unclear&limit=1")
    assert len(first.json()["changes"]["items"]) == 1
    assert "offset=1" in first.headers["link"]
    single = viewer.get("/api/v1/models/compare?ways=1&limit=500").json()["changes"]["items"]
    assert single
    assert not [one for one in single if " & " in one["segment_id"]]
    again = viewer.get("/api/v1/models/compare?ways=1", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 200
    assert viewer.get("/api/v1/models/compare?change=unclear&limit=1",
                      headers={"if-none-match": first.headers["etag"]}).status_code == 304  # fmt: skip


def test_a_model_beside_itself_differs_nowhere(app: FastAPI) -> None:
    found = client(app, "viewer").get("/api/v1/models/compare?a=m001&b=m001&limit=500").json()
    assert {one["difference"] for one in [found["overall"], *found["changes"]["items"]]} == {0.0}
    assert found["dataset"] == {"n_added": 0, "n_corrected": 0, "n_removed": 0}


@pytest.mark.parametrize(
    ("query", "said"),
    [("a=nobody", "no model 'nobody'"), ("metric=x", "no metric 'x'"), ("a=../../etc", "there are: m001, m000")],
)
def test_what_is_not_there_is_said(app: FastAPI, query: str, said: str) -> None:
    answer = client(app, "viewer").get(f"/api/v1/models/compare?{query}")
    assert answer.status_code == 404
    assert said in answer.json()["detail"]
