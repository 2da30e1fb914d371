"""The page on discovery tells the truth: its code runs, its settings are known, its commands and options exist."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

from typer.testing import CliRunner

from oddloop.cli.app import app
from oddloop.config import config_from_mapping

PAGE = (Path(__file__).parents[2] / "docs/how-to/discover.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_gives_what_the_page_says() -> None:
    code, expected = (next(body for kind, body in BLOCKS if kind == wanted) for wanted in ("python", "text"))
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(compile(code, "discover.md", "exec"), {})
    assert shown.getvalue() == expected


def test_the_settings_are_known() -> None:
    settings = tomllib.loads("\n".join(body for kind, body in BLOCKS if kind == "toml"))
    config = config_from_mapping({"workspace": {"name": "w"}, **settings})
    assert config.discover.vectors.weight("agents") == 2.0
    assert config.discover.clusters.min_logs == 3
    assert config.discover.page.tracks == "/data/tracks"
    assert config.discover.names.risk_levels == {"low": 1.0, "high": 5.0}


def test_commands_and_options_exist() -> None:
    told = re.findall(r"oddloop (discover|scenes) (show|page|name|settle|events|export|find)", PAGE)
    assert len(set(told)) == 7
    for command, part in sorted(set(told)):
        help_text = CliRunner().invoke(app, [command, part, "--help"], env={"COLUMNS": "200"}).stdout
        lines = [line for line in PAGE.splitlines() if f"oddloop {command} {part}" in line]
        for option in re.findall(r"--[a-z]+", " ".join(lines)):
            assert option in help_text, f"{command} {part} {option}"
