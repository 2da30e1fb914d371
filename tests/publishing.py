"""What tests of publishing share: a toy workspace's settings, and publishing it."""

from __future__ import annotations

from pathlib import Path

import toy
from oddloop.lake import Workspace
from oddloop.publish import Published, publish

NOW_NS = 1_800_000_000_000_000_000
SETTINGS = """
[metrics.accuracy]
better = "higher"
target = 0.8
[publish]
web_url = "https://odd.example/loop/"
"""


def with_settings(text: str = "", formats: str = '["duckdb"]') -> str:
    """The toy's settings with those of [publish]."""
    return toy.CONFIG.replace('[metrics.accuracy]\nbetter = "higher"\n', SETTINGS + f"formats = {formats}\n{text}\n")


def publish_at(folder: Path, now_ns: int = NOW_NS) -> Published:
    return publish(Workspace.open(folder), now_ns)


def change_settings(folder: Path, old: str, new: str) -> None:
    file = folder / "oddloop.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
