"""What tests of publishing share: a toy workspace's settings, and publishing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import toy
from oddloop.lake import Workspace
from oddloop.publish import Published, publish

NOW_NS = 1_800_000_000_000_000_000
SETTINGS = """
[metrics.accuracy]
better = "higher"
target = 0.8
[attributes.speed]
kind = "binned"
column = "ego_speed_mean_mps"
edges = [10.0, 20.0]
values = ["slow", "middling", "fast"]
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


def lookml_sql(fact: dict[str, Any], measures: tuple[str, ...], rounds: dict[str, Any]) -> str:
    """The query that Looker makes of measures by segment, in the newest round, from parsed views."""
    by_name = {measure["name"]: measure["sql"] for measure in fact["measures"]}
    columns = ", ".join(f"{by_name[name].replace('${TABLE}', 'f')} AS {name}" for name in measures)
    (newest,) = (d["sql"].replace("${TABLE}", "r") for d in rounds["dimensions"] if d["name"] == "is_newest")
    tables = f"{fact['sql_table_name']} AS f JOIN {rounds['sql_table_name']} AS r ON f.round_id = r.round_id"
    return f"SELECT f.segment_id, {columns} FROM {tables} WHERE {newest} GROUP BY 1"
