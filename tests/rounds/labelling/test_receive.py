"""A delivery is taken once, scene by scene as they are finished, or refused as a whole."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import labelling_rounds
import toy
from labelling_rounds import ME
from oddloop.demo.annotator import annotate
from oddloop.errors import LabellingError, LedgerError
from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.labelling import Taken, receive_file, send_files
from oddloop.rounds.labelling.files import read_times
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.review.remembered import scenes_set_aside, take_back
from oddloop.rounds.run import run
from oddloop.rounds.state import RoundState
from oddloop.tables import LABELS, OBJECTS

PICKS = ["log3/s3", "log4/s5", "log4/s1"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelling") / "ws"
    send_files(labelling_rounds.make_workspace(folder), "label-studio", ME)
    return folder


@pytest.fixture
def workspace(prepared: Path, tmp_path: Path) -> Workspace:
    import shutil

    return Workspace.open(shutil.copytree(prepared, tmp_path / "ws"))


def tasks_of(workspace: Workspace) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = json.loads(workspace.storage.read_bytes("rounds/r001/label-studio/tasks.json"))
    return tasks


def deliver(workspace: Workspace, tasks: Sequence[Any], **options: Any) -> Taken:
    file = workspace.storage.local_path("export.json")
    file.write_text(json.dumps(tasks))
    return receive_file(workspace, file, ME, **options)


def round_of(workspace: Workspace) -> RoundState:
    with contextlib.closing(open_ledger(workspace)) as ledger:
        return ledger.round("r001")


def everything(workspace: Workspace) -> tuple[Any, Any, int]:
    labels, objects = workspace.table("labels"), workspace.table("objects")
    return (
        read_table(labels, LABELS).to_pylist(),
        read_table(objects, OBJECTS).to_pylist(),
        round_of(workspace).n_events,
    )


def test_a_round_goes_out_and_comes_back_labelled(workspace: Workspace) -> None:
    state = round_of(workspace)
    assert (state.status, state.sending["tool"], state.pick_ids) == ("sent", "label-studio", PICKS)
    taken = deliver(workspace, annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 90.0)))
    assert taken.new == tuple(PICKS)
    assert (taken.n_open, taken.cost) == (0, pytest.approx(4.5))  # minutes: three scenes of 90 s
    labels = {row["scene_id"]: row for row in read_table(workspace.table("labels"), LABELS).to_pylist()}
    assert [(labels[p]["round_id"], labels[p]["cost"], labels[p]["labelled_at_ns"]) for p in PICKS] == [
        ("r001", pytest.approx(1.5), 77)
    ] * 3
    n_boxes = sum(len(task["predictions"][0]["result"]) for task in tasks_of(workspace))
    objects = read_table(workspace.table("objects"), OBJECTS)
    assert objects.num_rows == taken.n_objects == n_boxes > 10
    assert set(objects["scene_id"].to_pylist()) == set(PICKS)
    run(workspace, toy.shell())
    assert round_of(workspace).labels["n_scenes"] == 3


def test_sending_again_adds_nothing(workspace: Workspace) -> None:
    before = round_of(workspace).n_events
    assert not send_files(workspace, "label-studio", ME).is_new
    assert round_of(workspace).n_events == before
    assert send_files(workspace, "csv", ME).is_new


def test_the_same_delivery_twice_changes_nothing(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace))
    deliver(workspace, answered)
    before = everything(workspace)
    taken = deliver(workspace, answered)
    assert (taken.new, taken.unchanged, taken.corrected) == ((), tuple(PICKS), ())
    assert everything(workspace) == before


def test_a_scene_is_finished_when_all_its_tasks_are(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace))
    partly = [*answered[:4], {**answered[4], "annotations": []}, *answered[5:7]]  # scene 1; three of four of scene 2
    taken = deliver(workspace, partly)
    assert (taken.new, taken.n_open) == ((PICKS[0],), 1)
    assert round_of(workspace).status == "sent"
    assert deliver(workspace, answered).new == tuple(PICKS[1:])


def test_a_correction_is_told_and_taken_only_when_asked(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 60.0))
    deliver(workspace, answered)
    before = everything(workspace)
    better = json.loads(json.dumps(answered))
    better[0]["annotations"][0]["result"] = []
    better[0]["annotations"][0]["lead_time"] += 30.0
    taken = deliver(workspace, better)
    assert (taken.corrected, taken.replaced, taken.n_objects) == ((PICKS[0],), False, 0)
    assert (
        "1 (log3/s3) differ from what is stored and were left as they are; to take them, give --replace"
        in taken.sentence
    )
    assert everything(workspace) == before
    assert deliver(workspace, better, replace_known=True).corrected == (PICKS[0],)
    objects = read_table(workspace.table("objects"), OBJECTS)
    assert "log3/s3/f0" not in objects["frame_id"].to_pylist()
    assert deliver(workspace, better).unchanged == tuple(PICKS)
    costs = {r["scene_id"]: r["cost"] for r in read_table(workspace.table("labels"), LABELS).to_pylist()}
    assert [costs[p] for p in PICKS] == pytest.approx([1.5, 1.0, 1.0])


def test_a_skipped_frame_costs_and_a_skipped_scene_is_not_waited_for(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 60.0))
    for task in answered[:4] + answered[5:6]:  # all of the first scene, a frame of the second
        task["annotations"][0]["was_cancelled"] = True
    taken = deliver(workspace, answered)
    assert (taken.skipped, taken.new) == ((PICKS[0],), tuple(PICKS[1:]))
    state = round_of(workspace)
    assert state.skipped == {PICKS[0]}
    n_events = state.n_events
    deliver(workspace, answered)
    assert round_of(workspace).n_events == n_events
    run(workspace, toy.shell())
    labels = round_of(workspace).labels
    assert (labels["n_scenes"], labels["cost"]) == (2, pytest.approx(2.0))
    run(workspace, toy.shell())
    with contextlib.closing(open_ledger(workspace)) as ledger:  # what could not be labelled is not sent again
        assert PICKS[0] not in ledger.round("r002").pick_ids
        assert scenes_set_aside(workspace, ledger.events(), ledger.rounds()) == {"skipped": [PICKS[0]]}
        take_back(ledger, PICKS[0], "the images are there now", ME)
        assert scenes_set_aside(workspace, ledger.events(), ledger.rounds()) == {}


def test_a_skipped_scene_that_is_labelled_after_all_counts_once(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 60.0))
    for task in answered[:4]:
        task["annotations"][0]["was_cancelled"] = True
    for task in answered[4:]:
        task["annotations"] = []
    assert deliver(workspace, answered).skipped == (PICKS[0],)
    table = pa.table({"scene_id": PICKS[:2], "cost": [1.0, 1.0]})
    receive_labels(workspace, table, round_of(workspace), at_ns=78)  # by hand, which tells the ledger nothing
    run(workspace, toy.shell())
    assert round_of(workspace).status == "sent"  # the third pick is still waited for


def test_a_correction_without_times_keeps_what_was_paid(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 60.0))
    deliver(workspace, answered)
    costs = read_table(workspace.table("labels"), LABELS).to_pylist()
    for task in answered:
        annotation = task["annotations"][0]
        annotation["lead_time"] = None
        for region in annotation["result"]:
            region["value"]["x"] *= 0.5
    assert deliver(workspace, answered, replace_known=True).corrected
    assert read_table(workspace.table("labels"), LABELS).to_pylist() == costs


def test_of_several_annotations_the_last_counts_and_all_are_paid(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace), seconds_by_scene=dict.fromkeys(PICKS, 60.0))
    first = answered[0]["annotations"][0]
    later = {**first, "id": 99, "updated_at": "2026-02-01T00:00:00Z", "result": []}
    answered[0]["annotations"] = [later, {**first, "updated_at": "2026-01-01T00:00:00Z"}]
    taken = deliver(workspace, answered)
    assert taken.cost == pytest.approx(3.25)  # 15 s more
    assert "log3/s3/f0" not in read_table(workspace.table("objects"), OBJECTS)["frame_id"].to_pylist()


def test_a_strange_class_is_refused_by_name(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace))
    before = everything(workspace)
    answered[-1]["annotations"][0]["result"] = [
        {**answered[0]["annotations"][0]["result"][0], "id": "x"} | {"value": _value("tram")}
    ]
    with pytest.raises(LabellingError, match="class 'tram': 1 objects; known are car, van"):
        deliver(workspace, answered)
    assert everything(workspace) == before


def _value(label: str) -> dict[str, Any]:
    return {"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 0, "rectanglelabels": [label]}


def test_objects_that_came_otherwise_are_not_touched(workspace: Workspace) -> None:
    import pyarrow as pa

    row = {"frame_id": ["log3/s3/f0"], "scene_id": ["log3/s3"], "object_id": ["1"], "category": ["car"]}
    toy.write(workspace.storage.local_path("lake/objects"), pa.table(row), "part-00000.parquet")
    with pytest.raises(
        LabellingError, match="1 delivered scenes have objects already that came otherwise, first 'log3/s3'"
    ):
        deliver(workspace, annotate(tasks_of(workspace)))


def test_formats_that_cannot_say_what_is_finished_are_asked(workspace: Workspace) -> None:
    send_files(workspace, "cvat", ME)
    xml = workspace.storage.local_path("rounds/r001/cvat/annotations.xml")
    with pytest.raises(LabellingError, match="does not say which scenes are finished"):
        receive_file(workspace, xml, ME)
    taken = receive_file(workspace, xml, ME, finished=[PICKS[1]])
    assert (taken.new, taken.n_open, taken.cost) == ((PICKS[1],), 2, None)


def test_times_can_be_told_beside_a_tool_that_tells_none(workspace: Workspace, tmp_path: Path) -> None:
    send_files(workspace, "cvat", ME)
    xml = workspace.storage.local_path("rounds/r001/cvat/annotations.xml")
    times = tmp_path / "times.csv"
    times.write_text(f"scene_id,time_s\n{PICKS[0]},90\n{PICKS[1]},30.0\n")
    taken = receive_file(workspace, xml, ME, finished=["all"], times_s=read_times(times))
    labels = {r["scene_id"]: r["cost"] for r in read_table(workspace.table("labels"), LABELS).to_pylist()}
    assert ([labels[p] for p in PICKS], taken.cost) == ([1.5, 0.5, None], None)
    times.write_text(f"scene_id,time_s\n{PICKS[0]},-1\n{PICKS[1]},1\n{PICKS[1]},2\n")
    with pytest.raises(
        LabellingError, match=r"(?s)2 faults.*line 2: the time '-1' is no .*line 4: scene .* stands twice"
    ):
        read_times(times)


def test_a_file_of_what_was_sent_that_is_gone_is_written_by_sending_again(workspace: Workspace) -> None:
    answered = annotate(tasks_of(workspace))
    (file,) = workspace.storage.local_path("rounds/r001").glob("sent-*.parquet")
    file.unlink()
    with pytest.raises(LabellingError, match=r"is gone, which says what was sent of r001; `oddloop labels send`"):
        deliver(workspace, answered)
    assert not send_files(workspace, "label-studio", ME).is_new
    assert deliver(workspace, answered).new == tuple(PICKS)
    run(workspace, toy.shell())
    file.unlink()
    with pytest.raises(LabellingError, match="was not sent from this workspace"):  # the closed round is forgotten
        deliver(workspace, answered)


def test_a_killed_delivery_is_finished_by_the_same_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from oddloop.rounds.labelling import receive

    answered = annotate(tasks_of(workspace))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for step in ("_label", "_record"):
        with monkeypatch.context() as patch:
            patch.setattr(receive, step, killed)
            with pytest.raises(KeyboardInterrupt):
                deliver(workspace, answered)
    deliver(workspace, answered)
    objects = read_table(workspace.table("objects"), OBJECTS)
    keys = list(zip(objects["frame_id"].to_pylist(), objects["object_id"].to_pylist(), strict=True))
    assert len(keys) == len(set(keys)) > 10
    assert len(read_table(workspace.table("labels"), LABELS).filter(_of_picks(workspace))) == 3


def _of_picks(workspace: Workspace) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(read_table(workspace.table("labels"), LABELS)["scene_id"], pa.array(PICKS))


def test_what_cannot_be_sent_says_why(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(
        LabellingError, match="no labelling tool is called 'excel'; there are: label-studio, cvat, coco, csv"
    ):
        send_files(workspace, "excel", ME)
    plain = labelling_rounds.make_workspace(tmp_path / "plain", images=False)
    with pytest.raises(LabellingError, match="no round was sent to a labelling tool yet"):
        deliver(plain, [])
    with pytest.raises(LabellingError, match="coco: 3 scenes have no images"):
        send_files(plain, "coco", ME)
    assert round_of(plain).status == "proposed"
    assert send_files(plain, "label-studio", ME).n_units == 3
    taken = deliver(plain, annotate(json.loads(plain.storage.read_bytes("rounds/r001/label-studio/tasks.json"))))
    assert len(taken.new) == 3
    run(plain, toy.shell())
    with pytest.raises(LedgerError, match="nothing to send"):
        send_files(plain, "label-studio", ME, round_id="r001")
