"""A cube as tables: the segments for people and other stages, and the cube itself to be kept and read again.

Time and memory grow with the cube's occupied cells.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.coverage.cube.cube import Axis, Cube
from oddloop.coverage.segments import name_conjunctions
from oddloop.coverage.status import STATUSES
from oddloop.derived_tables import SEGMENTS
from oddloop.errors import TableError

CUBE_FORMAT = 1
"""Format 1: `cells` with set, number, status, n_scenes, n_logs and a column per measure; `logs` with log_id."""
THIN_WAY = 3
"""Attributes of a segment from which on it may be too thin to be listed."""


def list_segments(cube: Cube, min_scenes: int = 1) -> pa.Table:
    """List the segments of a cube.

    Args:
        cube: the cube; has the measures n_frames, duration_s and distance_m.
        min_scenes: segments of three attributes with fewer scenes, of all statuses together, are left out.

    Returns:
        `derived_tables.SEGMENTS` and a column per further measure; each segment three times, once per status. `odd`
        is null: a cube does not know the taxonomy (`judge_segments` does).
    """
    is_listed = cube.n_scenes.sum(axis=1) >= min_scenes
    parts = []
    for chosen, codes, rows in cube.conjunctions():
        is_listed[rows] |= len(chosen) < THIN_WAY
        axes = [(cube.axes[place].name, cube.axes[place].values) for place in chosen]
        parts.append(name_conjunctions(axes, codes[is_listed[rows]]))
    names = {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}
    each = pa.array(np.repeat(np.arange(np.count_nonzero(is_listed)), len(STATUSES)))
    columns = {name: values.take(each) for name, values in names.items()}
    columns["status"] = pa.array(STATUSES * np.count_nonzero(is_listed), pa.string())
    columns["odd"] = pa.nulls(len(each), pa.string())
    counts = {name: cube.measure(name)[is_listed].ravel() for name in ("n_scenes", "n_logs", *cube.measures)}
    columns |= {name: pa.array(values, _kind(cube, name)) for name, values in counts.items()}
    declared = pa.table([columns[c.name] for c in SEGMENTS.columns], schema=SEGMENTS.schema())
    for name in cube.measures:
        if SEGMENTS.column(name) is None:
            declared = declared.append_column(name, columns[name])
    return declared


def write_cube(cube: Cube) -> dict[str, pa.Table]:
    """A cube as two tables, `cells` and `logs`; rows only of what holds a scene.

    >>> from oddloop.coverage import build_cube, encode_attributes
    >>> scenes = pa.table({"scene_id": ["a"], "log_id": ["l"], "duration_s": [8.0]})
    >>> tables = write_cube(build_cube(scenes, pa.array(["a"]), encode_attributes(scenes, {})))
    >>> tables["cells"].select(["n_scenes", "duration_s"]).to_pylist(), tables["logs"]["log_id"].to_pylist()
    ([{'n_scenes': 1, 'duration_s': 8.0}], ['l'])
    >>> read_cube(tables).dense([]).tolist()
    [1.0, 0.0, 0.0]
    """
    rows, status = np.nonzero(cube.n_scenes)
    columns = {
        "set": pa.array(cube.sets[rows]),
        "number": pa.array(cube.numbers[rows]),
        "status": pa.array(STATUSES, pa.string()).take(pa.array(status)),
        "n_scenes": pa.array(cube.n_scenes[rows, status]),
        "n_logs": pa.array(cube.n_logs[rows, status]),
        **{name: pa.array(cube.measure(name)[rows, status]) for name in cube.measures},
    }
    kept = {
        "format": CUBE_FORMAT,
        "axes": [asdict(axis) for axis in cube.axes],
        "max_way": cube.max_way,
        "measures": cube.measures,
        "steps": cube.steps,
    }
    cells = pa.table(columns).replace_schema_metadata({"cube": json.dumps(kept)})
    return {"cells": cells, "logs": pa.table({"log_id": cube.log_ids})}


def read_cube(tables: dict[str, pa.Table]) -> Cube:
    """The cube that `write_cube` has made tables of.

    Raises:
        TableError: the tables are not those of a cube, or of another format.
    """
    cells = tables["cells"]
    kept = json.loads((cells.schema.metadata or {}).get(b"cube", b"{}"))
    if kept.get("format") != CUBE_FORMAT:
        raise TableError(
            f"cells: format {kept.get('format')}, this oddloop reads cubes of format {CUBE_FORMAT}; build it again"
        )
    sets, numbers = (cells[name].to_numpy() for name in ("set", "number"))
    is_first = np.ones(len(sets), np.bool_)
    is_first[1:] = (np.diff(sets) != 0) | (np.diff(numbers) != 0)
    row = np.cumsum(is_first) - 1
    status = pa.compute.index_in(cells["status"].combine_chunks(), value_set=pa.array(STATUSES)).to_numpy()

    def spread(name: str) -> Any:
        values = cells[name].to_numpy()
        found = np.zeros((np.count_nonzero(is_first), len(STATUSES)), values.dtype)
        found[row, status] = values
        return found

    measures = tuple(kept["measures"])
    sums = [spread(name) for name in measures]
    return Cube(
        axes=tuple(Axis(axis["name"], tuple(axis["values"])) for axis in kept["axes"]),
        max_way=kept["max_way"],
        measures=measures,
        steps=tuple(kept["steps"]),
        log_ids=tables["logs"]["log_id"].combine_chunks(),
        sets=sets[is_first],
        numbers=numbers[is_first],
        n_scenes=spread("n_scenes"),
        n_logs=spread("n_logs"),
        sums=np.stack(sums, axis=-1),
    )


def _kind(cube: Cube, name: str) -> pa.DataType:
    """What is counted in whole numbers is an integer."""
    is_whole = name not in cube.measures or cube.steps[cube.measures.index(name)] == 1
    return pa.int64() if is_whole else pa.float64()
