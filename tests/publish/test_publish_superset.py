"""The bundle for Superset: equal content gives equal bytes, every reference leads somewhere, every query answers."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from oddloop.publish.look import Look
from oddloop.publish.measures import MEASURES
from oddloop.publish.superset import write_bundle

LOOK = Look("accuracy", "higher", "weather")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Content by path, of a bundle for the toy."""
    target = tmp_path_factory.mktemp("bundle") / "superset.zip"
    write_bundle(
        target, "toy: a", "duckdb:////data/oddloop.duckdb", "main", ["odd_weather", "odd_rain", "odd_speed"], LOOK
    )
    with zipfile.ZipFile(target) as archive:
        return {name.removeprefix("oddloop/"): yaml.safe_load(archive.read(name)) for name in archive.namelist()}


def of(bundle: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [content for name, content in bundle.items() if name.startswith(f"{kind}/")]


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_bundle(tmp_path / name, "toy", "duckdb:////x", "main", [], LOOK)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_ids_stay_when_titles_change_and_differ_between_workspaces(tmp_path: Path) -> None:
    def ids(workspace: str, better: str) -> set[str]:
        write_bundle(tmp_path / "b.zip", workspace, "duckdb:////x", "main", [], Look("m", better, "a"))
        with zipfile.ZipFile(tmp_path / "b.zip") as archive:
            text = b"\n".join(map(archive.read, archive.namelist())).decode()
        return set(re.findall('^"uuid": "(.*)"$', text, re.MULTILINE))

    assert len(ids("toy", "lower")) == 22  # a database, 6 datasets, 14 charts, a dashboard
    assert ids("toy", "lower") == ids("toy", "higher")
    assert not ids("toy", "lower") & ids("other", "lower")


def test_every_reference_leads_somewhere(bundle: dict[str, Any]) -> None:
    (database,), (board,) = of(bundle, "databases"), of(bundle, "dashboards")
    datasets, charts = of(bundle, "datasets"), of(bundle, "charts")
    by_uuid = {dataset["uuid"]: dataset for dataset in datasets}
    assert {dataset["database_uuid"] for dataset in datasets} == {database["uuid"]}
    assert {chart["dataset_uuid"] for chart in charts} == set(by_uuid)
    drawn = [item["meta"] for item in board["position"].values() if isinstance(item, dict) and item["type"] == "CHART"]
    assert {meta["uuid"] for meta in drawn} == {chart["uuid"] for chart in charts}
    assert len(charts) == len(drawn) == len({meta["chartId"] for meta in drawn})
    for asked in board["metadata"]["native_filter_configuration"]:
        (target,) = asked["targets"]
        columns = {column["column_name"] for column in by_uuid[target["datasetUuid"]]["columns"]}
        assert target["column"]["name"] in columns
        assert set(asked["scope"]["excluded"]) < {meta["chartId"] for meta in drawn}


def test_charts_ask_for_columns_and_metrics_that_there_are(bundle: dict[str, Any]) -> None:
    by_uuid = {dataset["uuid"]: dataset for dataset in of(bundle, "datasets")}
    for chart in of(bundle, "charts"):
        dataset = by_uuid[chart["dataset_uuid"]]
        columns = {column["column_name"] for column in dataset["columns"]}
        metrics = {metric["metric_name"] for metric in dataset["metrics"]}
        for query in json.loads(chart["query_context"])["queries"]:
            filtered = {condition["col"] for condition in query["filters"]}
            assert set(query["columns"]) | filtered <= columns, chart["slice_name"]
            saved = {metric for metric in query.get("metrics", []) if isinstance(metric, str)}
            assert saved <= metrics, chart["slice_name"]


def test_datasets_have_the_columns_that_they_say(bundle: dict[str, Any], published: Path) -> None:
    with duckdb.connect(str(published / "publish/oddloop.duckdb"), read_only=True) as database:
        for dataset in of(bundle, "datasets"):
            found = database.execute(f"DESCRIBE {dataset['sql']}").fetchall()
            kinds = {row[0]: row[1].replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for row in found}
            assert {column["column_name"]: column["type"] for column in dataset["columns"]} == kinds
            for metric in dataset["metrics"]:
                database.execute(f"SELECT {metric['expression']} FROM ({dataset['sql']})").fetchall()


def test_links_hold_whatever_a_name_holds(published: Path, bundle: dict[str, Any]) -> None:
    sql = next(dataset["sql"] for dataset in of(bundle, "datasets") if dataset["table_name"] == "toy_a_segment_gaps")
    with duckdb.connect(str(published / "publish/oddloop.duckdb"), read_only=True) as database:
        asked = f"SELECT DISTINCT link FROM ({sql}) WHERE segment_id = 'weather=clear & rain=no_rain'"
        ((link,),) = database.execute(asked).fetchall()
    address = "https://odd.example/loop/scenes?where=weather%3Dclear&amp;where=rain%3Dno_rain"
    assert link == f'<a href="{address}" target="_blank">weather=clear &amp; rain=no_rain</a>'


def test_the_hours_of_a_small_fleet_have_digits_on_their_axis(bundle: dict[str, Any]) -> None:
    beside = next(chart for chart in of(bundle, "charts") if chart["slice_name"] == "Volume beside performance")
    # With a fixed number of decimals every tick of 0.01 h read 0.0.
    assert beside["params"]["y_axis_format"] == "SMART_NUMBER"


def test_measures_have_names_of_their_own() -> None:
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)
    assert len({(measure.table, measure.label) for measure in MEASURES}) == len(MEASURES)


@pytest.mark.parametrize(
    ("better", "title", "colours"),
    [
        ("lower", "The model after each round (lower is better)", "schemeReds"),
        ("higher", "The model after each round (higher is better)", "schemeRdYlGn"),
        ("", "The model after each round", "schemeBlues"),
    ],
)
def test_a_dashboard_claims_no_direction_that_nobody_has_said(
    tmp_path: Path, better: str, title: str, colours: str
) -> None:
    write_bundle(tmp_path / "b.zip", "toy", "duckdb:////x", "main", [], Look("m", better, "a"))
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        charts = [yaml.safe_load(archive.read(n)) for n in archive.namelist() if "/charts/" in n]
    by_name = {chart["slice_name"]: chart["params"] for chart in charts}
    assert title in by_name
    assert by_name["The model by ODD condition × scenario"]["linear_color_scheme"] == colours
