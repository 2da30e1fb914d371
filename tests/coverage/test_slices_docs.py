"""The page on slices tells the truth: its code runs and gives what it says, its settings are known."""

from __future__ import annotations

import contextlib
import io
import re
import tomllib
from pathlib import Path

from oddloop.config import config_from_mapping

PAGE = (Path(__file__).parents[2] / "docs/how-to/slices.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_gives_what_the_page_says() -> None:
    code, expected = (next(body for kind, body in BLOCKS if kind == wanted) for wanted in ("python", "text"))
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        exec(compile(code, "slices.md", "exec"), {})
    assert shown.getvalue() == expected


def test_the_settings_are_known() -> None:
    settings = tomllib.loads(next(body for kind, body in BLOCKS if kind == "toml"))
    config = config_from_mapping({"workspace": {"name": "w"}, **settings})
    assert (config.coverage.slices.min_scenes, config.metrics["recall_car"].better) == (50, "higher")
