"""The page on continuous scoring: its settings are valid, its code prints what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oddloop.config import load_config

PAGE = Path(__file__).parents[2] / "docs/how-to/continuous.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_settings_are_valid() -> None:
    (text,) = [body for language, body in BLOCK.findall(PAGE.read_text()) if language == "toml"]
    config = load_config(text)
    assert config.intake.limits_by_segment() == {"weather=fog & rain=none": 50}


def test_the_code_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    (place,) = [i for i, (language, _) in enumerate(blocks) if language == "python"]
    exec(compile(blocks[place][1], "continuous.md", "exec"), {})
    assert capsys.readouterr().out == blocks[place + 1][1]
