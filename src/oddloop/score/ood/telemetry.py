"""Numeric columns of `scenes` as a matrix, and the name of its source.

A scene with a missing value is not scored by these methods: give columns that most scenes have. Time and memory
O(scenes x columns).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.columns import frame_table
from oddloop.score.nested import column
from oddloop.score.ood.methods import score_features
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics


def telemetry_columns(scenes: pa.Table) -> list[str]:
    """Names of the numeric columns, in alphabetical order, without `start_ns`, which only says when.

    >>> telemetry_columns(pa.table({"scene_id": ["a"], "start_ns": [0], "speed_mps": [2.0], "is_wet": [True]}))
    ['speed_mps']
    """
    numeric = (f.name for f in scenes.schema if pa.types.is_integer(f.type) or pa.types.is_floating(f.type))
    return sorted(name for name in numeric if name != "start_ns")


def telemetry_matrix(scenes: pa.Table, columns: Sequence[str]) -> FloatArray:
    """Gather columns.

    Args:
        scenes: rows of `tables.SCENES`.
        columns: numeric columns, in this order.

    Returns:
        (N,d) float64; NaN where null.

    Raises:
        TableError: a column is missing, or not numeric.

    >>> telemetry_matrix(pa.table({"speed_mps": [2.0, None], "n_turns": [1, 0]}), ["n_turns", "speed_mps"])
    array([[ 1.,  2.],
           [ 0., nan]])
    """
    known = telemetry_columns(scenes)
    wrong = [name for name in columns if name not in known]
    if wrong:
        raise TableError(f"scenes: no numeric columns {', '.join(wrong)}; there are: {', '.join(known)}")
    matrix = np.empty((scenes.num_rows, len(columns)))
    for i, name in enumerate(columns):
        matrix[:, i] = scenes[name].cast(pa.float64(), safe=False).to_numpy()
    return matrix


def telemetry_source(model_id: str, columns: Sequence[str]) -> Source:
    """The source of telemetry: statistics of other columns, or of the scenes of another model, are refused.

    >>> telemetry_source("m1", ["n_turns", "speed_mps"]).encoder_id
    'telemetry:n_turns,speed_mps'
    """
    return Source(model_id, f"telemetry:{','.join(columns)}")


def score_ood_telemetry(
    scenes: pa.Table, stats: Sequence[Statistics], *, model_id: str, columns: Sequence[str]
) -> pa.Table:
    """Score scenes by their telemetry, in the form of frame scores: a scene is its own only frame.

    Args:
        scenes: rows of `tables.SCENES`.
        stats: fitted statistics of telemetry, of different methods.
        model_id: the model whose training scenes they were fitted to.
        columns: the columns that they were fitted to, in that order.

    Returns:
        `derived_tables.FRAME_SCORES` with `ood_<method>` per statistics; not valid where a value is missing.

    Raises:
        TableError: a column is missing or not numeric, or statistics are of another model or other columns.

    >>> from oddloop.score.ood import fit_ecod, training_set
    >>> scenes = pa.table({"scene_id": ["a", "b", "c"], "speed_mps": [1.0, 2.0, 9.0]})
    >>> source, matrix = telemetry_source("m1", ["speed_mps"]), telemetry_matrix(scenes, ["speed_mps"])
    >>> ecod = fit_ecod(training_set(matrix, scenes["scene_id"], ["a", "b"], source))
    >>> found = score_ood_telemetry(scenes, [ecod], model_id="m1", columns=["speed_mps"])
    >>> found["ood_ecod"].to_numpy().round(4)
    array([0.4055, 0.4055, 1.0986])
    """
    matrix, source = telemetry_matrix(scenes, columns), telemetry_source(model_id, columns)
    scores = {f"ood_{s.method}": score_features(s, matrix, source=source) for s in stats}
    ids = column(scenes, "scene_id")
    return frame_table(ids, ids, np.zeros(len(ids), np.int64), np.ones(len(ids), np.bool_), scores)
