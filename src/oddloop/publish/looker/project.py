"""The files of the project: manifest, model with its explores, a view per table, and the dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oddloop.derived_tables.star import (
    DIMENSIONS,
    FACT_ROUND_LIFT,
    FACT_SCENE_SCORE,
    FACT_SEGMENT_GAP,
    FACTS,
    PUBLICATION,
)
from oddloop.exchange.yaml_text import yaml_lines
from oddloop.publish.look import Look
from oddloop.publish.looker.dashboard import GAPS, LIFTS, MODEL, SCENES, dashboard
from oddloop.publish.looker.lookml import Block, Sql, lookml_lines, parameter
from oddloop.publish.looker.views import view
from oddloop.tables import TableSpec

_EXPLORES = {GAPS: FACT_SEGMENT_GAP, SCENES: FACT_SCENE_SCORE, LIFTS: FACT_ROUND_LIFT}


def write_project(out: Path, workspace: str, connection: str, schema: str, attributes: list[str], look: Look) -> None:
    """Write the project to a new folder.

    Args:
        out: the folder; there must be none.
        workspace: the workspace's name.
        connection: Looker's name of the database.
        schema: where the tables are in it.
        attributes: columns of attributes that `dim_scene` has.
        look: with what the dashboard opens.
    """
    (out / "views").mkdir(parents=True)
    for spec in (*DIMENSIONS, *FACTS, PUBLICATION):
        _write(out / f"views/{spec.name}.view.lkml", lookml_lines(view(spec, schema, attributes)))
    _write(out / "manifest.lkml", [parameter("project_name", MODEL)])
    _write(out / f"{MODEL}.model.lkml", _model(workspace, connection))
    content = yaml_lines({"": [dict(dashboard(f"{workspace}: coverage and gaps", look))]})
    # The file is a list itself: what stands below a key, moved to the left.
    _write(out / "coverage_and_gaps.dashboard.lookml", (line[2:] for line in list(content)[1:]))


def _write(file: Path, lines: Iterator[str] | list[str]) -> None:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _model(workspace: str, connection: str) -> Iterator[str]:
    yield parameter("connection", connection)
    yield parameter("label", f"oddloop: {workspace}")
    yield parameter("include", "/views/*.view.lkml")
    yield parameter("include", "/*.dashboard.lookml")
    for name, fact in _EXPLORES.items():
        content = {"view_name": fact.name, "description": f"One row per {fact.one_row_per}."}
        yield from lookml_lines(Block("explore", name, content, tuple(_joins(fact))))


def _joins(spec: TableSpec) -> Iterator[Block]:
    by_name = {dimension.name: dimension for dimension in DIMENSIONS}
    for column, other in spec.references:
        on = Sql(f"${{{spec.name}.{column}}} = ${{{other}.{column}}}")
        yield Block("join", other, {"type": "left_outer", "relationship": "many_to_one", "sql_on": on})
        yield from _joins(by_name[other])
