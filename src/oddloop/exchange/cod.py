"""What was observed, as an OpenODD current operational domain (COD): one row per scene, at its start and place.

openodd-py (extra `odd`) writes three files: the table, a manifest that links its columns to the taxonomy, and the
taxonomy itself. An `unknown` value is an empty cell, which OpenODD reads as unknown; a multi-label attribute is one
boolean per value. A scene without a place cannot stand in a COD, and is counted as left out.

References:
    ASAM OpenODD 1.0, section 8.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from oddloop.config import AttributeConfig
from oddloop.errors import TableError
from oddloop.exchange.openodd import OPENODD_UNITS, load_openodd_library
from oddloop.tables import UNKNOWN

PLACE = ("latitude_deg", "longitude_deg")
SEVERAL = ("multilabel", "flags", "words")


@dataclass(frozen=True)
class CodSummary:
    """What was written.

    Attributes:
        files: table, manifest and taxonomy.
        n_scenes: scenes written.
        n_left_out: scenes without a place.
    """

    files: tuple[Path, ...]
    n_scenes: int
    n_left_out: int


def write_cod(
    scenes: pa.Table, scene_values: pa.Table, attributes: Mapping[str, AttributeConfig], folder: Path, stem: str
) -> CodSummary:
    """Write the scenes of a workspace as a COD.

    Args:
        scenes: rows of `tables.SCENES` with `latitude_deg` and `longitude_deg`.
        scene_values: each scene's values, in the same order; from `coverage.list_scene_values`.
        attributes: the taxonomy.
        folder: where the files go; it is made.
        stem: how their names begin.

    Raises:
        OddloopError: openodd-py is not installed.
        TableError: the places are missing, or no scene has one.
    """
    library = load_openodd_library()
    if missing := [name for name in PLACE if name not in scenes.column_names]:
        raise TableError(f"scenes: column `{missing[0]}` is missing; a COD says where each scene was")
    start_ns = scenes["start_ns"].to_pylist()
    begun = min(start_ns, default=0)
    columns = [column for name, a in attributes.items() for column in _columns(name, a, scenes, scene_values)]
    places = zip(*(scenes[name].to_pylist() for name in PLACE), strict=True)
    seconds = [(at - begun) / 1e9 for at in start_ns]
    rows = [
        [at, *place, *values]
        for at, place, *values in zip(seconds, places, *(column["cells"] for column in columns), strict=True)
    ]
    metadata = [{key: value for key, value in column.items() if key != "cells"} for column in columns]
    started = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=begun // 1000)
    document = {"odd": {"started_at": started.isoformat(), "samples": {"attributes": metadata, "rows": rows}}}
    written = library.export_cod(document, Path(folder), stem) if rows else None
    if written is None or not written.rows:
        raise TableError(f"scenes: none of {len(rows):,} has a place; fill `{PLACE[0]}` and `{PLACE[1]}`")
    return CodSummary((written.cod, written.manifest, written.taxonomy), written.rows, len(rows) - written.rows)


def _columns(name: str, attribute: AttributeConfig, scenes: pa.Table, scene_values: pa.Table) -> list[dict[str, Any]]:
    """The COD's columns of an attribute: name, unit, the values that it may hold, and its cells."""
    if attribute.kind == "binned":
        unit = OPENODD_UNITS.get(attribute.unit, attribute.unit)
        (column,) = attribute.columns_of(name)
        return [{"name": name, "unit": unit, "cells": scenes[column].to_pylist()}]
    cells = scene_values[name].to_pylist()
    values = list(attribute.all_values)
    if attribute.kind in SEVERAL:
        return [_boolean(name, value, cells) for value in values]
    if attribute.parents:  # the narrowest value says the most
        cells = [max(family, key=lambda v: len(attribute.family(v))) for family in cells]
    return [{"name": name, "values": values or None, "cells": [None if c == UNKNOWN else c for c in cells]}]


def _boolean(name: str, value: str, cells: list[list[str]]) -> dict[str, Any]:
    held = [None if UNKNOWN in cell else value in cell for cell in cells]
    return {"name": f"{name}.{value}", "values": ["false", "true"], "cells": held}
