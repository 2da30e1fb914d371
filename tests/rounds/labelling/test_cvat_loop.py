"""Against a server on loopback that answers as cvat-sdk's models describe CVAT."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import cvat_server
import labelling_rounds
import toy
from cvat_server import Cvat
from labelling_rounds import ME
from oddloop.cli import labels_poll
from oddloop.cli.app import app
from oddloop.errors import LabellingError
from oddloop.exchange.labelling import cvat_api
from oddloop.exchange.labelling.cvat import labels_of
from oddloop.exchange.labelling.http import Api
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.labelling import pull, send_to
from oddloop.rounds.labelling.prepare import prepare_batch
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.state import RoundState
from oddloop.tables import DETECTION, OBJECTS

ENVIRON = {"ODDLOOP_LABELLING_TOKEN": cvat_server.TOKEN}
CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cvat") / "ws"
    labelling_rounds.make_workspace(folder)
    return folder


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(shutil.copytree(prepared, tmp_path / "ws"))


@pytest.fixture
def cvat() -> Iterator[Cvat]:
    with cvat_server.serving(Cvat()) as served:
        yield served


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cvat_api, "connect", lambda url, token: Api(url, f"Bearer {token}", sleep=lambda _s: None))


def state_of(workspace: Workspace) -> RoundState:
    with contextlib.closing(open_ledger(workspace)) as ledger:
        return ledger.round("r001")


def send(workspace: Workspace, cvat: Cvat, **options: Any) -> Any:
    return send_to(workspace, "cvat", cvat.url, ME, environ=ENVIRON, **options)


def take(workspace: Workspace) -> Any:
    (taken,) = pull(workspace, ME, environ=ENVIRON)
    return taken


def test_a_round_goes_out_as_one_job_per_scene_and_comes_back(workspace: Workspace, cvat: Cvat) -> None:
    cvat.busy = 2  # the server is gone for a moment
    sending = send(workspace, cvat)
    state = state_of(workspace)
    assert (sending.n_units, sending.project, state.sending["jobs"]) == (
        12,
        "1",
        dict(zip(state.pick_ids, (500, 501, 502), strict=True)),
    )
    assert take(workspace).n_open == 3
    cvat.finish(501, stage="annotation")  # not accepted yet
    cvat.finish(500)
    taken = take(workspace)
    assert (taken.new, taken.n_open, taken.cost) == ((state.pick_ids[0],), 2, None)
    cvat.finish(501)
    cvat.finish(502)
    cvat.deleted[1] = [11]
    assert take(workspace).new == tuple(state.pick_ids[1:])
    assert take(workspace).unchanged == tuple(state.pick_ids)
    run(workspace, toy.shell())
    assert state_of(workspace).labels["n_scenes"] == 3
    proposed = read_table(workspace.table("predictions/detection/toy_model"), DETECTION)
    boxes = dict(zip(proposed["frame_id"].to_pylist(), proposed["boxes"].to_pylist(), strict=True))
    objects = read_table(workspace.table("objects"), OBJECTS).to_pylist()
    assert len(objects) > 10
    for row in objects:
        near = [b for b in boxes[row["frame_id"]] if all(abs(b[c] - row[c]) < 1e-3 for c in CORNERS)]
        assert [b["label"] for b in near] == [row["category"]]


def test_the_same_picks_make_one_task_however_often_they_are_sent(workspace: Workspace, cvat: Cvat) -> None:
    assert send(workspace, cvat).is_new
    assert not send(workspace, cvat).is_new
    assert len(cvat.tasks) == 1
    assert [a for a in cvat.asked if a[0] != "GET"] == [
        ("POST", "/api/tasks"),
        ("POST", "/api/tasks/1/data/"),
        ("PUT", "/api/tasks/1/annotations/"),
    ]


def test_a_task_that_was_half_made_is_finished(workspace: Workspace, cvat: Cvat) -> None:
    cvat.fails = "no such file: cam/log3/s3/f0.png"
    with pytest.raises(LabellingError, match="CVAT could not make the task: no such file: cam/log3"):
        send(workspace, cvat)
    assert state_of(workspace).status == "proposed"
    cvat.fails = ""
    send(workspace, cvat)
    assert (len(cvat.tasks), len(cvat.drawn[1]["shapes"]) > 10) == (1, True)


def test_a_project_that_lacks_labels_is_refused_by_name(workspace: Workspace, cvat: Cvat) -> None:
    batch = prepare_batch(workspace, state_of(workspace), open_ledger(workspace).rounds())
    for label in labels_of(batch)[:1]:
        cvat.make_label(label, project_id=7)
    with pytest.raises(LabellingError, match="the labels of project 7 lack oddloop, van"):
        send(workspace, cvat, project=7)
    assert cvat.tasks == {}
    for label in labels_of(batch)[1:]:
        cvat.make_label(label, project_id=7)
    assert send(workspace, cvat, project=7).is_new


def test_tracks_move_evenly_between_their_key_frames(workspace: Workspace, cvat: Cvat) -> None:
    send(workspace, cvat)
    car = next(label["id"] for label in cvat.labels.values() if label["name"] == "car")
    key = {"type": "rectangle", "rotation": 0.0, "occluded": False, "z_order": 0, "attributes": []}
    shapes = [
        {**key, "frame": 0, "points": [0.0, 0.0, 10.0, 10.0], "outside": False},
        {**key, "frame": 2, "points": [20.0, 40.0, 30.0, 50.0], "outside": False},
        {**key, "frame": 3, "points": [20.0, 40.0, 30.0, 50.0], "outside": True},
    ]
    track = {"id": 9, "frame": 0, "label_id": car, "group": 0, "source": "manual", "attributes": [], "shapes": shapes}
    cvat.drawn[1] = {"version": 0, "tags": [], "shapes": [], "tracks": [track]}
    cvat.finish(500)
    take(workspace)
    rows = read_table(workspace.table("objects"), OBJECTS).sort_by("frame_id").to_pylist()
    assert [(r["object_id"], [r[c] for c in CORNERS]) for r in rows] == [
        ("t9", [0.0, 0.0, 10.0, 10.0]),
        ("t9", [10.0, 20.0, 20.0, 30.0]),  # half way
        ("t9", [20.0, 40.0, 30.0, 50.0]),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "polygon"}, "its type is 'polygon'; only rectangles are taken"),
        ({"points": [1.0, 2.0, 3.0]}, "its points are not four finite numbers"),
        ({"points": [1.0, 2.0, 3000.0, 9.0]}, "lies outside 640 x 480 px; are the units right"),
        ({"label_id": 5}, "its label 5 is none of the task's"),
        ({"rotation": 10.0}, "it is rotated by 10.0"),
        ({"frame": None}, "its frame None is not in the job"),
    ],
)
def test_what_is_no_box_is_refused(workspace: Workspace, cvat: Cvat, change: dict[str, Any], message: str) -> None:
    send(workspace, cvat)
    cvat.finish(500)
    job = cvat.drawn[1]["shapes"][0]
    cvat.answer = _with(cvat, {**job, **change})  # type: ignore[method-assign]
    with pytest.raises(LabellingError, match=message):
        take(workspace)
    assert not workspace.table("objects")


def _with(cvat: Cvat, shape: dict[str, Any]) -> Any:
    whole = cvat.answer

    def answer(method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        code, content = whole(method, path, query, body)
        return (code, {**content, "shapes": [shape]}) if path.startswith("/api/jobs/") else (code, content)

    return answer


def test_a_server_that_refuses_or_is_gone_is_told_of_without_the_token(workspace: Workspace, cvat: Cvat) -> None:
    with pytest.raises(LabellingError, match=r"401 .*token_env names\?\): Invalid token") as refused:
        send_to(workspace, "cvat", cvat.url, ME, environ={"ODDLOOP_LABELLING_TOKEN": "wr.ong"})
    assert "wr.ong" not in str(refused.value)
    with pytest.raises(LabellingError, match=r"no answer: .*; is the tool running"):
        send_to(workspace, "cvat", "http://127.0.0.1:9", ME, environ=ENVIRON)
    for url in ("ftp://host/", "http://me:secret@host/", "http://host/?token=secret"):
        with pytest.raises(LabellingError) as faulty:
            send_to(workspace, "cvat", url, ME, environ=ENVIRON)
        assert "secret" not in str(faulty.value)
    with pytest.raises(LabellingError, match="no open round was sent to a server of a labelling tool"):
        pull(workspace, ME, environ=ENVIRON)
    ledger = workspace.storage.read_bytes("ledger.db")
    assert cvat_server.TOKEN.encode() not in ledger


def test_the_command_line_does_the_same(workspace: Workspace, cvat: Cvat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDLOOP_LABELLING_TOKEN", cvat_server.TOKEN)
    monkeypatch.setattr(labels_poll.time, "sleep", lambda _s: [cvat.finish(job) for job in (501, 502)])
    where = ["-w", workspace.storage.url, "--json"]
    sent = _told("send", "--cvat", cvat.url, *where)
    assert (sent["tool"], sent["project"], sent["place"]) == ("cvat", "1", cvat.url)
    cvat.finish(500)
    assert len(_told("receive", "--cvat", cvat.url, *where)["new"]) == 1
    (polled,) = _told("poll", "--times", "3", *where)  # asks again after the pause, in which the rest is finished
    assert (len(polled["new"]), polled["n_open"]) == (2, 0)


def _told(*words: str) -> Any:
    result = CliRunner().invoke(app, ["labels", *words])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_listening_asks_and_ends_in_peace(workspace: Workspace, cvat: Cvat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDLOOP_LABELLING_TOKEN", cvat_server.TOKEN)
    send(workspace, cvat)
    cvat.finish(500)
    assert CliRunner().invoke(app, ["labels", "listen", "-w", workspace.storage.url]).exit_code != 0  # no secret
    monkeypatch.setenv("ODDLOOP_WEBHOOK_SECRET", "s3cret")

    def serve(listener: Any) -> None:
        listener._ask()
        listener._server.server_close()
        raise KeyboardInterrupt

    monkeypatch.setattr(labels_poll.Listener, "serve", serve)
    result = CliRunner().invoke(app, ["labels", "listen", "--port", "0", "-w", workspace.storage.url])
    assert result.exit_code == 0
    assert len(read_table(workspace.table("objects"), OBJECTS)) > 0
