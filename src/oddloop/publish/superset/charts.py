"""The charts of the dashboard, as plain content: what is asked for, and how it is drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.publish.look import Look
from oddloop.publish.measures import MEASURES
from oddloop.publish.superset.datasets import CELLS, GAPS, LIFTS, NEWEST, PUBLISHED, SCENES, TREND
from oddloop.rounds.evidence import ALL_SCENES

Condition = tuple[str, str, Any]
"""Column, operator and value."""
_BAND = ("value", "value_low", "value_high")


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        key: names the chart for good, whatever its title becomes.
        name: title.
        viz: Superset's kind of chart.
        dataset: what it reads.
        params: how it is drawn.
        queries: what it asks: columns, metrics, filters, orderby and row_limit of each query.
    """

    key: str
    name: str
    viz: str
    dataset: str
    params: Mapping[str, Any]
    queries: Sequence[Mapping[str, Any]]

    def query_context(self) -> str:
        """The queries as Superset keeps them, so that a chart answers before anybody has opened it."""
        source = {"id": 1, "type": "table"}
        form = {**self.params, "viz_type": self.viz, "datasource": "1__table"}
        context = {"datasource": source, "force": False, "queries": list(self.queries), "form_data": form}
        return json.dumps({**context, "result_format": "json", "result_type": "full"}, sort_keys=True)


def charts(look: Look) -> tuple[Chart, ...]:
    """All charts, in the order of the dashboard."""
    return (*_numbers(), *_heat_maps(look), _beside(), _verdicts(), _table(), *_rounds(look), _scenes(), _published())


def _numbers() -> tuple[Chart, ...]:
    whole: tuple[Condition, ...] = (("segment_id", "==", ALL_SCENES), ("moment", "==", NEWEST))
    parts: tuple[Condition, ...] = (("n_way", ">", 0), ("moment", "==", NEWEST))
    return (
        _number("now", "Model now", "metric_value", whole, "on all held-out scenes"),
        _number("gap", "Gap now", "gap_to_target", whole, "below 0: it is met"),
        _number("short", "Short", "segments_short", parts, "segments, surely"),
        _number("labelled", "Labelled h", "labelled_hours", whole, "in all"),
        _number("unlabelled", "Unlabelled h", "unlabelled_hours", whole, "that could be labelled"),
    )


def _number(key: str, name: str, measure: str, where: Sequence[Condition], below: str) -> Chart:
    params = {"metric": measure, "subtitle": below, "header_font_size": 0.4, "subtitle_font_size": 0.15}
    params |= {"y_axis_format": _format(measure), "adhoc_filters": _adhoc(where)}
    return Chart(key, name, "big_number_total", GAPS, params, [_query(metrics=[measure], where=where)])


def _heat_maps(look: Look) -> tuple[Chart, ...]:
    colours = {"lower": "schemeReds", "higher": "schemeRdYlGn"}.get(look.better, "schemeBlues")
    return (
        _heat_map(
            "heat-model",
            "The model by ODD condition × scenario",
            "metric_value",
            colours,
            [("support", ">", 0)],
            ",.1f",
        ),
        _heat_map(
            "heat-labelled", "Labelled scenes by ODD condition × scenario", "labelled_scenes", "schemeBlues", [], ",d"
        ),
    )


def _heat_map(key: str, name: str, measure: str, colours: str, where: Sequence[Condition], shown: str) -> Chart:
    params = {
        "x_axis": "column_condition",
        "groupby": "row_value",
        "metric": measure,
        "adhoc_filters": _adhoc(where),
        "row_limit": 10_000,
        "sort_x_axis": "alpha_asc",
        "sort_y_axis": "alpha_desc",
        "normalize_across": "heatmap",
        "legend_type": "continuous",
        "linear_color_scheme": colours,
        "show_legend": True,
        "show_values": True,
        "show_percentage": False,
        "xscale_interval": 1,
        "yscale_interval": 1,
        "x_axis_label_rotation": 45,
        "left_margin": 140,
        "bottom_margin": "auto",
        "value_bounds": [None, None],
        "y_axis_format": shown,
    }
    columns = ["column_condition", "row_value"]
    return Chart(key, name, "heatmap_v2", CELLS, params, [_query(columns, [measure], where, limit=10_000)])


def _beside() -> Chart:
    where: tuple[Condition, ...] = (("n_way", "==", 1),)
    first, second = ["labelled_hours"], ["metric_value"]
    params = {
        "x_axis": "condition",
        "metrics": first,
        "metrics_b": second,
        "groupby": [],
        "groupby_b": [],
        "adhoc_filters": _adhoc(where),
        "adhoc_filters_b": _adhoc(where),
        "row_limit": 100,
        "row_limit_b": 100,
        "order_desc": False,
        "order_desc_b": False,
        "seriesType": "bar",
        "seriesTypeB": "scatter",
        "markerEnabledB": True,
        "markerSizeB": 12,
        "yAxisIndex": 0,
        "yAxisIndexB": 1,
        "y_axis_format": "SMART_NUMBER",  # as many digits as it takes: a small fleet has minutes, not hours
        "y_axis_format_secondary": ",.2f",
        "truncateYAxis": False,
        "xAxisLabelRotation": 45,
        "xAxisLabelInterval": "0",
        "xAxisForceCategorical": True,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "color_scheme": "supersetColors",
    }
    queries = [_query(["condition"], part, where, limit=100) for part in (first, second)]
    return Chart("beside", "Volume beside performance", "mixed_timeseries", GAPS, params, queries)


