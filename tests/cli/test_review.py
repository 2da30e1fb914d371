"""`oddloop review` at the command line, and the how-to, which runs as it is written."""

from __future__ import annotations

import builtins
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import toy
from oddloop.cli.app import ExitCode, main
from oddloop.cli.review_interactive import review_one_by_one
from oddloop.config import config_from_mapping
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, open_ledger

PAGE = (Path(__file__).parents[2] / "docs/how-to/review.md").read_text()
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["oddloop", *map(str, arguments)])
        code = ExitCode.OK
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "ws"
    toy.make_workspace(folder)
    toy.run_at(folder)
    return folder


@pytest.fixture
def folder(proposed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(proposed, tmp_path / "ws")
    monkeypatch.setenv("ODDLOOP_WORKSPACE", str(tmp_path / "ws"))
    return tmp_path / "ws"


def masked(text: str) -> list[str]:
    text = re.sub(r"\d{4}-\d\d-\d\d at \d\d:\d\d:\d\d UTC", "NOW", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_how_to_runs_as_written(call: Call, folder: Path) -> None:
    (session,) = blocks("console")
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        code, out, err = call(*shlex.split(command)[1:])
        assert code == 0, err
        assert masked(out) == masked(expected), command


def test_the_how_to_in_python_and_toml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    (body,) = blocks("python")
    exec(compile(body, "review.md", "exec"), {})
    assert open_ledger(Workspace.open(folder)).round("r001").status == "reviewed"
    (settings,) = blocks("toml")
    assert config_from_mapping(tomllib.loads(settings)).review.required


def test_the_list_as_json_holds_what_a_page_needs(call: Call, folder: Path) -> None:
    code, out, _ = call("review", "--json")
    listed = json.loads(out)
    assert code == 0
    assert (listed["round_id"], listed["status"], listed["budget"], listed["n_undecided"]) == ("r001", "proposed", 3, 3)
    first = listed["picks"][0]["scene_id"]
    code, out, _ = call("review", "approve", first, "--author", "Ann", "--json")
    told = json.loads(out)
    assert (told["n_undecided"], told["decided"][0]["author"], told["errors"]) == (2, "Ann", [])
    pick = json.loads(call("review", "--json")[1])["picks"][0]
    assert (pick["decision"], pick["decided_by"], pick["seen"]) == ("approve", "Ann", told["decided"][0]["seq"])
    code, out, _ = call("review", "finish", "--approve-rest", "--keep", "2", "--json")
    assert (code, len(json.loads(out)["picks"]), len(json.loads(out)["cut"])) == (0, 2, 1)
    code, out, _ = call("review")
    assert "approved, beyond the cut" in out
    assert "2 of 3 picks are in, for 1.60 of 3.00 cost units; 0 are not decided." in out


def test_another_reviewer_is_told_and_may_insist(call: Call, folder: Path) -> None:
    first, second, _ = open_ledger(Workspace.open(folder)).round("r001").pick_ids
    call("review", "reject", first, "--reason", "blurred", "--author", "Ann")
    code, out, err = call("review", "approve", first, second, "--author", "Ben")
    assert code == ExitCode.ERROR
    assert f"{second}: Ben approved it" in out  # what could be decided is
    assert f"{first}: Ann rejected it" in err
    seen = re.search(r"--seen (\d+)", err)
    assert seen
    assert call("review", "approve", first, "--author", "Ben", "--seen", seen[1])[0] == 0
    assert call("review", "defer", first, "--author", "Ben")[0] == 0  # one's own decision is seen
    assert call("review", "undo", first, "--author", "Ben")[0] == 0
    assert call("review", "approve", first, "--author", "Ann")[0] == 0  # nothing is decided, so there is nothing to see
    code, _, err = call("review", "approve", first, second, "--seen", 3)
    assert (code, "--seen 3 is of one scene" in err) == (ExitCode.ERROR, True)
    assert "say why you reject it" in call("review", "reject", second, "--author", "Ben")[2]


def test_a_rejected_scene_can_be_taken_back_later_and_is_explained(call: Call, folder: Path) -> None:
    first, *_ = open_ledger(Workspace.open(folder)).round("r001").pick_ids
    call("review", "reject", first, "--reason", "blurred", "--author", "Ann")
    call("review", "finish", "--approve-rest")
    toy.label_all_picks(folder, "r001")
    assert call("run")[0] == 0
    explained = call("select", "--explain", first)[1]
    assert f"{first} is no candidate: in r001 Ann rejected it on" in explained
    assert f"(blurred); `oddloop review undo {first}` makes it a candidate again" in explained
    code, out, _ = call("review", "undo", first, "--reason", "cleaned", "--author", "Ben")
    assert (code, f"{first}: Ben took the decision on it back on" in out) == (0, True)
    assert "no candidate" not in call("select", "--explain", first)[1]


def test_a_scene_that_could_not_be_labelled_is_explained_and_can_be_tried_again(call: Call, folder: Path) -> None:
    ledger = open_ledger(Workspace.open(folder))
    first, *_ = ledger.round("r001").pick_ids
    author = Author("tool", 1)
    ledger.append("r001", "sent", {"tool": "cvat", "jobs": {}, "digest": "d"}, key="d", author=author)
    ledger.append("r001", "received", {"tool": "cvat", "scenes": {}, "skipped": [first]}, key="d", author=author)
    toy.label_all_picks(folder, "r001", without=(first,))
    assert call("run")[0] == 0
    explained = call("select", "--explain", first)[1]
    assert f"annotators of r001 left it without labels; `oddloop review undo {first}`" in explained
    assert call("review", "undo", first, "--author", "Ben")[0] == 0
    assert "no candidate" not in call("select", "--explain", first)[1]


def test_without_a_round_there_is_nothing_to_review(call: Call, tmp_path: Path) -> None:
    toy.make_workspace(tmp_path / "empty")
    code, _, err = call("review", "-w", tmp_path / "empty")
    assert (code, "no round has picks to review yet" in err) == (ExitCode.ERROR, True)


def test_pick_by_pick_on_a_terminal(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    workspace = Workspace.open(folder)
    ledger = open_ledger(workspace)
    first, second, third = ledger.round("r001").pick_ids
    answers = iter(["a", "s", "dull", "n", "r", "", "q"])  # a rejection without a reason is told, and nothing recorded
    monkeypatch.setattr(builtins, "input", lambda _question: next(answers))
    review_one_by_one(workspace, ledger, "r001", "Ann")
    decisions = {scene: event.payload["decision"] for scene, event in ledger.round("r001").decisions.items()}
    assert decisions == {first: "approve", second: "swap"}
    shown = capsys.readouterr()
    assert f"\n{third}  costs 0.80" in shown.out
    assert "say why you reject it" in shown.err


def test_the_end_of_input_leaves(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr(builtins, "input", closed)
    workspace = Workspace.open(folder)
    ledger = open_ledger(workspace)
    review_one_by_one(workspace, ledger, "r001", "Ann")
    assert ledger.round("r001").decisions == {}
