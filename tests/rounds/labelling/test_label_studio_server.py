"""Against a real Label Studio: sent over HTTP, annotated through its API, called back by its webhook, received."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import labelling_rounds
import toy
from label_studio_server import PROGRAM, Server, label_studio
from labelling_rounds import ME
from oddloop.demo.annotator import annotate
from oddloop.errors import LabellingError
from oddloop.exchange.labelling import label_studio_api
from oddloop.exchange.labelling.http import Api
from oddloop.exchange.labelling.webhook import SECRET_HEADER
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.labelling import pull, send_to
from oddloop.rounds.labelling.listen import Listener
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.state import RoundState
from oddloop.tables import OBJECTS

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"no Label Studio at {PROGRAM}; `make test-all` installs it"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with label_studio(tmp_path_factory.mktemp("label-studio")) as started:
        yield started


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return labelling_rounds.make_workspace(tmp_path / "ws")


def environ(server: Server) -> dict[str, str]:
    return {"ODDLOOP_LABELLING_TOKEN": server.token}


def state_of(workspace: Workspace) -> RoundState:
    with contextlib.closing(open_ledger(workspace)) as ledger:
        return ledger.round("r001")


def exported(api: Api, project: int) -> list[dict[str, Any]]:
    return sorted(label_studio_api.export(api, project), key=lambda task: task["id"])


def answer_as_a_person(api: Api, project: int, tasks: list[dict[str, Any]]) -> None:
    """Accept what the model proposed, task by task, as the interface does."""
    for task in tasks:
        full = api.get(f"/api/tasks/{task['id']}")
        (made,) = annotate([{**full, "id": task["id"]}], seconds_per_task=30.0, seconds_per_box=0.0)
        given = made["annotations"][0]
        api.post(f"/api/tasks/{task['id']}/annotations/", {"result": given["result"], "lead_time": given["lead_time"]})


def test_a_round_goes_to_the_server_and_comes_back(workspace: Workspace, server: Server) -> None:
    api = label_studio_api.connect(server.url, server.token)
    sending = send_to(workspace, "label-studio", server.url, ME, environ=environ(server))
    project = int(sending.project)
    assert (sending.n_units, sending.is_new, state_of(workspace).status) == (12, True, "sent")

    # WHEN the same is sent again
    assert not send_to(workspace, "label-studio", server.url, ME, environ=environ(server)).is_new
    assert len(exported(api, project)) == 12

    # THEN the first pick comes first where the tool orders by uncertainty, and ids stand in every task
    tasks = exported(api, project)
    assert {t["data"]["scene_id"] for t in tasks} == set(state_of(workspace).pick_ids)
    shown = api.get(f"/api/projects/{project}")
    assert (shown["model_version"], shown["sampling"]) == ("toy_model", "Uncertainty sampling")
    following = api.get(f"/api/projects/{project}/next")
    assert following["data"]["scene_id"] == state_of(workspace).pick_ids[0]

    # WHEN an annotator answers the tasks of one scene and one of another, and a webhook calls us
    first, second = (state_of(workspace).pick_ids)[:2]
    mine = [t for t in tasks if t["data"]["scene_id"] == first] + [t for t in tasks if t["data"]["scene_id"] == second][
        :1
    ]
    with listening(workspace, server, api, project) as calls:
        answer_as_a_person(api, project, mine)
        wait_until(lambda: _n_objects(workspace) > 0)
        assert "label-studio: ANNOTATION_CREATED" in calls
    taken = pull(workspace, ME, environ=environ(server))
    assert (taken[0].unchanged, taken[0].new, taken[0].n_open) == ((first,), (), 2)
    assert set(_objects(workspace)["scene_id"].to_pylist()) <= {first}

    # WHEN the rest is answered, one task skipped, and we poll
    rest = [t for t in tasks if t not in mine]
    answer_as_a_person(api, project, rest[1:])
    api.post(f"/api/tasks/{rest[0]['id']}/annotations/", {"result": [], "was_cancelled": True, "lead_time": 2.0})
    taken = pull(workspace, ME, environ=environ(server))
    assert (len(taken[0].new), taken[0].n_open) == (2, 0)
    assert pull(workspace, ME, environ=environ(server))[0].new == ()
    run(workspace, toy.shell())
    labels = state_of(workspace).labels
    assert labels["n_scenes"] == 3
    assert labels["cost"] == pytest.approx((11 * 30 + 2) / 60)  # minutes

    # THEN the boxes are those that were proposed, within 1e-3 px
    proposed = read_table(workspace.table("predictions/detection/toy_model"), labelling_rounds.DETECTION)
    boxes = dict(zip(proposed["frame_id"].to_pylist(), proposed["boxes"].to_pylist(), strict=True))
    for row in _objects(workspace).to_pylist():
        near = [b for b in boxes[row["frame_id"]] if all(abs(b[c] - row[c]) < 1e-3 for c in _CORNERS)]
        assert [b["label"] for b in near] == [row["category"]]


_CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


def _objects(workspace: Workspace) -> Any:
    return read_table(workspace.table("objects"), OBJECTS)


def _n_objects(workspace: Workspace) -> int:
    return int(_objects(workspace).num_rows)


def wait_until(holds: Any, patience_s: float = 30.0) -> None:
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.1)


@contextlib.contextmanager
def listening(workspace: Workspace, server: Server, api: Api, project: int) -> Iterator[list[str]]:
    """A listener that Label Studio calls; gives what it says."""
    said: list[str] = []
    listener = Listener(
        "s3cret",
        lambda: said.append(pull(workspace, ME, environ=environ(server))[0].sentence),
        said.append,
        every_s=600,
    )
    api.post(
        "/api/webhooks/",
        {
            "project": project,
            "url": f"http://127.0.0.1:{listener.port}/",
            "send_payload": True,
            "send_for_all_actions": False,
            "headers": {SECRET_HEADER: "s3cret"},
            "actions": ["ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"],
        },
    )
    thread = threading.Thread(target=listener.serve)
    thread.start()
    try:
        yield said
    finally:
        listener.close()
        thread.join()


def test_a_crash_before_the_ledger_makes_no_second_task(
    workspace: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from oddloop.rounds.labelling import remote

    api = label_studio_api.connect(server.url, server.token)
    named = replace(
        workspace, config=replace(workspace.config, workspace=replace(workspace.config.workspace, name="crash"))
    )

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(remote, "record_sent", killed)
        with pytest.raises(KeyboardInterrupt):
            send_to(named, "label-studio", server.url, ME, environ=environ(server))
    assert state_of(workspace).status == "proposed"
    sending = send_to(named, "label-studio", server.url, ME, environ=environ(server))
    assert len(exported(api, int(sending.project))) == 12
    titles = [p["title"] for p in api.get("/api/projects", page_size=100)["results"]]
    assert titles.count("oddloop crash") == 1


def test_a_project_that_lacks_a_class_is_refused_by_name(workspace: Workspace, server: Server) -> None:
    api = label_studio_api.connect(server.url, server.token)
    labels = '<RectangleLabels name="label" toName="image"><Label value="car"/></RectangleLabels>'
    config = f'<View><Image name="image" value="$image"/>{labels}</View>'
    project = api.post("/api/projects", {"title": "theirs", "label_config": config})["id"]
    with pytest.raises(LabellingError, match="lacks the classes van"):
        send_to(workspace, "label-studio", server.url, ME, project=project, environ=environ(server))
    assert exported(api, project) == []
    assert state_of(workspace).status == "proposed"


def test_a_personal_token_works_too_and_a_wrong_one_is_told_of(workspace: Workspace, server: Server) -> None:
    api = label_studio_api.connect(server.url, server.token)
    personal = api.post("/api/token", {})["token"]
    assert label_studio_api.connect(server.url, personal).get("/api/projects")["count"] >= 0
    with pytest.raises(LabellingError, match=r"401 .*is the token in the environment variable") as refused:
        send_to(workspace, "label-studio", server.url, ME, environ={"ODDLOOP_LABELLING_TOKEN": "0" * 40})
    assert "0" * 40 not in str(refused.value)
    with pytest.raises(LabellingError, match="ODDLOOP_LABELLING_TOKEN is empty"):
        send_to(workspace, "label-studio", server.url, ME, environ={})
