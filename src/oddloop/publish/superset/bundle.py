"""The ZIP that Superset imports: one YAML file per asset, in folders by kind; the same content gives the same bytes."""

from __future__ import annotations

import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from oddloop.exchange.yaml_text import yaml_lines
from oddloop.publish.look import Look
from oddloop.publish.measures import Measure, measures_of
from oddloop.publish.superset.charts import Chart, charts
from oddloop.publish.superset.dashboard import Ids, dashboard
from oddloop.publish.superset.datasets import Dataset, datasets, is_time

_ROOT = "oddloop"
_VERSION = "1.0.0"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a ZIP can tell."""
_NAMES = {
    "link": "look at",
    "value_range": "interval",
    "n_logs_measured": "logs",
    "n_scenes_labelled": "labelled",
    "n_scenes_unlabelled": "unlabelled",
    "n_to_label": "to label",
    "n_to_drive": "to drive",
    "share_below": "share below",
    "duration_s": "seconds",
    "predicted_cost": "cost",
    "picked_in": "picked in",
    "cluster_id": "cluster",
    "published_at": "published at",
}
"""What tables call a column, where that is not its name."""
CACHE_S = 60
"""Superset may answer from its cache for so long after a publication."""


def write_bundle(target: Path, workspace: str, uri: str, schema: str, attributes: list[str], look: Look) -> None:
    """Write the bundle.

    Args:
        target: the file.
        workspace: the workspace's name, which all ids are made of.
        uri: SQLAlchemy URI of the database, as Superset reaches it.
        schema: where the tables are in it.
        attributes: columns of attributes that `dim_scene` has.
        look: what the charts must know.
    """
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(workspace, uri, schema, attributes, look):
            text = "\n".join(yaml_lines(content)) + "\n"
            archive.writestr(zipfile.ZipInfo(f"{_ROOT}/{name}", _EPOCH), text, zipfile.ZIP_DEFLATED)


def _files(
    workspace: str, uri: str, schema: str, attributes: list[str], look: Look
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    space = uuid.uuid5(uuid.NAMESPACE_URL, f"oddloop:{workspace}")

    def ids(kind: str, name: str) -> str:
        return str(uuid.uuid5(space, f"{kind}/{name}"))

    title = f"{workspace}: coverage and gaps"
    yield "metadata.yaml", {"version": _VERSION, "type": "assets", "timestamp": "1980-01-01T00:00:00+00:00"}
    yield "databases/oddloop.yaml", _database(f"oddloop: {workspace}", uri, ids)
    for one in datasets(attributes):
        yield (
            f"datasets/oddloop/{one.name}.yaml",
            _dataset(one, f"{_slug(workspace)}_{one.name}".replace("-", "_"), schema, ids),
        )
    drawn = charts(look)
    for chart in drawn:
        yield f"charts/{chart.key}.yaml", _chart(chart, ids)
    yield "dashboards/oddloop.yaml", dashboard(title, f"oddloop-{_slug(workspace)}", drawn, look, ids)


def _database(name: str, uri: str, ids: Ids) -> dict[str, Any]:
    engine = {"connect_args": {"read_only": True}} if uri.startswith("duckdb") else {}
    return {
        "database_name": name,
        "sqlalchemy_uri": uri,
        "cache_timeout": CACHE_S,
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "extra": {"engine_params": engine, "metadata_params": {}, "allows_virtual_table_explore": True},
        "uuid": ids("database", "oddloop"),
        "version": _VERSION,
    }


def _dataset(one: Dataset, name: str, schema: str, ids: Ids) -> dict[str, Any]:
    """Its name is the workspace's, too: on SQLite, Superset takes each name once."""
    return {
        "table_name": name,
        "main_dttm_col": None,
        "description": f"Each row is {one.about}.",
        "default_endpoint": None,
        "offset": 0,
        "cache_timeout": CACHE_S,
        "schema": schema,
        "sql": one.sql,
        "params": None,
        "template_params": None,
        "filter_select_enabled": True,
        "fetch_values_predicate": None,
        "extra": None,
        "uuid": ids("dataset", one.name),
        "metrics": [_metric(measure) for measure in measures_of(one.fact)],
        "columns": [_column(name, kind) for name, kind in one.columns],
        "version": _VERSION,
        "database_uuid": ids("database", "oddloop"),
    }


def _metric(measure: Measure) -> dict[str, Any]:
    return {
        "metric_name": measure.name,
        "verbose_name": measure.label,
        "metric_type": None,
        "expression": measure.on(),
        "description": measure.meaning,
        "d3format": f",.{measure.decimals}f",
        "extra": {},
        "warning_text": None,
    }


def _column(name: str, kind: str) -> dict[str, Any]:
    return {
        "column_name": name,
        "verbose_name": _NAMES.get(name),
        "is_dttm": is_time(kind),
        "is_active": True,
        "type": kind,
        "groupby": True,
        "filterable": True,
        "expression": None,
        "description": None,
        "python_date_format": None,
        "extra": {},
    }


def _chart(chart: Chart, ids: Ids) -> dict[str, Any]:
    return {
        "slice_name": chart.name,
        "description": None,
        "certified_by": None,
        "certification_details": None,
        "viz_type": chart.viz,
        "params": {**chart.params, "viz_type": chart.viz},
        "query_context": chart.query_context(),
        "cache_timeout": None,
        "uuid": ids("chart", chart.key),
        "version": _VERSION,
        "dataset_uuid": ids("dataset", chart.dataset),
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "workspace"
