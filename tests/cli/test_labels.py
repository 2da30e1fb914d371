"""`oddloop labels` at the command line: files both ways, and what it says to programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import labelling_rounds
from oddloop.cli.app import app
from oddloop.demo.annotator import annotate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("labels") / "ws"
    labelling_rounds.make_workspace(place)
    return place


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["labels", *words, "-w", str(folder)])


def told(folder: Path, *words: str) -> Any:
    result = call(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_files_go_out_and_come_back(folder: Path, tmp_path: Path) -> None:
    sent = told(folder, "send", "--tool", "label-studio", "--out", str(tmp_path / "out"))
    assert (sent["round_id"], sent["n_units"], sent["is_new"]) == ("r001", 12, True)
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    export = tmp_path / "export.json"
    export.write_text(json.dumps(annotate(tasks[:4], seconds_per_task=15.0, seconds_per_box=0.0)))
    first = told(folder, "receive", str(export))
    assert (len(first["new"]), first["n_open"], first["cost"]) == (1, 0, pytest.approx(1.0))
    assert first["costs"]["n_scenes"] == 1
    export.write_text(json.dumps(annotate(tasks)))
    result = call(folder, "receive", str(export))
    assert "2 scenes are labelled now" in result.stdout
    assert "1 (log3/s3) differ from what is stored" in result.stdout


def test_wrong_words_are_a_matter_of_usage(folder: Path) -> None:
    assert call(folder, "receive").exit_code == 2
    assert call(folder, "send", "--label-studio", "http://a", "--cvat", "http://b").exit_code == 2
