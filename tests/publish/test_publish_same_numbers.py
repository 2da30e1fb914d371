"""Ten random segments have the same numbers at the command line, in the web app, Superset, Tableau and Looker."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from publishing import change_settings, lookml_sql, publish_at
from superset_server import Superset
from web.web_server import client, make_app

pytestmark = pytest.mark.system
N_SEGMENTS = 10
Numbers = tuple[int, float, float | None, float | None, str | None]
"""Labelled scenes, labelled hours, metric, gap to its target, verdict."""


@dataclass(frozen=True)
class Place:
    """A published workspace, and the segments that are asked about."""

    folder: Path
    segments: tuple[str, ...]


@pytest.fixture(scope="module")
def place(ready: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    import shutil

    folder = tmp_path_factory.mktemp("same") / "ws"
    shutil.copytree(ready, folder)
    wanted = 'formats = ["duckdb", "superset", "looker", "tableau"]\nschema = "main"'
    change_settings(folder, 'formats = ["duckdb"]', wanted)
    change_settings(folder, 'name = "toy"', 'name = "same numbers"')
    pytest.importorskip("tableauhyperapi", reason="tableauhyperapi is not installed; it comes with oddloop[tableau]")
    publish_at(folder)
    said = json.loads(run_cli(folder, "coverage", "--json"))
    known = sorted({row["segment_id"] for row in said["segments"] if row["n_way"]})
    assert len(known) >= N_SEGMENTS
    return Place(folder, tuple(random.Random(10).sample(known, N_SEGMENTS)))


def run_cli(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "oddloop", *arguments, "-w", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def of_cli(place: Place) -> dict[str, Numbers]:
    said = json.loads(run_cli(place.folder, "coverage", "--json"))
    labelled = {row["segment_id"]: row for row in said["segments"] if row["status"] == "labelled"}
    measured = {row["segment_id"]: row["value"] for row in said["segment_metrics"]}
    gaps = {row["segment_id"]: row["gap"] for row in said["gaps"]}
    verdicts = {row["segment_id"]: row["verdict"] for row in said["verdicts"]}
    none = {"n_scenes": 0, "duration_s": 0.0}
    return {
        name: (
            labelled.get(name, none)["n_scenes"],
            labelled.get(name, none)["duration_s"] / 3600,
            measured.get(name),
            gaps.get(name),
            verdicts.get(name),
        )
        for name in place.segments
    }


def of_web(place: Place) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    with client(make_app(place.folder), "viewer") as browser:
        for name in place.segments:
            page = browser.get("/api/v1/coverage/segment", params={"id": name}).json()
            value = next((m["value"] for m in page["measured"] if m["metric"] == "accuracy"), None)
            verdict = next((v for v in page["verdicts"] if v["metric"] == "accuracy"), None)
            gap = None if verdict is None or value is None else verdict["target"] - value
            labelled = page["labelled"]
            said = verdict["verdict"] if verdict else None
            found[name] = (labelled["n_scenes"], labelled["duration_s"] / 3600, value, gap, said)
    return found


def of_hyper(place: Place) -> dict[str, Numbers]:
    import tableauhyperapi as api

    quiet = {"telemetry": api.Telemetry.DO_NOT_SEND_USAGE_DATA_TO_TABLEAU, "parameters": {"log_config": ""}}
    file = str(place.folder / "publish/tableau/fact_segment_gap.hyper")
    asked = """SELECT f.segment_id, n_scenes_labelled, hours_labelled, value, gap, f.verdict FROM fact_segment_gap f
               JOIN dim_round r ON r.round_id = f.round_id WHERE r.is_newest AND f.metric = 'accuracy'"""
    with api.HyperProcess(**quiet) as process, api.Connection(process.endpoint, file) as connection:
        return {row[0]: tuple(row[1:]) for row in connection.execute_list_query(asked)}


def of_looker(place: Place) -> dict[str, Numbers]:
    """The LookML's own SQL; a verdict is a dimension there."""
    lkml = pytest.importorskip("lkml", reason="lkml is not installed")
    files = {
        name: place.folder / f"publish/looker/views/{name}.view.lkml" for name in ("fact_segment_gap", "dim_round")
    }
    fact, rounds = (lkml.load(file.read_text())["views"][0] for file in files.values())
    measures = ("labelled_scenes", "labelled_hours", "metric_value", "gap_to_target")
    (verdict,) = (d["sql"].replace("${TABLE}", "f") for d in fact["dimensions"] if d["name"] == "verdict")
    sql = lookml_sql(fact, measures, rounds).replace(" FROM ", f", any_value({verdict}) FROM ", 1)
    with duckdb.connect(str(place.folder / "publish/oddloop.duckdb"), read_only=True) as database:
        return {row[0]: row[1:] for row in database.execute(sql).fetchall()}


def of_superset(place: Place, server: Superset) -> dict[str, Numbers]:
    server.import_assets(place.folder / "publish/superset.zip")
    ids = {one["table_name"]: one["id"] for one in server.list_all("dataset")}
    measures = ["labelled_scenes", "labelled_hours", "metric_value", "gap_to_target"]
    filters = [{"col": "moment", "op": "==", "val": "newest"}, {"col": "metric", "op": "==", "val": "accuracy"}]
    query = {"columns": ["segment_id", "verdict"], "metrics": measures, "filters": filters, "row_limit": 10_000}
    rows = server.query(ids["same_numbers_segment_gaps"], query)
    return {row["segment_id"]: (*(row[name] for name in measures), row["verdict"]) for row in rows}  # type: ignore[misc]


@pytest.mark.parametrize("source", [of_web, of_hyper, of_looker], ids=lambda source: source.__name__)
def test_the_numbers_are_those_of_the_command_line(place: Place, source: Callable[[Place], dict[str, Numbers]]) -> None:
    check(place, of_cli(place), source(place))


def test_supersets_numbers_are_those_of_the_command_line(place: Place, superset_server: Superset) -> None:
    check(place, of_cli(place), of_superset(place, superset_server))


def check(place: Place, said: dict[str, Numbers], found: dict[str, Any]) -> None:
    assert any(numbers[2] is not None for numbers in said.values())
    assert any(numbers[4] is not None for numbers in said.values())
    for name in place.segments:
        known = [pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for value in said[name]]
        assert list(found[name]) == known, name
