"""`oddloop rounds log`, `export`, `import` and `--as-of`, as a person or a script calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oddloop.cli.app import main
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, open_ledger

CONFIG = '[workspace]\nname = "log"\n[attributes.weather]\n'
NOON_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z


def make(folder: Path) -> Path:
    Workspace.create(folder, CONFIG)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = make(tmp_path / "ws")
    ledger = open_ledger(Workspace.open(made))
    pick = {"rank": 1, "scene_id": "s1", "log_id": "l", "cost": 2.0, "reasons": []}
    steps = (
        ("r001", "proposed", {"picks": [pick], "cost": 2.0}),
        ("r001", "decided", {"scene_id": "s1", "decision": "reject", "reason": "a wall " * 20}),
        ("stopping", "stopped", {"digest": "d", "reasons": []}),
        ("r001", "labelled", {"n_scenes": 1, "cost": None}),
    )
    for minute, (round_id, kind, payload) in enumerate(steps):
        author = Author("bob", NOON_NS + minute * 60 * 10**9)
        ledger.append(round_id, kind, payload, key="k", author=author)
    ledger.close()
    return made


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Callable[..., str]:
    """`oddloop rounds ... --workspace FOLDER`: what it prints, on stderr where it is to fail."""

    def call(folder: Path, *arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["oddloop", "rounds", *arguments, "--workspace", str(folder)])
        with pytest.raises(SystemExit) as leaving:
            main()
        printed = capsysbinary.readouterr()
        assert int(leaving.value.code or 0) == code, printed.err
        return (printed.err if code else printed.out).decode()

    return call


def test_the_log_tells_every_event_in_a_line(rounds, folder: Path) -> None:
    text = rounds(folder, "log")
    assert text.split("\n")[0].strip() == "Events: 4"
    assert "2026-09-21 14:13:20" in text
    assert "1 picks, cost 2.000" in text
    assert "scene_id s1, decision reject, reason a wall a wall" in text


def test_the_log_of_a_round_since_and_as_of(rounds, folder: Path) -> None:
    def seqs(*arguments: str) -> list[int]:
        return [event["seq"] for event in json.loads(rounds(folder, "log", *arguments, "--json"))]

    assert seqs() == [1, 2, 3, 4]
    assert seqs("r001") == [1, 2, 4]
    assert seqs("stopping", "--since", "3") == []
    assert seqs("r001", "--since", "1") == [2, 4]
    assert seqs("--as-of", "2") == [1, 2]
    assert seqs("--as-of", "2026-09-21T14:14:20") == [1, 2]
    assert seqs("--as-of", "2026-09-21T16:14:19.999999+02:00") == [1]
    assert "round 'r009' does not exist; rounds: r001" in rounds(folder, "log", "r009", code=1)


def test_rounds_are_shown_as_they_were(rounds, folder: Path) -> None:
    def status(*arguments: str) -> str:
        return json.loads(rounds(folder, "show", "r001", *arguments, "--json"))["status"]

    assert (status(), status("--as-of", "3"), status("--as-of", "2026-09-21T15:00Z")) == (
        "labelled",
        "proposed",
        "labelled",
    )
    assert [s["status"] for s in json.loads(rounds(folder, "--as-of", "1", "--json"))] == ["proposed"]
    assert json.loads(rounds(folder, "--as-of", "0", "--json")) == []


def test_a_moment_that_is_none_is_a_usage_error(rounds, folder: Path) -> None:
    rounds(folder, "--as-of", "yesterday", code=2)


def test_export_and_import_through_files_and_pipes(rounds, folder: Path, tmp_path: Path) -> None:
    file, other, third = tmp_path / "l.jsonl", make(tmp_path / "other"), make(tmp_path / "third")
    assert rounds(folder, "export", str(file)) == f"4 events are in {file}\n"
    assert json.loads(rounds(other, "import", str(file), "--json")) == {"n_new": 4, "n_known": 0}
    assert rounds(other, "import", str(file)) == "0 events are new; 4 were there already\n"
    command = f"{sys.executable} -m oddloop rounds {{}} - --workspace {{}}"
    pipe = f"{command.format('export', other)} | {command.format('import', third)}"
    subprocess.run(pipe, shell=True, check=True, capture_output=True)
    assert rounds(third, "log", "--json") == rounds(folder, "log", "--json")


def test_a_damaged_file_imports_nothing_and_says_where(rounds, folder: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "l.jsonl", make(tmp_path / "other")
    rounds(folder, "export", str(file))
    file.write_bytes(file.read_bytes()[:-9])
    told = rounds(other, "import", str(file), code=1)
    assert "l.jsonl: nothing was imported: line 4: not one JSON object" in told
    assert json.loads(rounds(other, "log", "--json")) == []
