"""The life of a scene, told from what ledger, snapshots and derived folders know; what is gone is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.paired import compare_rounds
from oddloop.rounds.review import decide, finish
from oddloop.rounds.trace import Moment, Trace, trace_scene
from toy import run_at

ANN, BEN = Author("Ann", 10), Author("Ben", 20)


class Story:
    """A loop of two rounds, the first reviewed and sent to a tool, and the scenes that it is about."""

    def __init__(self, folder: Path) -> None:
        toy.make_workspace(folder, train="")
        # Five held-out logs, so that intervals can be had; each model is surely better than the one before.
        scenes = toy.scenes_table()
        split = ["pool" if log in ("log0", "log1", "log2") else "eval" for log in scenes["log_id"].to_pylist()]
        toy.write(folder / "lake/scenes", scenes.set_column(scenes.schema.get_field_index("split"), "split", [split]))
        script = folder.parent / "train.py"
        lifted = '"value": .5 + .01 * n + rng.normal(0, .01, len(held_out)), "support"'
        script.write_text(
            script.read_text().replace('"value": rng.uniform(0.5, 0.9, len(held_out)), "support"', lifted)
        )
        run_at(folder)
        workspace = Workspace.open(folder)
        ledger = open_ledger(workspace)
        self.folder = folder
        self.approved, self.swapped, self.deferred = ledger.round("r001").pick_ids
        decide(workspace, ledger, "r001", self.approved, "approve", "", BEN)
        event = decide(workspace, ledger, "r001", self.swapped, "swap", "the lens is wet", ANN)
        self.replacement = event.payload["replacement"]["scene_id"]
        decide(workspace, ledger, "r001", self.deferred, "defer", "", ANN)
        finish(ledger, "r001", ANN, approve_rest=True)
        sent = {"tool": "label-studio", "project": "7", "url": "", "jobs": {self.approved: "1234"}, "digest": "d"}
        ledger.append("r001", "sent", sent, key="d", author=BEN)
        toy.label_all_picks(folder, "r001")
        run_at(folder)
        ledger.close()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    return Story(tmp_path_factory.mktemp("trace") / "ws")


def trace(folder: Path, scene_id: str) -> Trace:
    workspace = Workspace.open(folder)
    return trace_scene(workspace, open_ledger(workspace), scene_id)


def kinds(found: Trace) -> list[str]:
    return [moment.kind for moment in found.moments if moment.kind not in ("cluster", "changed", "labelled")]


def only(found: Trace, kind: str) -> Moment:
    (moment,) = (moment for moment in found.moments if moment.kind == kind)
    return moment


def test_a_pick_is_told_from_the_pool_to_what_changed(story: Story) -> None:
    found = trace(story.folder, story.approved)
    assert kinds(found)[:7] == ["scene", "first_seen", "picked", "decided", "reviewed", "sent", "trained"]
    picked = only(found, "picked")
    assert picked.text.startswith("picked in r001 by `uncertainty` as number 1 of 3, because: classification_entropy_")
    assert picked.detail["candidate"]["rank_by_score"] == 1
    assert (only(found, "decided").author, only(found, "decided").text) == ("Ben", "Ben approved it")
    assert only(found, "reviewed").text == "reviewed: approved by Ben, to be labelled"
    assert only(found, "sent").text == "sent to label-studio, project 7, job 1234"
    assert only(found, "labelled").text == "labelled for r001 at cost 1, predicted 0.8"
    assert only(found, "trained").detail["model_id"] == "m001"
    assert "picked in r001; labelled; first model trained with it: m001 (r001)" in found.summary
    assert found.missing == ()


def test_what_changed_is_that_of_its_segments_with_intervals(story: Story) -> None:
    found = trace(story.folder, story.approved)
    changed = [moment for moment in found.moments if moment.kind == "changed"]
    scenes = toy.scenes_table().filter(pc.field("scene_id") == story.approved).to_pylist()
    weather = f"weather={scenes[0]['weather']}"
    segments = {moment.detail["segment_id"] for moment in changed}
    assert {"all", weather} <= segments
    assert all(s == "all" or s == weather or s.startswith("rain=") for s in segments)
    workspace = Workspace.open(story.folder)
    before, after = open_ledger(workspace).rounds()[:2]
    whole = next(moment for moment in changed if moment.detail["segment_id"] == "all")
    table = compare_rounds(workspace, after, before, "accuracy", rng())
    row = table.filter(pc.field("segment_id") == "all").to_pylist()[0]
    assert whole.detail["difference"] == row["difference"]
    # two more scenes to train on: 0.02
    assert 0 < whole.detail["ci_low"] <= 0.02 <= whole.detail["ci_high"]
    assert "accuracy in all scenes: m000 0.5" in whole.text
    assert whole.text.endswith("30 scenes in 5 logs)")


def rng():
    from oddloop.rounds.stages import make_generator

    return make_generator(3, "trace")


def test_scenes_that_reviewers_took_out_or_brought_in(story: Story) -> None:
    swapped = trace(story.folder, story.swapped)
    assert only(swapped, "decided").text == f"Ann swapped it for {story.replacement} (the lens is wet)"
    assert "labelled" not in swapped.summary
    brought = trace(story.folder, story.replacement)
    came = only(brought, "picked")
    assert came.text.endswith(f"instead of {story.swapped}, rejected by Ann: the lens is wet")
    assert came.detail["instead_of"] == story.swapped
    assert only(brought, "reviewed").text == "reviewed: approved with the rest by Ann, to be labelled"
    assert only(brought, "sent").detail["job"] is None
    assert only(brought, "labelled").detail == {"cost": 1.0, "predicted_cost": 0.8}
    deferred = trace(story.folder, story.deferred)
    assert "r002" not in {moment.round_id for moment in deferred.moments if moment.kind in ("candidate", "picked")}


def test_a_scene_that_was_never_picked(story: Story) -> None:
    workspace = Workspace.open(story.folder)
    pools = [pq.read_table(story.folder / f"rounds/r00{i}/pool.parquet") for i in (1, 2)]
    taken = {s for state in open_ledger(workspace).rounds() for s in state.pick_ids} | {story.swapped, story.deferred}
    scene = next(s for s in pools[1]["scene_id"].to_pylist() if s not in taken)
    found = trace(story.folder, scene)
    assert found.summary.startswith("a candidate in r001 to r002 (2 rounds), never picked")
    for moment, pool in zip((m for m in found.moments if m.kind == "candidate"), pools, strict=True):
        rows = {row["scene_id"]: row["score"] for row in pool.to_pylist()}
        rank = 1 + sum(score > rows[scene] for score in rows.values())
        assert f"(number {rank})" in moment.text
        assert "not picked: `uncertainty` took" in moment.text
    assert found.moments[0].kind == "scene"


def test_held_out_labelled_before_and_unknown(story: Story) -> None:
    assert "held out for evaluation" in trace(story.folder, "log7/s1").moments[0].text
    before = trace(story.folder, "log0/s1")
    assert only(before, "trained").text == "first model trained with it: m000 (r000)"
    assert "no earlier model" in only(before, "changed").text
    with pytest.raises(WorkspaceError, match="there is no scene 'nobody'"):
        trace(story.folder, "nobody")


def test_what_is_gone_is_said_and_the_rest_is_told(story: Story, tmp_path: Path) -> None:
    shutil.copytree(story.folder, tmp_path / "ws")
    for gone in ("rounds/r001", "derived", "discovery"):
        shutil.rmtree(tmp_path / "ws" / gone)
    found = trace(tmp_path / "ws", story.approved)
    assert kinds(found) == ["scene", "first_seen", "picked", "decided", "reviewed", "sent"]
    assert any(what.startswith("derived/select/") for what in found.missing)
    assert any(what.startswith("derived/train/") for what in found.missing)
    told = CliRunner().invoke(app, ["rounds", "trace", story.approved, "-w", str(tmp_path / "ws")])
    assert told.exit_code == 0
    assert "Gone, so it could not be asked: discovery/" in told.output


def test_the_command_line_tells_times_and_authors(story: Story) -> None:
    call = CliRunner().invoke
    told = call(app, ["rounds", "trace", story.approved, "-w", str(story.folder)])
    assert "1970-01-01 at 00:00:00 UTC  Ben          Ben approved it" in told.output
    found = json.loads(call(app, ["rounds", "trace", story.approved, "-w", str(story.folder), "--json"]).stdout)
    assert found["moments"][0]["kind"] == "scene"
    assert [m["seq"] for m in found["moments"] if m["seq"]] == sorted(m["seq"] for m in found["moments"] if m["seq"])
