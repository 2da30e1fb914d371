"""The dashboard: where each chart stands, and the filters over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.publish.look import Look
from oddloop.publish.superset.charts import Chart
from oddloop.publish.superset.datasets import CELLS, GAPS, LIFTS, NEWEST, SCENES, TREND

Ids = Callable[[str, str], str]
"""The id of a thing from its kind and name."""
_ROWS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (20, (3, 2, 2, 2, 3)),
    (50, (12,)),
    (50, (12,)),
    (54, (8, 4)),
    (76, (12,)),
    (44, (6, 6)),
    (62, (12,)),
    (24, (12,)),
)
"""Height of each row in steps of 8 px, and the widths of its charts in twelfths."""


@dataclass(frozen=True)
class _Filter:
    """A filter over the charts that read some datasets."""

    name: str
    column: str
    datasets: tuple[str, ...]
    first: str = ""
    is_one: bool = True


def dashboard(title: str, slug: str, charts: Sequence[Chart], look: Look, ids: Ids) -> dict[str, Any]:
    """Content of the dashboard's file.

    Args:
        title, slug: its title, and its address in Superset.
        charts: in the order in which they stand.
        look: what the filters say at first.
        ids: makes ids.
    """
    metadata = {
        "cross_filters_enabled": True,
        "color_scheme": "supersetColors",
        "refresh_frequency": 0,
        "timed_refresh_immune_slices": [],
        "expanded_slices": {},
        "label_colors": {},
        "native_filter_configuration": [_filter(one, charts, ids) for one in _filters(look)],
    }
    return {
        "dashboard_title": title,
        "description": "Made by `oddloop publish`; what is changed here by hand goes with the next import.",
        "css": "",
        "slug": slug,
        "certified_by": "",
        "certification_details": "",
        "published": True,
        "uuid": ids("dashboard", "coverage"),
        "position": _positions(title, charts, ids),
        "metadata": metadata,
        "version": "1.0.0",
    }


def _positions(title: str, charts: Sequence[Chart], ids: Ids) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    n_before = 0
    for number, (height, widths) in enumerate(_ROWS, 1):
        row_id = f"ROW-{number}"
        mine = list(enumerate(charts[n_before : n_before + len(widths)], n_before + 1))
        above = ["ROOT_ID", "GRID_ID"]
        rows[row_id] = {
            "type": "ROW",
            "id": row_id,
            "children": [f"CHART-{place}" for place, _ in mine],
            "parents": above,
            "meta": {"background": "BACKGROUND_TRANSPARENT"},
        }
        for (place, chart), width in zip(mine, widths, strict=True):
            rows[f"CHART-{place}"] = {
                "type": "CHART",
                "id": f"CHART-{place}",
                "children": [],
                "parents": [*above, row_id],
                "meta": {
                    "chartId": place,
                    "uuid": ids("chart", chart.key),
                    "sliceName": chart.name,
                    "width": width,
                    "height": height,
                },
            }
        n_before += len(widths)
    grid = [f"ROW-{number}" for number in range(1, len(_ROWS) + 1)]
    return {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "children": grid, "parents": ["ROOT_ID"]},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": title}},
        **rows,
    }


def _filters(look: Look) -> tuple[_Filter, ...]:
    return (
        _Filter("Metric", "metric", (GAPS, CELLS, TREND, LIFTS), look.metric),
        _Filter("As of", "moment", (GAPS, CELLS), NEWEST),
        _Filter("Rows of the heat maps", "row_attribute", (CELLS,), look.rows),
        _Filter("Columns of the heat maps", "column_attribute", (CELLS,), is_one=False),
        _Filter("Round", "round_id", (GAPS, CELLS, TREND, LIFTS), is_one=False),
        _Filter("Verdict", "verdict", (GAPS,), is_one=False),
        _Filter("Attribute", "attribute_1", (GAPS,), is_one=False),
        _Filter("Scenario of scenes", "scenario", (SCENES,), is_one=False),
    )


def _filter(one: _Filter, charts: Sequence[Chart], ids: Ids) -> dict[str, Any]:
    values = [one.first] if one.first else []
    chosen = {"filters": [{"col": one.column, "op": "IN", "val": values}]} if values else {}
    return {
        "id": f"NATIVE_FILTER-{one.column}",
        "name": one.name,
        "filterType": "filter_select",
        "type": "NATIVE_FILTER",
        "targets": [{"column": {"name": one.column}, "datasetUuid": ids("dataset", one.datasets[0])}],
        "scope": {
            "rootPath": ["ROOT_ID"],
            "excluded": [place for place, chart in enumerate(charts, 1) if chart.dataset not in one.datasets],
        },
        "controlValues": _controls(one),
        "defaultDataMask": {"extraFormData": chosen, "filterState": {"value": values or None}},
        "cascadeParentIds": [],
        "description": "",
    }


def _controls(one: _Filter) -> Mapping[str, Any]:
    return {
        "multiSelect": not one.is_one,
        "enableEmptyFilter": bool(one.first),
        "defaultToFirstItem": False,
        "inverseSelection": False,
        "searchAllOptions": False,
    }
