"""The how-to runs as written, and prints what it says."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oddloop.cli.app import app
from oddloop.errors import TableError

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "compare-models.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def masked(text):
    return re.sub(r"[0-9a-f]{32}", "DIGEST", text)


def test_the_page_runs_as_written(capsys):
    code, printed = blocks("python"), blocks("text")
    scope: dict[str, object] = {}
    exec(compile(code[0], PAGE.name, "exec"), scope)
    assert capsys.readouterr().out == printed[0]
    with pytest.raises(TableError) as refused:
        exec(compile(code[1], PAGE.name, "exec"), scope)
    assert masked(f"TableError: {refused.value}\n") == masked(printed[1])
    exec(compile(code[2], PAGE.name, "exec"), scope)
    assert capsys.readouterr().out == printed[2]


def test_every_flag_of_the_page_is_one():
    helped = CliRunner().invoke(app, ["score", "drift", "--help"], env={"COLUMNS": "200"}).stdout
    flags = {flag for line in blocks("console")[0].splitlines() for flag in re.findall(r"--[a-z-]+", line)}
    assert flags == {"--against", "--by", "--max-psi"}
    assert [flag for flag in flags if flag not in helped] == []
