"""`oddloop score drift`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import toy
from oddloop.cli.app import app

NAME = "classification_entropy_mean"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift") / "ws"
    toy.make_workspace(folder, config=toy.CONFIG + '\n[model]\nid = "toy_model"\n')
    frames = toy.frames_table(toy.scenes_table())
    toy.write(folder / "lake/predictions/classification/old", toy.predictions_table(frames, seed=9))
    return folder


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["score", "drift", *map(str, arguments)], catch_exceptions=False)


def test_for_programs(folder: Path) -> None:
    result = call("-w", folder, "--json")
    assert result.exit_code == 0
    content = json.loads(result.stdout)
    assert (content["by"], content["reference"], content["current"]) == ("model", "old", "toy_model")
    psi = [row["psi"] for row in content["drift"]]
    assert psi == sorted(psi, reverse=True)
    assert result.stderr == ""


def test_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from oddloop.cli.score_drift import drift

    drift(str(folder), score=[NAME])
    text = capsys.readouterr().out
    assert text.startswith("Drift of toy_model on the same scenes; in [ ] the 95 % interval")
    assert "whole logs swapped at random" in text
    assert NAME in text
    assert "classification_margin_mean" not in text
    drift(str(folder))
    assert "more rows, less far apart: --json prints all" in capsys.readouterr().out


def test_a_target_that_is_missed_leaves_with_3(folder: Path) -> None:
    assert call("-w", folder, "--max-psi", 1000).exit_code == 0
    missed = call("-w", folder, "--max-psi", -1, "--json")
    assert missed.exit_code == 3
    content = json.loads(missed.stdout)
    assert content["n_above"] == len(content["drift"])


def test_wrong_use_leaves_with_2(folder: Path) -> None:
    unknown = call("-w", folder, "--score", "entropi")
    assert unknown.exit_code == 2
    assert "no score entropi" in unknown.stderr
    assert call("-w", folder, "--by", "month").exit_code == 2
