"""Frame scores from risk that a model has stated itself: `risk_<measure>_<reduction>`, over the rows of a frame.

    collision_prob   as given, in [0, 1]; `..._any` is 1 - prod(1 - p), the rows taken as independent
    criticality      as given, any finite number, larger = more critical

Which measures there are depends on which of the two columns the batch has. A value that is null, not finite or, of a
probability, outside [0, 1] makes its frame not valid. `n_objects` counts rows that name an agent. The rows of a frame
stand together. Time and memory grow with the rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.columns import frame_table, reduce_objects
from oddloop.score.nested import column, given, texts
from oddloop.score.ragged import group_sum
from oddloop.score.risk.collision import any_collision_probability
from oddloop.score.trajectory import frame_offsets

MEASURES = ("collision_prob", "criticality")


def score_risk(batch: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score a batch of stated risks.

    Args:
        batch: rows of `tables.RISK`, whole frames.
        config: reductions over the rows of a frame.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the frames' order.

    Raises:
        TableError: a column is missing or of the wrong type, or the rows of a frame do not stand together.

    >>> batch = pa.table({"frame_id": ["f", "f"], "scene_id": ["s", "s"], "collision_prob": [0.5, 0.5]})
    >>> found = score_risk(batch, ScoreConfig(reductions=("max",)))
    >>> found["risk_collision_prob_max"].to_pylist(), found["risk_collision_prob_any"].to_pylist()
    ([0.5], [0.75])
    """
    frame_ids, scene_ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    offsets = frame_offsets(frame_ids)
    present = [name for name in MEASURES if name in batch.column_names] or [MEASURES[0]]
    values = {name: _numbers(batch, name) for name in present}
    answered = np.ones(len(offsets) - 1, np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = reduce_objects("risk", values, offsets, answered, config)
    if "collision_prob" in values:
        scores["risk_collision_prob_any"] = any_collision_probability(values["collision_prob"], offsets)
    scores = {name: np.where(np.isfinite(one), one, np.nan) for name, one in scores.items()}
    named = given(texts(batch, "agent_id")) if "agent_id" in batch.column_names else np.zeros(batch.num_rows, np.bool_)
    n_objects = group_sum(named, offsets).astype(np.int64)
    heads = pa.array(offsets[:-1])
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), n_objects, answered, scores)


def _numbers(batch: pa.Table, name: str) -> FloatArray:
    """(N,) finite values, NaN for all others."""
    values = column(batch, name)
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan)
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        raise TableError(f"predictions: `{name}` must hold numbers; got {values.type}; run `oddloop check`")
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    is_good = np.isfinite(numbers)
    if name == "collision_prob":
        is_good &= (numbers >= 0) & (numbers <= 1)
    return np.where(is_good, numbers, np.nan)
