"""The how-to on detections runs as it is written, prints what it says, and its settings are settings."""

import re
from pathlib import Path

from oddloop.config import load_config

PAGE = (Path(__file__).parents[2] / "docs/how-to/score-detections.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language):
    return [body for found, body in BLOCK.findall(PAGE) if found == language]


def test_the_page_runs_and_prints_what_it_says(capsys):
    assert len(blocks("python")) == 4
    exec(compile("\n".join(blocks("python")), "score-detections.md", "exec"), {})
    assert [capsys.readouterr().out] == blocks("")


def test_its_settings_are_settings():
    first, second, third = (load_config(text).score.detection for text in blocks("toml"))
    assert "class_disagreement" in first.measures
    assert second.class_difficulty == {"car": 0.061, "pedestrian": 1.0}
    assert third.second_model == "m002"
