"""What is known of a scene without learned features: its numeric columns and the mean and maximum of its scores.

Missing values stay NaN here; `scaling` says what becomes of them. Time and memory O(scenes x columns).
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.discover.arrays import Bools, Floats, row_of
from oddloop.ids import id_array

_NOT_TELEMETRY = frozenset({"start_ns"})
_SCORE_SUFFIXES = ("_mean", "_max")


def telemetry_matrix(scenes: pa.Table, scene_scores: pa.Table | None, scene_ids: pa.Array) -> tuple[Floats, Bools]:
    """Gather the numeric columns of `scenes` and the `_mean` and `_max` columns of `scene_scores`.

    Args:
        scenes: scene_id and any numeric columns; ids, text, booleans and `start_ns` say nothing of likeness and
            are left out.
        scene_scores: scene_id and score columns; None where nothing was scored.
        scene_ids: (n,) the scenes wanted, in this order.

    Returns:
        (n, d) values with NaN for null and infinity, columns in the order of their names, so that neither row nor
        column order of the tables matters; and (n,) whether the scene has any value at all.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "speed_mps": [3.0, None], "town": ["x", "y"]})
    >>> values, present = telemetry_matrix(scenes, None, id_array(["a", "b"]))
    >>> values.tolist(), present.tolist()
    ([[3.0], [nan]], [True, False])
    """
    columns = _columns(scenes, scene_ids, [f.name for f in scenes.schema if _is_telemetry(f)])
    if scene_scores is not None:
        columns += _columns(scene_scores, scene_ids, [f.name for f in scene_scores.schema if _is_score(f)])
    values = np.column_stack(columns) if columns else np.zeros((len(scene_ids), 0))
    finite = np.isfinite(values)
    return np.where(finite, values, np.nan), np.asarray(finite.any(axis=1))


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _is_telemetry(field: pa.Field) -> bool:
    return _is_number(field) and field.name not in _NOT_TELEMETRY


def _is_score(field: pa.Field) -> bool:
    return bool(pa.types.is_floating(field.type)) and field.name.endswith(_SCORE_SUFFIXES)


def _columns(table: pa.Table, scene_ids: pa.Array, names: list[str]) -> list[Floats]:
    rows, found = row_of(id_array(table["scene_id"]), scene_ids)
    if not table.num_rows:
        return [np.full(len(scene_ids), np.nan) for _ in names]
    return [np.where(found, _as_floats(table[name])[rows], np.nan) for name in sorted(names)]


def _as_floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values
