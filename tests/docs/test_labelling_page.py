"""The page on labelling tools: its Python runs and prints what it says, its settings are settings."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

import labelling_rounds
from oddloop.config import load_config

PAGE = (Path(__file__).parents[2] / "docs/how-to/labelling.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_python_of_the_page_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labelling_rounds.make_workspace(tmp_path / "ws")
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block("python"), "labelling.md", "exec"), {})
    assert printed.getvalue() == block("text")


def test_the_settings_of_the_page_are_settings() -> None:
    assert load_config(block("toml")).labelling.image_size == (1242, 375)
