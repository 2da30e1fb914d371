"""A view per table: each column a dimension with its meaning, each measure of `measures` with the same SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from oddloop.derived_tables.star import DIM_SCENE, DIM_SEGMENT, FACTS, ODD_PREFIX
from oddloop.publish.looker.lookml import Block, Sql
from oddloop.publish.measures import Measure, measures_of
from oddloop.publish.sql import described
from oddloop.tables import STRING, Column, TableSpec

_KINDS = {pa.string(): "string", pa.int64(): "number", pa.float64(): "number", pa.bool_(): "yesno"}
_FRAMES = ["raw", "time", "date", "week", "month", "year"]
_LINKS = {"segment_id": ("dim_segment", "scenes_url"), "scene_id": ("dim_scene", "scene_url")}


def view(spec: TableSpec, schema: str, attributes: Sequence[str]) -> Block:
    """The view of a table.

    Args:
        spec: the table.
        schema: where it is in the database.
        attributes: columns of attributes that `dim_scene` has besides.
    """
    more = [Column(name, STRING, f"{name.removeprefix(ODD_PREFIX)} of the scene") for name in attributes]
    columns = [*spec.columns, *(more if spec is DIM_SCENE else [])]
    parts = [_dimension(column, spec) for column in columns]
    parts += _conditions() if spec is DIM_SEGMENT else []
    parts += [_key(spec)] if spec in FACTS else []
    parts += [_measure(measure) for measure in measures_of(spec.name)]
    return Block("view", spec.name, {"sql_table_name": Sql(f"{schema}.{spec.name}")}, tuple(parts))


def _dimension(column: Column, spec: TableSpec) -> Block:
    said = described(column)
    sql = Sql(f"${{TABLE}}.{column.name}")
    if pa.types.is_timestamp(column.type):
        times = {"type": "time", "timeframes": _FRAMES, "description": said, "sql": sql}
        return Block("dimension_group", column.name.removesuffix("_at"), times)
    content: dict[str, Any] = {"type": _KINDS[column.type], "description": said}
    if spec.key == (column.name,):
        content["primary_key"] = True
    return Block("dimension", column.name, {**content, "sql": sql}, _links(column, spec))


def _links(column: Column, spec: TableSpec) -> tuple[Block, ...]:
    place, address = _LINKS.get(column.name, ("", ""))
    if spec.name != place:
        return ()
    return (Block("link", "", {"label": "Look at it in oddloop", "url": f"{{{{ {place}.{address}._value }}}}"}),)


def _conditions() -> list[Block]:
    """`attribute=value` of each part of a segment, for the axes of grids."""
    sql = "${{TABLE}}.attribute_{0} || '=' || ${{TABLE}}.value_{0}"
    return [
        Block("dimension", f"condition_{i}", {"type": "string", "description": f"part {i}", "sql": Sql(sql.format(i))})
        for i in (1, 2, 3)
    ]


def _key(spec: TableSpec) -> Block:
    parts = " || '|' || ".join(f"${{TABLE}}.{name}" for name in spec.key)
    return Block("dimension", "key", {"type": "string", "primary_key": True, "hidden": True, "sql": Sql(parts)})


def _measure(measure: Measure) -> Block:
    digits = f".{'0' * measure.decimals}" if measure.decimals else ""
    content = {
        "type": "number",
        "label": measure.label,
        "description": measure.meaning,
        "value_format": f"#,##0{digits}",
        "sql": Sql(measure.on("${TABLE}.")),
    }
    return Block("measure", measure.name, content)
