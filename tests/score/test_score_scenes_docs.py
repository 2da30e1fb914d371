"""The how-to runs as written, prints what it says, and names every summary."""

import re
from pathlib import Path
from typing import get_args

from oddloop.config import SceneSummary, load_config

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "scene-scores.md"


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL).group(1)


def test_the_page_runs_as_written(capsys):
    exec(compile(block("python"), PAGE.name, "exec"), {})
    assert capsys.readouterr().out == block("text")


def test_its_settings_are_settings():
    assert load_config(block("toml")).score.scenes.thresholds == {"detection_entropy_sum": 4.0}


def test_every_summary_has_its_line():
    names = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert {name for cell in names for name in re.findall(r"`(\w+)`", cell)} == set(get_args(SceneSummary))
