"""The intake over HTTP: who may ask, what is answered, what is refused, and that scores are those of a run."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI

import toy as toys
from oddloop.lake import Workspace
from oddloop.rounds.run import run_stages
from oddloop.web.access.writes import ARROW, KEEP, MAX_ROWS_BYTES, SCORE
from web.web_server import client, make_app

INTAKE = """
[score]
normalise = "rank"
[intake]
score = "classification_entropy_mean"
quantile = 0.5
by = ["weather", "rain"]
per_segment_hour = 2
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose model is scored, and that takes scenes in; nobody may change it."""
    folder = tmp_path_factory.mktemp("intake") / "ws"
    workspace = toys.make_workspace(folder, config=toys.CONFIG + INTAKE)
    toys.write(folder / "lake/features/net", toys.features_table(toys.frames_table(toys.scenes_table())))
    run_stages(workspace, toys.shell(), until="score")
    return folder


@pytest.fixture
def taking(lake: Path, tmp_path: Path) -> Iterator[FastAPI]:
    made = make_app(Path(shutil.copytree(lake, tmp_path / "ws")))
    yield made
    made.state.site.intake.close()
    made.state.site.store.close()


def asked(scene_id: str = "new", request_id: str = "1", score: float | None = 9.0, **attributes: Any) -> dict[str, Any]:
    scores = {"classification_entropy_mean": score, "another": 1.0}
    return {"scene_id": scene_id, "request_id": request_id, "scores": scores, "attributes": attributes}


def test_a_collector_asks_and_the_answer_is_recorded(taking: FastAPI) -> None:
    van = client(taking, "collector")
    first = van.post(KEEP, json=asked(weather="rain", rain_mm_h=1.0))
    assert first.status_code == 200
    answer = first.json()
    scores = taking.state.site.store.view().workspace.storage
    assert answer | {"at_ns": 0, "hour": 0, "threshold": 0.0} == {
        "seq": 1,
        "scene_id": "new",
        "request_id": "1",
        "keep": True,
        "reason": "kept",
        "score": 9.0,
        "why": "kept: there was room for weather=rain & rain=light in this hour",
        "instead_of": "",
        "segment": "weather=rain & rain=light",
        "model_id": "toy_model",
        "asked_by": "collector-ann",
        "at_ns": 0,
        "hour": 0,
        "threshold": 0.0,
    }
    found = pq.read_table(next(scores.local_path("derived/score").glob("*/scene_scores.parquet")))
    assert answer["threshold"] == pytest.approx(pc.quantile(found["classification_entropy_mean"], 0.5)[0].as_py())
    # The same again, even with another score; then others.
    assert van.post(KEEP, json=asked(score=0.0)).json() == answer
    assert van.post(KEEP, json=asked("low", score=0.0)).json()["reason"] == "low_score"
    assert van.post(KEEP, json=asked("b", weather="rain", rain_mm_h=2)).json()["reason"] == "kept"
    assert van.post(KEEP, json=asked("c", weather="rain", rain_mm_h=2)).json()["reason"] == "segment_full"
    assert van.post(KEEP, json=asked("c", "2", None)).json()["reason"] == "no_score"
    viewer, found = client(taking, "viewer"), []
    for since in (0, 3):
        part = viewer.get(KEEP, params={"since": since, "limit": 3}).json()
        found += part["answers"]
        assert part["next_since"] == (3 if since == 0 else None)
    assert found[0] == answer
    assert [(a["scene_id"], a["keep"]) for a in found] == [
        *(("new", True), ("low", False), ("b", True), ("c", False), ("c", False)),
    ]


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("viewer", 403), ("collector", 200), ("reviewer", 200)])
def test_who_may_ask(taking: FastAPI, role: Any, status: int) -> None:
    assert client(taking, role).post(KEEP, json=asked()).status_code == status
    sent = client(taking, role).post(SCORE, params={"task": "classification"}, json={"rows": [ROW]})
    assert sent.status_code == status


def test_a_collector_sees_and_does_nothing_else(taking: FastAPI) -> None:
    van = client(taking, "collector")
    for path in ("/", "/api/v1/scenes", "/api/v1/openapi.json", KEEP):
        refused = van.get(path)
        assert (refused.status_code, "ask for the role of a viewer" in refused.text) == (403, True)
    assert van.post("/api/v1/rounds/r001/review/finish", json={"seen": 0}).status_code == 403


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"scene_id": "a"}, "request_id: Field required"),
        ({"scene_id": "", "request_id": "1"}, "at least 1 character"),
        (asked() | {"scores": {"x": "high"}}, "scores.x: Input should be a valid number"),
        (asked() | {"limit": 3}, "limit: Extra inputs are not permitted"),
        (asked(rain_mm_h="wet"), "cannot be read as attribute `rain`"),
    ],
)
def test_what_is_no_question_is_refused(taking: FastAPI, sent: dict[str, Any], said: str) -> None:
    answer = client(taking, "collector").post(KEEP, json=sent)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]


def test_without_settings_nothing_is_taken_in(tmp_path: Path) -> None:
    toys.make_workspace(tmp_path / "ws")
    own = make_app(tmp_path / "ws")
    answer = client(own, "collector").post(KEEP, json=asked())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "[intake] sets neither a score nor a limit" in answer.json()["detail"]
    own.state.site.store.close()


ROW = {"frame_id": "f", "scene_id": "s", "probs": [[0.5, 0.25, 0.25]]}


def as_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def with_times(table: pa.Table, frames: pa.Table) -> pa.Table:
    return table.append_column("timestamp_ns", frames["timestamp_ns"])


@pytest.mark.parametrize("task", ["classification", "features"])
def test_posted_scenes_get_the_scores_that_a_run_gives_them(taking: FastAPI, task: str) -> None:
    frames = toys.frames_table(toys.scenes_table())
    table = toys.predictions_table(frames) if task == "classification" else toys.features_table(frames)
    some = pc.starts_with(table["scene_id"], "log3/")
    sent = with_times(table.filter(some), frames.filter(some))
    headers = {"content-type": ARROW, "accept": ARROW}
    answer = client(taking, "collector").post(SCORE, params={"task": task}, content=as_stream(sent), headers=headers)
    assert answer.status_code == 200, answer.text
    found = pa.ipc.open_stream(answer.content).read_all()
    folder = Workspace.open(taking.state.site.store.view().workspace.storage.url).storage.sub("derived/score")
    digest = found.schema.metadata[b"scores"].decode()
    run = folder.sub(digest).read_table("scene_scores.parquet")
    run = run.filter(pc.starts_with(run["scene_id"], "log3/"))
    names = [name for name in found.column_names if name != "n_objects_sum"]
    assert len([name for name in names if name.endswith(("_rank", "_time_above_s"))]) >= 2
    assert found.select(names).equals(run.select(names))
    # As JSON the same.
    rows = {"rows": sent.to_pylist()}
    as_json = client(taking, "collector").post(SCORE, params={"task": task}, json=rows).json()
    assert (as_json["model_id"], as_json["scores"]) == ("toy_model", digest)
    assert as_json["scenes"] == found.to_pylist()


def many_rows() -> bytes:
    return as_stream(pa.table({"frame_id": ["x" * (MAX_ROWS_BYTES + 1)]}))


@pytest.mark.parametrize(
    ("task", "content", "kind", "status", "said"),
    [
        ("classification", b"{}", "application/json", 422, 'send {"rows"'),
        ("classification", b'{"rows": [1]}', "application/json", 422, "one object per row"),
        ("classification", b'{"rows": [{"frame_id": 7}]}', "application/json", 422, "no rows of classification"),
        ("classification", b'{"rows": [{"frame_id": "f"}]}', "application/json", 422, "`scene_id` is missing"),
        ("classification", b"ARROW", ARROW, 422, "no rows of classification"),
        ("classification", as_stream(pa.table({"frame_id": ["f"]})), ARROW, 422, "`scene_id` is missing"),
        (
            "segmentation",
            b'{"rows": [{}]}',
            "application/json",
            422,
            "cannot be scored online; these can: classification",
        ),
        ("classification", b"a=b", "application/x-www-form-urlencoded", 415, f"send application/json or {ARROW}"),
        ("classification", many_rows(), ARROW, 413, f"more than {MAX_ROWS_BYTES} bytes"),
    ],
    ids=[
        "no rows",
        "no objects",
        "wrong type",
        "no column",
        "no stream",
        "no column in a stream",
        "task",
        "form",
        "size",
    ],
)
def test_rows_that_cannot_be_scored_are_refused(
    taking: FastAPI, task: str, content: bytes, kind: str, status: int, said: str
) -> None:
    answer = client(taking, "collector").post(
        SCORE, params={"task": task}, content=content, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]


def test_a_damaged_stream_is_refused(taking: FastAPI) -> None:
    """Whatever byte is wrong, the answer is a refusal or a score, and the server lives."""
    whole = bytearray(as_stream(toys.predictions_table(toys.frames_table(toys.scenes_table())).slice(0, 4)))
    van = client(taking, "collector")
    for place in range(0, len(whole), 37):
        broken = bytes(whole[:place]) + bytes([whole[place] ^ 0x5A]) + bytes(whole[place + 1 :])
        answer = van.post(SCORE, params={"task": "classification"}, content=broken, headers={"content-type": ARROW})
        assert answer.status_code in (200, 422), (place, answer.text)
