"""The command line: results on stdout, talk on stderr, JSON for programs, named exit codes."""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.text import Text

import toy
from oddloop.cli.app import COMMANDS, ExitCode, load_command, main


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["oddloop", *map(str, arguments)])
        code = ExitCode.OK
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def test_help_lists_every_command_in_the_order_of_the_loop(call) -> None:
    text = call("--help").out
    listed = re.findall(r"^\W*([a-z]+)  ", text, re.MULTILINE)
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(call, name: str) -> None:
    result = call(name, "--help")
    assert result.code == ExitCode.OK
    assert importlib.import_module(f"oddloop.cli.{name}").__doc__.split()[0] in result.out


def test_version(call) -> None:
    from oddloop import __version__

    assert call("--version").out == f"oddloop {__version__}\n"


def test_unknown_flags_are_usage_errors(call) -> None:
    assert call("run", "--fast").code == ExitCode.USAGE


def test_init_makes_a_workspace_once(call, tmp_path: Path) -> None:
    assert call("init", tmp_path / "new", "--json").json == {"workspace": str(tmp_path / "new")}
    again = call("init", tmp_path / "new")
    assert again.code == ExitCode.ERROR
    assert "already a workspace" in again.err
    assert again.out == ""


def test_init_for_a_source_writes_its_settings(call, tmp_path: Path) -> None:
    from oddloop.lake import Workspace

    call("init", tmp_path / "k", "--for", "kitti", "--name", 'the "best"')
    config = Workspace.open(tmp_path / "k").config
    assert config.workspace.name == 'the "best"'
    assert config.metrics["recall_car"].better == "higher"
    assert call("init", tmp_path / "x", "--for", "magic").code == ExitCode.USAGE


@pytest.mark.parametrize(("source", "scene_s"), [("kitti", "10.0"), ("coco", "20.0")])
def test_the_help_of_an_ingest_shows_how_long_a_scene_of_the_source_is(call, source: str, scene_s: str) -> None:
    told = call("ingest", source, "--help").out.partition("--scene-s")[2].partition("--")[0]
    assert f"[default: {scene_s}]" in told


def test_what_every_stage_tolerates_is_no_failure(call, folder: Path) -> None:
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace("[metrics.accuracy]", "[metrics.other]"))
    result = call("check", "-w", folder)
    assert result.code == ExitCode.OK
    assert "No faults" in result.out
    assert "undeclared-metric" in result.out
    assert call("check", "-w", folder, "--json").json[0]["tolerated"] is True


def test_a_missing_workspace_is_one_message_and_no_traceback(call, tmp_path: Path) -> None:
    result = call("run", "-w", tmp_path)
    assert (result.code, result.out) == (ExitCode.ERROR, "")
    assert result.err.startswith("Error: ")
    assert "no oddloop.toml here; run `oddloop init" in result.err
    assert "Traceback" not in result.err


def test_check_reports_all_faults_and_exits_with_1(call, folder: Path) -> None:
    assert call("check", "-w", folder).code == ExitCode.OK
    metrics = toy.metrics_table(toy.scenes_table())
    bad = metrics.set_column(metrics.schema.get_field_index("stack"), "stack", pa.array(["magic"] * metrics.num_rows))
    bad = bad.set_column(bad.schema.get_field_index("scene_id"), "scene_id", pa.array(["nowhere"] * metrics.num_rows))
    toy.write(folder / "lake/metrics", bad)
    result = call("check", "-w", folder, "--json")
    assert result.code == ExitCode.ERROR
    assert {"orphan-scene", "unknown-stack", "duplicate-key"} <= {fault["code"] for fault in result.json}


def test_run_says_what_it_did_and_then_that_there_is_nothing_to_do(call, folder: Path) -> None:
    first = call("run", "-w", folder)
    assert first.code == ExitCode.OK
    assert first.out.startswith("6 of 6 steps done. r001 is proposed, waiting for labels of 3 of 3 scenes of r001.")
    assert (folder / "rounds/r001/report.html").exists()
    assert "score" in first.err  # talk
    second = call("run", "-w", folder)
    assert second.out.startswith("Nothing to do: all 6 steps are up to date.")
    assert "up to date" in second.err


def test_run_json_is_the_only_output(call, folder: Path) -> None:
    result = call("run", "-w", folder, "--json")
    assert result.err == ""
    summary = result.json
    assert [step["name"] for step in summary["steps"]] == [
        "score",
        "coverage",
        "discover",
        "cards",
        "select",
        "propose",
    ]
    assert (summary["n_computed"], summary["round_id"], summary["status"]) == (6, "r001", "proposed")
    assert Path(summary["report"]).name == "report.html"


def test_a_second_run_does_not_touch_the_report(call, folder: Path) -> None:
    call("run", "-w", folder)
    report = folder / "rounds/r001/report.html"
    before = report.stat().st_mtime_ns
    call("run", "-w", folder)
    assert report.stat().st_mtime_ns == before
    assert call("report", "-w", folder, "--json").json == {"report": str(report), "written": False}


def test_a_script_can_trace_any_pick(call, folder: Path) -> None:
    call("run", "-w", folder)
    (listed,) = call("rounds", "-w", folder, "--json").json
    assert (listed["round_id"], listed["status"], listed["picks"]) == ("r001", "proposed", 3)
    assert (len(listed["pool"]["digest"]), len(listed["policy_source"])) == (32, 32)
    assert (listed["model_id"], listed["seed"], len(listed["scene_ids"])) == ("toy_model", 3, 3)
    shown = call("rounds", "show", "r001", "-w", folder, "--json").json
    proposal = shown["proposal"]
    pick = proposal["picks"][0]
    assert set(pick) >= {"rank", "scene_id", "log_id", "gain", "cost", "reasons"}
    pool = pq.read_table(folder / "derived/select" / proposal["pool"]["digest"] / "candidates.parquet")
    assert pick["scene_id"] in pool["scene_id"].to_pylist()
    assert (
        proposal["score"]
        in pq.read_schema(folder / "derived/score" / proposal["stages"]["score"] / "scene_scores.parquet").names
    )
    assert {"model_id", "policy", "policy_source", "seed", "config", "stages"} <= set(proposal)
    assert [event["kind"] for event in shown["events"]] == ["opened", "proposed"]


