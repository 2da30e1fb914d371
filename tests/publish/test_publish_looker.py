"""The LookML project: Looker's grammar, fields that there are, and measures that say what the tables say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from oddloop.derived_tables.star import STAR
from oddloop.publish.look import Look
from oddloop.publish.looker import write_project
from publishing import lookml_sql

ATTRIBUTES = ["odd_weather", "odd_rain"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("looker") / "looker"
    write_project(out, 'toy "a"', "oddloop", "main", ATTRIBUTES, Look("accuracy", "higher", "weather"))
    return out


@pytest.fixture(scope="module")
def views(project: Path) -> dict[str, Any]:
    lkml = pytest.importorskip("lkml", reason="lkml is not installed")
    parsed = [lkml.load(file.read_text()) for file in sorted(project.rglob("*.view.lkml"))]
    return {view["name"]: view for one in parsed for view in one["views"]}


def fields_of(view: dict[str, Any]) -> set[str]:
    times = {f"{g['name']}_{frame}" for g in view.get("dimension_groups", ()) for frame in g["timeframes"]}
    return times | {field["name"] for kind in ("dimensions", "measures") for field in view.get(kind, ())}


@pytest.mark.system
def test_every_table_is_a_view_with_every_column(views: dict[str, Any], project: Path) -> None:
    import lkml

    assert set(views) == {spec.name for spec in STAR}
    for spec in STAR:
        found = {field["name"]: field for field in views[spec.name]["dimensions"]}
        groups = {group["name"] for group in views[spec.name].get("dimension_groups", ())}
        for column in spec.columns:
            assert column.name in found or column.name.removesuffix("_at") in groups
        keys = [name for name, field in found.items() if field.get("primary_key") == "yes"]
        assert keys == (list(spec.key) if len(spec.key) == 1 else ["key"])
    assert set(ATTRIBUTES) <= fields_of(views["dim_scene"])
    model = lkml.load((project / "oddloop.model.lkml").read_text())
    assert model["label"] == 'oddloop: toy \\"a\\"'
    for explore in model["explores"]:
        joined = {explore["view_name"], *(join["name"] for join in explore["joins"])}
        assert joined <= set(views)
        for join in explore["joins"]:
            for view, field in re.findall(r"\$\{(\w+)\.(\w+)\}", join["sql_on"]):
                assert field in fields_of(views[view])


@pytest.mark.system
def test_the_dashboard_shows_fields_that_there_are(views: dict[str, Any], project: Path) -> None:
    import lkml

    (board,) = yaml.safe_load((project / "coverage_and_gaps.dashboard.lookml").read_text())
    explores = {e["name"]: e for e in lkml.load((project / "oddloop.model.lkml").read_text())["explores"]}
    assert len(board["elements"]) == 11
    for element in board["elements"]:
        explore = explores[element["explore"]]
        reachable = {explore["view_name"], *(join["name"] for join in explore["joins"])}
        sorts = [sort.removesuffix(" desc") for sort in element.get("sorts", ())]
        asked = [*element["fields"], *element.get("pivots", ()), *element.get("filters", {}), *sorts]
        for name in [*asked, *element.get("listen", {}).values()]:
            view, field = name.split(".")
            assert view in reachable
            assert field in fields_of(views[view]), name


@pytest.mark.system
def test_measures_say_what_the_tables_say(views: dict[str, Any], published: Path) -> None:
    """The SQL of each measure, as Looker would put it together, for each segment, against the fact's own columns."""
    asked = ("metric_value", "gap_to_target", "labelled_hours", "unlabelled_scenes", "scenes_to_label")
    sql = lookml_sql(views["fact_segment_gap"], asked, views["dim_round"])
    with duckdb.connect(str(published / "publish/oddloop.duckdb"), read_only=True) as database:
        found = {row[0]: row[1:] for row in database.execute(sql).fetchall()}
        columns = "segment_id, value, gap, hours_labelled, n_scenes_unlabelled, n_to_label"
        known = database.execute(
            f"SELECT {columns} FROM fact_segment_gap JOIN dim_round USING (round_id) WHERE is_newest"
        ).fetchall()
    assert len(known) > 10
    assert found == {row[0]: tuple(pytest.approx(n, rel=1e-12) if n else n for n in row[1:]) for row in known}
