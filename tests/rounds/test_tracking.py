"""Rounds are pushed to a tracker of a team's own, exactly once, and no fault of it matters to a round."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import toy
from oddloop.errors import TrackerError
from oddloop.lake import Workspace
from oddloop.rounds.deploy import promote
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import RunSummary
from oddloop.rounds.state import TRACKER
from oddloop.rounds.tracking import push
from oddloop.rounds.tracking.load import load_tracker, loop_of

TESTS = Path(__file__).parents[1]
TRACKED = '\n[tracker]\nkind = "file_tracker:FileTracker"\n[tracker.options]\nfolder = "{folder}"\n'


def make_tracked(tmp_path: Path, train: str | None = "") -> Path:
    folder = tmp_path / "ws"
    toy.make_workspace(folder, config=toy.CONFIG + TRACKED.format(folder=tmp_path / "pushed"), train=train)
    (tmp_path / "pushed").mkdir()
    return folder


def run_at(folder: Path, warn: Callable[[str], None] = lambda text: pytest.fail(text)) -> RunSummary:
    return run(Workspace.open(folder), replace(toy.shell(), warn=warn))


def pushed_files(tmp_path: Path) -> dict[str, dict[str, object]]:
    return {file.stem: json.loads(file.read_text()) for file in (tmp_path / "pushed").glob("*/*.json")}


def calls(tmp_path: Path) -> list[str]:
    return [line for file in (tmp_path / "pushed").glob("*/calls.txt") for line in file.read_text().splitlines()]


def push_at(folder: Path, *, everything: bool = False):
    workspace = Workspace.open(folder)
    return push(workspace, open_ledger(workspace), toy.shell().stamp, everything=everything)


def test_the_loop_is_pushed_as_it_goes(tmp_path: Path) -> None:
    folder = make_tracked(tmp_path)
    run_at(folder)
    assert {name: told["status"] for name, told in pushed_files(tmp_path).items()} == {
        "r000": "closed",
        "r001": "proposed",
    }
    toy.label_all_picks(folder, "r001")
    summary = run_at(folder)
    pushed = pushed_files(tmp_path)
    assert pushed["r001"]["status"] == "closed"
    assert pushed["r001"]["round/cost"] == 3.0  # three picks, 1.0 each
    assert 0 < pushed["r001"]["accuracy"] < 1
    assert 0 < pushed["r001"]["segment/weather=rain/accuracy"] < 1
    # r001 when it is labelled, before the training begins, trained, closed, and weighed; with the last the next round
    assert [step.detail["pushed"] for step in summary.steps if step.name == "tracker"] == [1, 1, 1, 2]
    assert [name for name in pushed["r001"] if name.startswith("evidence/")] != []
    # Nothing new: nothing is pushed, and nothing is recorded.
    n_calls, n_events = len(calls(tmp_path)), len(open_ledger(Workspace.open(folder)).events())
    assert [step.name for step in run_at(folder).steps if step.computed] == []
    assert (len(calls(tmp_path)), len(open_ledger(Workspace.open(folder)).events())) == (n_calls, n_events)
    # No event was pushed twice.
    assert len(set(calls(tmp_path))) == n_calls


def test_a_tracker_that_is_down_holds_nothing_up_and_gets_all_of_it_later(tmp_path: Path) -> None:
    folder, down, warnings = make_tracked(tmp_path), tmp_path / "pushed/down", []
    down.touch()
    assert run_at(folder, warnings.append).status == "proposed"
    assert len(warnings) == 1  # told once a run, and not asked again
    assert warnings[0].startswith("the tracker did not take r000: ConnectionError: http://tracker:5000 refused")
    assert "hunter2" not in warnings[0]
    assert pushed_files(tmp_path) == {}
    down.unlink()
    toy.label_all_picks(folder, "r001")
    run_at(folder)
    assert {name: told["status"] for name, told in pushed_files(tmp_path).items()} == {
        "r000": "closed",
        "r001": "closed",
        "r002": "proposed",
    }


def test_a_run_killed_between_push_and_record_pushes_again(tmp_path: Path) -> None:
    folder, die = make_tracked(tmp_path, train=None), tmp_path / "pushed/die"
    with_no_tracker(folder, lambda: run_at(folder))
    die.touch()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, "-m", "oddloop", "rounds", "push", "-w", str(folder)]
    assert subprocess.run(command, env=environment, timeout=120).returncode == -signal.SIGKILL
    assert list(pushed_files(tmp_path)) == ["r001"]
    assert open_ledger(Workspace.open(folder)).events(TRACKER) == []
    die.unlink()
    assert [job["what"] for job in push_at(folder).done] == ["r001"]
    assert len(calls(tmp_path)) == 2  # the tracker was told twice, and has one round
    assert push_at(folder).done == ()


def with_no_tracker(folder: Path, work: Callable[[], object]) -> None:
    """Do something while the workspace names no tracker."""
    settings = folder / "oddloop.toml"
    before = settings.read_text()
    settings.write_text(before.replace('kind = "file_tracker:FileTracker"', ""))
    work()
    settings.write_text(before)


def test_a_file_that_was_written_anew_is_pushed(tmp_path: Path) -> None:
    folder = make_tracked(tmp_path, train=None)
    run_at(folder)
    assert push_at(folder, everything=True).done == ()
    (folder / "rounds/r001/report.html").write_text("a page")
    assert [job["what"] for job in push_at(folder).done] == ["r001"]
    (folder / "rounds/r001/report.html").unlink()
    assert [job["what"] for job in push_at(folder).done] == ["r001"]
    assert push_at(folder).done == ()


def test_another_place_gets_everything(tmp_path: Path) -> None:
    folder = make_tracked(tmp_path, train=None)
    run_at(folder)
    settings = folder / "oddloop.toml"
    settings.write_text(settings.read_text().replace(str(tmp_path / "pushed"), str(tmp_path / "elsewhere")))
    assert [job["what"] for job in push_at(folder).done] == ["r001"]
    assert push_at(folder).done == ()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("mlfow", r"'mlfow' is not known; known: mlflow, or \"package.module:Class\""),
        ("file_tracker:Nothing", "file_tracker has no 'Nothing'"),
        ("no_such_module:Tracker", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("file_tracker:NoTracker", "SystemExit: 3"),
    ],
)
def test_a_tracker_that_cannot_be_made_is_told_of(tmp_path: Path, kind: str, message: str) -> None:
    import re

    folder = make_tracked(tmp_path, train=None)
    settings = folder / "oddloop.toml"
    settings.write_text(settings.read_text().replace("file_tracker:FileTracker", kind))
    warnings: list[str] = []
    assert run_at(folder, warnings.append).status == "proposed"
    assert re.search(message, warnings[0]), warnings


def test_the_loop_id_is_of_the_ledger_and_not_of_the_place(tmp_path: Path) -> None:
    folder = make_tracked(tmp_path, train=None)
    run_at(folder)
    first = open_ledger(Workspace.open(folder)).events()[0]
    here = loop_of(Workspace.open(folder), first)
    moved = folder.rename(tmp_path / "moved")
    assert loop_of(Workspace.open(moved), first).loop_id == here.loop_id
    named = replace(Workspace.open(moved).config.tracker, kind="nothing", loop_id="fleet-7")
    with pytest.raises(TrackerError, match="'nothing' is not known"):
        load_tracker(named, here)


def test_the_tracker_of_the_page_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (TESTS.parent / "docs/how-to/tracker.md").read_text()
    (tmp_path / "tracker_of_the_page.py").write_text(page.split("```python\n")[1].split("```")[0])
    monkeypatch.syspath_prepend(tmp_path)
    folder = make_tracked(tmp_path, train=None)
    settings = folder / "oddloop.toml"
    settings.write_text(settings.read_text().replace("file_tracker:FileTracker", "tracker_of_the_page:JsonFiles"))
    run_at(folder)
    assert pushed_files(tmp_path)["r001"]["policy"] == "uncertainty"
    workspace = Workspace.open(folder)
    promote(workspace, open_ledger(workspace), "toy_model", "", toy.shell().stamp)
    assert [job["what"] for job in push_at(folder).done] == ["promoted"]
    assert [file.read_text() for file in tmp_path.glob("pushed/*/in_service.txt")] == ["toy_model"]