def test_rounds_for_people(call, folder: Path) -> None:
    call("run", "-w", folder)
    assert "r001" in call("rounds", "-w", folder).out
    text = call("rounds", "show", "r001", "-w", folder).out
    assert "Picks" in text
    assert "uncertainty" in text
    missing = call("rounds", "show", "r009", "-w", folder)
    assert (missing.code, missing.err) == (ExitCode.ERROR, "Error: round 'r009' does not exist; rounds: r001\n")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_labels_come_back_from_a_file(call, folder: Path, tmp_path: Path, suffix: str) -> None:
    call("run", "-w", folder)
    picks = call("rounds", "show", "r001", "-w", folder, "--json").json["proposal"]["picks"]
    file = tmp_path / f"done{suffix}"
    ids = [pick["scene_id"] for pick in picks]
    if suffix == ".csv":
        file.write_text("scene_id,cost\n" + "".join(f"{scene_id},2.5\n" for scene_id in ids))
    else:
        pq.write_table(pa.table({"scene_id": ids, "cost": [2.5] * len(ids)}), file)
    assert call("labels", "receive", file, "-w", folder, "--json").json["n_new"] == 3
    assert "0 scenes are labelled now; 3 had labels already" in call("labels", "receive", file, "-w", folder).out
    assert call("run", "-w", folder, "--json").json["round_id"] == "r002"
    first, _ = call("rounds", "-w", folder, "--json").json
    assert first["status"] == "closed"


@pytest.mark.parametrize(
    ("command", "shown"),
    [("score", "classification_entropy"), ("coverage", "weather=rain"), ("discover", "Clusters"), ("select", "picks")],
)
def test_each_stage_can_run_alone(call, folder: Path, command: str, shown: str) -> None:
    assert shown in call(command, "-w", folder).out
    assert len(call(command, "-w", folder, "--json").json["digest"]) == 32
    assert call("rounds", "-w", folder, "--json").json == []


def test_train_alone(call, folder: Path, tmp_path: Path) -> None:
    assert "Nothing to train" in call("train", "-w", folder).out
    toy.make_workspace(tmp_path / "other", train="")
    assert call("train", "-w", tmp_path / "other", "--json").json["model_id"] == "m000"


def test_another_run_at_the_same_time_is_refused(call, folder: Path) -> None:
    from oddloop.lake import Workspace
    from oddloop.lake.lock import locked

    with locked(Workspace.open(folder).storage):
        result = call("run", "-w", folder)
    assert (result.code, "another oddloop process" in result.err) == (ExitCode.ERROR, True)


def test_brackets_in_ids_and_paths_are_shown_as_they_are(call, tmp_path: Path) -> None:
    folder = tmp_path / "a [b] [/c]"
    toy.make_workspace(folder)
    assert str(folder) in call("run", "-w", folder).out
    assert str(folder) in call("check", "-w", folder).out


def test_where_the_ledger_is_and_its_password_are_never_recorded_or_shown(call, folder: Path) -> None:
    path = folder / "oddloop.toml"
    text = path.read_text()
    path.write_text(text + f'\n[ledger]\nurl = "sqlite:///{folder}/secret_place.db"\n')
    call("run", "-w", folder)
    assert "secret_place" not in call("rounds", "show", "r001", "-w", folder, "--json").out
    assert "secret_place" not in (folder / "rounds/r001/manifest.json").read_text()
    path.write_text(text + '\n[ledger]\nurl = "postgresql://bob:s3cret@localhost/x?pw=s3cret"\n')
    result = call("run", "-w", folder)
    assert result.code == ExitCode.ERROR
    # Without a driver it is not installed; a driver that is knows no such parameter.
    assert "://bob:***@localhost/x: " in result.err
    assert "the driver" in result.err
    assert "s3cret" not in result.err


def test_a_policy_may_stand_in_the_workspace_and_print(call, folder: Path) -> None:
    (folder / "night_first.py").write_text(
        "import numpy as np\nfrom oddloop.select import Picks\n"
        "def pick(pool, budget, rng):\n    print('hello')\n    return Picks(np.array([0, 1]), np.array([1.0, 2.0]))\n"
    )
    path = folder / "oddloop.toml"
    path.write_text(path.read_text().replace('policy = "uncertainty"', 'policy = "night_first:pick"'))
    result = call("run", "-w", folder, "--json")
    assert result.json["status"] == "proposed"


def test_what_the_system_refuses_is_one_message(call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("init", tmp_path / "file")
    assert result.code == ExitCode.ERROR
    assert result.err.startswith("Error: ")
    assert "Traceback" not in result.err


def helps(command: Any) -> list[str]:
    """All texts of a command's help and of the commands below it."""
    below = [text for one in getattr(command, "commands", {}).values() for text in helps(one)]
    return [text for text in (command.help, *(getattr(p, "help", "") for p in command.params), *below) if text]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_bracket_of_a_help_text_is_taken_for_markup(name: str) -> None:
    for text in helps(load_command(name)):
        assert Text.from_markup(text).plain == text.replace("\\[", "[")
