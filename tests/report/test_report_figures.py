"""Figures and heatmap: what is drawn, and that Plotly takes it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from plotly.graph_objects import Figure as PlotlyFigure

from oddloop.derived_tables import SEGMENT_METRICS, SEGMENTS
from oddloop.report import LeadMetric, ReportInputs, RoundReport, build_report
from oddloop.report.heatmap import heatmap_view
from oddloop.report.map_figure import map_figure
from oddloop.report.performance import performance_figure, performance_views
from oddloop.report.scene_map import build_scene_map
from report.page_parser import Page
from report.report_inputs import empty_inputs, fleet_inputs, metric_row, segment_row, table_of

FDE = LeadMetric("min_fde_m", "lower", 2.0)


@pytest.fixture(scope="module")
def figures(page: Page) -> dict[str, Any]:
    return json.loads(page.islands["report-view"])["figures"]


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    return next(t for t in figure["data"] if t.get("name") == name)


def test_plotly_accepts_every_figure(figures: dict[str, Any]) -> None:
    assert len(figures) == 2 + 4 + 1  # learning curves, volume x number of attributes, map
    for figure in figures.values():
        PlotlyFigure(figure)


def test_learning_curves_show_each_arm_by_cost_with_a_band(figures: dict[str, Any]) -> None:
    figure = figures["evidence 0"]
    ours, control = trace(figure, "uncertainty"), trace(figure, "random (control)")
    assert ours["x"] == [99.0, 199.0, 299.0, 399.0]
    assert (ours["line"]["dash"], control["line"]["dash"]) == ("solid", "dash")
    bands = [t for t in figure["data"] if t.get("fill") == "toself"]
    assert [len(band["x"]) for band in bands] == [8, 8]  # four upper and four lower ends each


def test_map_draws_every_scene_once_and_marks_labelled_and_picked(figures: dict[str, Any], report: RoundReport) -> None:
    figure = figures["map"]
    points = [t for t in figure["data"] if "customdata" in t]
    assert sorted(i for t in points for i in t["customdata"]) == list(range(1500))
    assert len(trace(figure, "picked")["x"]) == 40
    n_labelled = report.map.status.codes.count(report.map.status.values.index("labelled"))
    assert len(trace(figure, "labelled")["x"]) == n_labelled
    assert len({(t["marker"]["color"], t["marker"]["symbol"]) for t in points}) == 13  # 12 clusters and none


def small_report(*metrics: dict[str, Any], lead: LeadMetric = FDE) -> RoundReport:
    """Three values of one attribute: 100 s labelled, nothing labelled, 10 s labelled."""
    rows = [segment_row("rain=none", duration_s=100.0), segment_row("rain=heavy", "unlabelled", duration_s=3600.0)]
    rows += [segment_row("rain=drizzle", duration_s=10.0)]
    tables = {"segments": table_of(SEGMENTS, rows), "segment_metrics": table_of(SEGMENT_METRICS, list(metrics))}
    return build_report(empty_inputs(attributes={"rain": ("none", "heavy", "hail")}, lead=lead, **tables))


def test_performance_gives_unlabelled_segments_a_place_of_their_own() -> None:
    report = small_report(metric_row("rain=none", 1.0, 0.8, 1.3), metric_row("rain=heavy", 3.0, 2.5, 3.5))
    figure = performance_figure(report, FDE, "labelled time", 1)
    assert trace(figure, "not surely worse")["x"] == [100.0]
    missing = trace(figure, "surely worse than the target")
    place = missing["x"][0]
    assert 0 < place < 100.0  # a logarithmic axis has no 0
    axis = figure["layout"]["xaxis"]
    assert axis["ticktext"][axis["tickvals"].index(place)] == "0"
    assert missing["error_y"]["array"] == [pytest.approx(0.5)]
    assert missing["text"] == [" rain=heavy "]


def test_performance_sets_thin_segments_apart() -> None:
    report = small_report(metric_row("rain=none", 1.0, 0.8, 1.3), metric_row("rain=drizzle", 9.0, None, None))
    figure = performance_figure(report, FDE, "labelled logs", 1)
    few = trace(figure, "too few logs to judge")
    assert few["marker"]["symbol"] == "circle-open"
    assert few["error_y"]["array"] == [0.0]


def test_performance_views_are_those_with_values() -> None:
    assert list(performance_views(small_report(metric_row("rain=none", 1.0, 0.8, 1.3)))) == [
        "labelled time, segments of one attribute",
        "labelled logs, segments of one attribute",
    ]
    assert performance_views(small_report(metric_row("rain=none", None, None, None))) == {}


def test_heatmap_tells_no_data_few_and_misses_apart() -> None:
    report = small_report(
        metric_row("rain=none", 1.0, 0.8, 1.3),
        metric_row("rain=heavy", 3.0, 2.5, 3.5),
        metric_row("rain=drizzle", 9.0, None, None),
    )
    view = heatmap_view(report)
    (grid,) = view["grids"]
    assert grid["row_values"] == ["none", "heavy", "hail", "drizzle"]
    none, heavy, hail, drizzle = (row[0] for row in grid["cells"])
    assert hail is None  # declared, never seen
    # labelled time, labelled logs, unlabelled time, metric
    assert none["text"] == ["100 s", "1", "0 s", "1.00"]
    assert heavy["text"] == ["0 s", "0", "60 min", "3.00"]
    assert heavy["shade"] == [0.0, 0.0, 1.0, 1.0]  # worst of the judged
    assert (none["misses"], heavy["misses"]) == (False, True)
    assert (heavy["few"], drizzle["few"]) == (False, True)
    assert drizzle["shade"][3] == 1.0  # clipped: a thin value does not stretch the scale
    assert view["legends"]["1"][3] == {"is_metric": True, "light": "best 1.00", "dark": "worst 3.00"}


def test_heatmap_tells_what_lies_outside_the_odd_from_what_nobody_saw() -> None:
    inputs = fleet_inputs(n_scenes=200)
    report = build_report(replace(inputs, outside={"weather": ("fog",)}))
    grids = {(g["rows"], g["columns"]): g for g in heatmap_view(report)["grids"]}
    weather = grids["weather", ""]
    outside = dict(zip(weather["row_values"], (row[0] for row in weather["outside"]), strict=True))
    assert outside == {value: value == "fog" for value in weather["row_values"]}
    pair = grids["weather", "light"] if ("weather", "light") in grids else grids["light", "weather"]
    assert sum(map(sum, pair["outside"])) == len(pair["column_values" if pair["rows"] == "weather" else "row_values"])
    assert not any(any(row) for row in grids["light", ""]["outside"])


def test_shades_of_volumes_grow_with_the_square_root() -> None:
    view = heatmap_view(small_report())
    (grid,) = view["grids"]
    assert grid["cells"][3][0]["shade"][0] == pytest.approx((10 / 100) ** 0.5, abs=1e-3)
    assert grid["cells"][3][0]["shade"][3] is None  # not measured


def test_a_cell_tells_all_counts_and_the_metric_with_its_interval() -> None:
    view = heatmap_view(small_report(metric_row("rain=none", 1.0, 0.8, 1.3)))
    assert view["grids"][0]["cells"][0][0]["lines"] == [
        "rain=none",
        "labelled: 100 s, 1 scene, 1 log, 10 frames, 0.100 km",
        "unlabelled: none",
        "held out: none",
        "min_fde_m: 1.00 (95 %: 0.800–1.30), 40 measurements in 4 scenes from 3 logs",
    ]


def test_heatmap_starts_at_the_weakest_segment(report: RoundReport) -> None:
    assert report.weakest[0].segment_id == "weather=fog & pedestrians=none"
    assert heatmap_view(report)["start"] == ("weather", "pedestrians")


def test_heatmap_has_a_grid_for_each_attribute_and_each_pair(report: RoundReport) -> None:
    grids = heatmap_view(report)["grids"]
    assert len(grids) == 6 + 15
    assert all(len(g["cells"]) == len(g["row_values"]) for g in grids)
    assert all(len(row) == len(g["column_values"]) for g in grids for row in g["cells"])


# The map of many scenes is thinned.


@pytest.fixture(scope="module")
def many() -> ReportInputs:
    return fleet_inputs(3000, n_picks=60, n_clusters=12)


def test_thinning_keeps_picks_medoids_and_rare_clusters(many: ReportInputs) -> None:
    shown = build_scene_map(many, limit=1000)
    assert (shown.n_scenes, len(shown.scene_id)) == (3000, 1000)
    assert set(many.picks["scene_id"].to_pylist()) <= set(shown.scene_id)
    assert {m for ms in many.clusters["medoids"].to_pylist() for m in ms} <= set(shown.scene_id)
    counts = np.bincount(np.array(shown.cluster.codes)[np.array(shown.cluster.codes) >= 0])
    assert counts.min() >= 50  # every cluster here has at least as many


def test_thinning_goes_by_seed_and_not_by_row_order(many: ReportInputs) -> None:
    shown = build_scene_map(many, limit=1000)
    turned = many.scene_map.take(pa.array(np.random.default_rng(1).permutation(3000)))
    assert build_scene_map(replace(many, scene_map=turned), limit=1000) == shown
    assert build_scene_map(replace(many, seed=8), limit=1000) != shown


def test_a_large_map_is_drawn_with_webgl(many: ReportInputs) -> None:
    assert {t["type"] for t in map_figure(build_report(many))["data"]} == {"scatter"}
    large = build_report(fleet_inputs(6000))
    assert {t["type"] for t in map_figure(large)["data"]} == {"scattergl"}


def test_the_map_calls_clusters_by_lasting_id_and_name(inputs: ReportInputs) -> None:
    first = inputs.clusters["cluster_id"][0].as_py()
    names = pa.array(["tram <b>", *([""] * (inputs.clusters.num_rows - 1))])
    at = inputs.clusters.schema.get_field_index("name")
    figure = map_figure(build_report(replace(inputs, clusters=inputs.clusters.set_column(at, "name", names))))
    assert f"{first} tram &lt;b&gt;" in {trace["name"] for trace in figure["data"]}
    labels = {label["text"] for label in figure["layout"]["annotations"]}
    assert "tram &lt;b&gt;" in labels
    assert first not in labels