def _verdicts() -> Chart:
    where: tuple[Condition, ...] = (("verdict", "IS NOT NULL", None), ("n_way", ">", 0))
    params = {
        "x_axis": "verdict",
        "metrics": ["segments"],
        "groupby": [],
        "adhoc_filters": _adhoc(where),
        "orientation": "horizontal",
        "x_axis_sort": "segments",
        "x_axis_sort_asc": True,
        "show_value": True,
        "show_legend": False,
        "row_limit": 20,
        "y_axis_format": ",d",
        "color_scheme": "supersetColors",
        "xAxisForceCategorical": True,
    }
    query = _query(["verdict"], ["segments"], where, limit=20)
    return Chart("why", "Why gaps exist", "echarts_timeseries_bar", GAPS, params, [query])


def _table() -> Chart:
    columns = ["link", "verdict", "value", "value_range", "gap", "n_logs_measured", "n_scenes_labelled"]
    columns += ["n_scenes_unlabelled", "n_to_label", "n_to_drive", "because"]
    where: tuple[Condition, ...] = (("verdict", "IS NOT NULL", None), ("n_way", ">", 0))
    order = [["is_judged", False], ["gap", False]]
    return _raw("verdicts", "Why each gap exists: judged segments first, then by gap", GAPS, columns, where, order, 10)


def _rounds(look: Look) -> tuple[Chart, ...]:
    whole: tuple[Condition, ...] = (("segment_id", "==", ALL_SCENES),)
    better = f" ({look.better} is better)" if look.better else ""
    level = _band("level", f"The model after each round{better}", TREND, _BAND, whole)
    lift = _band("lift", "What each round gained (above 0: better)", LIFTS, ("lift", "lift_low", "lift_high"), whole)
    return level, lift


def _band(key: str, name: str, dataset: str, columns: tuple[str, str, str], where: Sequence[Condition]) -> Chart:
    """A line within its interval: Superset draws series of these names as a band."""
    label = columns[0]
    series = {label: label, f"{label}__yhat": label}
    series |= {f"{label}__yhat_lower": columns[1], f"{label}__yhat_upper": columns[2]}
    metrics = [_adhoc_metric(f"avg({column})", text) for text, column in series.items()]
    params = {
        "x_axis": "round_id",
        "metrics": metrics,
        "groupby": [],
        "adhoc_filters": _adhoc(where),
        "x_axis_sort": "round_id",
        "x_axis_sort_asc": True,
        "row_limit": 1000,
        "markerEnabled": True,
        "markerSize": 8,
        "truncateYAxis": False,  # a band is drawn on top of the lower end, which a cut axis hides
        "y_axis_bounds": [None, None],
        "y_axis_format": ",.2f",
        "show_legend": False,
        "rich_tooltip": True,
        "xAxisForceCategorical": True,
        "color_scheme": "supersetColors",
    }
    return Chart(
        key, name, "echarts_timeseries_line", dataset, params, [_query(["round_id"], metrics, where, limit=1000)]
    )


def _scenes() -> Chart:
    columns = ["link", "status", "score", "value", "share_below", "duration_s", "predicted_cost", "picked_in"]
    columns += ["cluster_id", "scenario"]
    where: tuple[Condition, ...] = (("status", "==", "unlabelled"),)
    return _raw("scenes", "Scenes that are most worth labelling", SCENES, columns, where, [["value", False]], 10)


def _published() -> Chart:
    columns = ["workspace", "published_at", "oddloop_version", "n_segment_gaps", "n_scene_scores", "digest"]
    return _raw("publication", "What this shows", PUBLISHED, columns, (), [["workspace", True]], 5)


def _raw(
    key: str,
    name: str,
    dataset: str,
    columns: list[str],
    where: Sequence[Condition],
    order: Sequence[list[Any]],
    page: int,
) -> Chart:
    params = {
        "query_mode": "raw",
        "all_columns": columns,
        "order_by_cols": [json.dumps(one) for one in order],
        "adhoc_filters": _adhoc(where),
        "row_limit": 1000,
        "server_page_length": page,
        "page_length": page,
        "include_search": False,
        "allow_render_html": True,
        "show_cell_bars": False,
        "table_timestamp_format": "%Y-%m-%d %H:%M",
        "column_config": {name: _column(name) for name in columns},
    }
    return Chart(key, name, "table", dataset, params, [_query(columns, None, where, order, 1000)])


def _column(name: str) -> dict[str, Any]:
    if name == "because":
        return {"columnWidth": 420}
    if name in ("value", "gap", "share_below", "predicted_cost", "duration_s"):
        return {"d3NumberFormat": ",.2f"}
    return {}


def _query(
    columns: Sequence[str] = (),
    metrics: Sequence[Any] | None = (),
    where: Sequence[Condition] = (),
    orderby: Sequence[Any] = (),
    limit: int = 100,
) -> dict[str, Any]:
    filters = [
        {"col": column, "op": operator} | ({} if value is None else {"val": value}) for column, operator, value in where
    ]
    asked: dict[str, Any] = {"columns": list(columns), "filters": filters, "orderby": list(orderby), "row_limit": limit}
    return asked if metrics is None else asked | {"metrics": list(metrics)}


def _adhoc(where: Sequence[Condition]) -> list[dict[str, Any]]:
    same = {"expressionType": "SIMPLE", "clause": "WHERE"}
    return [same | {"subject": c, "operator": op, "comparator": value} for c, op, value in where]


def _adhoc_metric(sql: str, label: str) -> dict[str, Any]:
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label, "hasCustomLabel": True, "optionName": label}


def _format(measure: str) -> str:
    decimals = next(m.decimals for m in MEASURES if m.name == measure)
    return f",.{min(decimals, 2)}f"
