"""`oddloop score` as before, and `oddloop score audit`."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import toy
from oddloop.cli.app import app
from oddloop.cli.score import _about_alike
from oddloop.errors import WorkspaceError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit") / "ws"
    toy.make_workspace(folder)
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def test_score_without_a_command_scores(folder: Path) -> None:
    result = call("score", "-w", folder, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["rows"]["scene_scores"] == 48


def test_the_audit_for_programs(folder: Path) -> None:
    result = call("score", "audit", "-w", folder, "--json")
    content = json.loads(result.stdout)
    assert (content["metric"], content["better"], content["model_id"]) == ("accuracy", "higher", "toy_model")
    assert [row["rank"] for row in content["audit"]] == list(range(1, len(content["audit"]) + 1))
    (best,) = content["recommended"]
    assert best["task"] == "classification"
    assert best["beats_object_count"] is False
    assert result.stderr == ""


def test_the_audit_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from oddloop.cli.score import audit

    audit(str(folder), "accuracy")
    text = capsys.readouterr().out
    assert text.startswith("Scores against accuracy (higher is better) of toy_model on 12 scenes")
    assert "object_count" in text
    assert re.search(
        r"The baseline to beat is object_count, .*: it finds \d+\.\d % of all errors at 10 % of the cost; chance finds",
        text,
    )
    assert "Warning: 2 logs are too few to say whether a classification score beats object count." in text


def test_scores_that_are_the_same_everywhere_are_left_out_for_people() -> None:
    assert _about_alike([]) == []
    names = ["a_max", "a_mean", "a_sum"]
    assert _about_alike(names[:1]) == [
        "Left out: 1 score is the same in every scene and so no better than chance: a_max (see --json)."
    ]
    assert _about_alike(names) == [
        "Left out: 3 scores are the same in every scene and so no better than chance: a_max, a_mean, ... (see --json)."
    ]


def test_the_audit_as_a_page(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "audit.html"
    assert call("score", "audit", "-w", folder, "--plot", file, "--json").exit_code == 0
    text = file.read_text("utf-8")
    assert "accuracy (higher is better) of toy_model on 12 scenes" in text
    assert "2 logs are too few" in text
    with pytest.raises(WorkspaceError, match=r"--plot .*audit.html: cannot be written: No such file or directory"):
        call("score", "audit", "-w", folder, "--plot", tmp_path / "nowhere/audit.html")


def test_help_names_the_audit() -> None:
    assert "audit" in call("score", "--help").stdout
    assert "--metric" in call("score", "audit", "--help").stdout


def test_the_how_to_tells_the_truth(capsys: pytest.CaptureFixture[str]) -> None:
    text = (Path(__file__).parents[2] / "docs/how-to/audit-scores.md").read_text()
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    exec(compile(blocks["python"], "audit-scores.md", "exec"), {})
    assert capsys.readouterr().out == blocks["text"]
    assert tomllib.loads(blocks["toml"]) == {"select": {"score": "audited"}}
