"""Scenes to a cube: which amounts are summed, in which steps, and the status of each scene.

Time grows with scenes x sets of attributes, memory with the scenes; see `counting`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.coverage.arrays import FloatArray, read_codes, read_numbers
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.cells import Cells, gather
from oddloop.coverage.cube.counting import count_cells
from oddloop.coverage.cube.cube import Axis, Cube, refuse_inexact
from oddloop.coverage.objects import N_OBJECTS
from oddloop.coverage.status import STATUSES, status_of_scenes

FINE = 2.0**-20
"""The step of what is not counted in whole numbers."""
_STEPS = {"n_frames": 1.0, "duration_s": FINE, "distance_m": FINE}


def build_cube(
    scenes: pa.Table,
    labelled_scene_ids: pa.Array,
    encoded: Encoded,
    max_way: int = 3,
    errors: Mapping[str, npt.ArrayLike] | None = None,
) -> Cube:
    """Count all segments of up to `max_way` attributes.

    Args:
        scenes: rows of `tables.SCENES`; a missing or null n_frames, distance_m or n_objects_<class> adds 0.
        labelled_scene_ids: ids of the scenes that have labels; other ids count nowhere.
        encoded: the attributes of these scenes, in the same order.
        max_way: attributes in a segment, at most; 0 gives the total only.
        errors: further (N,) numbers by name, such as value x support of a metric; NaN adds 0.

    Raises:
        TableError: a column is missing, a log_id is null, or a column's sum is too large to be exact.
        ValueError: `encoded`, or one of `errors`, is of another number of scenes.

    >>> from oddloop.coverage.attributes import encode_attributes
    >>> from oddloop.config import AttributeConfig
    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["k", "l"], "duration_s": [8.0, 9.0], "sky": ["x", "y"]})
    >>> taxonomy = {"sky": AttributeConfig(values=("x", "y"))}
    >>> shards = [scenes.slice(0, 1), scenes.slice(1)]
    >>> one, two = (build_cube(s, pa.array(["b"]), encode_attributes(s, taxonomy)) for s in shards)
    >>> (one + two).dense(["sky"], "duration_s").tolist()
    [[0.0, 8.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    """
    if encoded.n_scenes != scenes.num_rows:
        raise ValueError(f"encoded holds {encoded.n_scenes} scenes, the table {scenes.num_rows}; encode this table")
    log_ids, logs = read_codes(scenes, "log_id", "scenes")
    amounts, steps = _amounts(scenes, errors or {})
    columns = np.stack(list(amounts.values()), axis=1)
    refuse_inexact(np.abs(columns).sum(axis=0), tuple(amounts), steps)
    counted = gather(encoded, logs, status_of_scenes(scenes, labelled_scene_ids), len(STATUSES), columns)
    return _join(list(count_cells(counted, max_way)), _empty_cube(encoded, max_way, tuple(amounts), steps, log_ids))


def _empty_cube(
    encoded: Encoded, max_way: int, measures: tuple[str, ...], steps: tuple[float, ...], log_ids: pa.Array
) -> Cube:
    counts = np.empty((0, len(STATUSES)), np.int64)
    keys = np.empty(0, np.int64)
    axes = tuple(Axis(a.name, a.values) for a in encoded.attributes)
    sums = np.empty((0, len(STATUSES), len(measures)))
    return Cube(axes, max_way, measures, steps, log_ids, keys, keys, counts, counts, sums)


def _join(counted: list[Cells], empty: Cube) -> Cube:
    return replace(
        empty,
        sets=np.repeat(np.arange(len(counted)), [len(c.numbers) for c in counted]),
        numbers=np.concatenate([empty.numbers, *(c.numbers for c in counted)]),
        n_scenes=np.concatenate([empty.n_scenes, *(c.n_scenes for c in counted)]),
        n_logs=np.concatenate([empty.n_logs, *(c.n_logs for c in counted)]),
        sums=np.concatenate([empty.sums, *(c.sums for c in counted)]),
    )


def _amounts(scenes: pa.Table, errors: Mapping[str, npt.ArrayLike]) -> tuple[dict[str, FloatArray], tuple[float, ...]]:
    """(N,) amounts by measure, in whole steps, and the steps."""
    objects = sorted(name for name in scenes.column_names if name.startswith(N_OBJECTS) and _is_number(scenes, name))
    steps = {**_STEPS, **dict.fromkeys(objects, 1.0), **dict.fromkeys(errors, FINE)}
    amounts = {}
    for name, step in steps.items():
        if name in errors:
            raw = np.asarray(errors[name], np.float64)
        else:
            raw = read_numbers(scenes, name, "scenes") if name in scenes.column_names else np.zeros(scenes.num_rows)
        if len(raw) != scenes.num_rows:
            raise ValueError(f"errors: `{name}` holds {len(raw)} numbers for {scenes.num_rows} scenes")
        amounts[name] = np.rint(np.where(np.isnan(raw), 0, raw) / step) * step
    return amounts, tuple(steps.values())


def _is_number(scenes: pa.Table, name: str) -> bool:
    kind = scenes.schema.field(name).type
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
