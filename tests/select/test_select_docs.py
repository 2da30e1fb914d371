"""The how-to on selection: its code runs and its settings are read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from oddloop.config import config_from_mapping

TEXT = (Path(__file__).parents[2] / "docs/how-to/select.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


def test_the_code_runs() -> None:
    found = blocks("python")
    assert found
    for body in found:
        exec(compile(body, "select.md", "exec"), {})


def test_the_settings_are_read() -> None:
    bodies = blocks("toml")
    config, *_ = [config_from_mapping(tomllib.loads("[workspace]\nname = 'x'\n" + body)) for body in bodies]
    assert config.select.quotas[0].where == {"rain": "heavy", "illuminance": "night"}
    assert config.select.gap_driven.control_share == 0.1
