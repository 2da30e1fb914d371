"""Forecasts as the Argoverse 2 challenge wants them, and the rows of `predictions/trajectory` that they become.

    scenario_id, track_id, probability, predicted_trajectory_x and _y        a row per mode

Time and memory grow with the forecasts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.exchange.sources.base import PartError, pick_columns, reading

_LIST = pa.list_(pa.float64())
_FORECASTS = pa.schema(
    [
        pa.field("scenario_id", pa.string(), nullable=False),
        pa.field("track_id", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("predicted_trajectory_x", _LIST, nullable=False),
        pa.field("predicted_trajectory_y", _LIST, nullable=False),
    ]
)


def read_forecasts(file: Path) -> pa.Table:
    """Forecasts of a file, with `file` beside.

    Raises:
        PartError: it is damaged or lacks a column, a mode is uneven or not finite, or a probability is none.
    """
    with reading(file):
        table = pq.read_table(file)
    table = pick_columns(table, _FORECASTS, file).append_column("file", pa.repeat(str(file), table.num_rows))
    sizes = [pc.list_value_length(table[f"predicted_trajectory_{axis}"]).to_numpy() for axis in "xy"]
    if (sizes[0] != sizes[1]).any():
        raise PartError.of(file, "uneven", "a predicted trajectory has not as many x as y")
    finite = [pc.all(pc.is_finite(pc.list_flatten(table[f"predicted_trajectory_{a}"]))).as_py() for a in "xy"]
    if False in finite:
        raise PartError.of(file, "not-finite", "a predicted trajectory holds a number that is not finite")
    if pc.any(pc.or_(pc.less(table["probability"], 0), pc.greater(table["probability"], 1))).as_py():
        raise PartError.of(file, "bad-probability", "a probability is not in [0, 1]")
    return table


def modes_of(forecasts: pa.Table, starts: pa.Table) -> pa.Table:
    """Rows of `predictions/trajectory`: the modes of each track together, likeliest first, as one member.

    Args:
        forecasts: of scenarios that are there.
        starts: `scene_id`, and the `frame_id` where its forecasts begin.
    """
    order = [("scenario_id", "ascending"), ("track_id", "ascending"), ("probability", "descending")]
    rows = forecasts.sort_by(order).combine_chunks()
    key = pc.binary_join_element_wise(rows["scenario_id"], rows["track_id"], "\n").combine_chunks()
    is_first = np.r_[True, np.asarray(pc.not_equal(key[1:], key[:-1]).to_numpy(zero_copy_only=False))]
    start = np.r_[np.flatnonzero(is_first), rows.num_rows].astype(np.int32)
    x, y = (pc.list_flatten(rows[f"predicted_trajectory_{axis}"]).to_numpy() for axis in "xy")
    points = pa.FixedSizeListArray.from_arrays(pa.array(np.stack([x, y], 1).reshape(-1).astype(np.float32)), 2)
    steps = pc.list_value_length(rows["predicted_trajectory_x"]).to_numpy()
    paths = pa.ListArray.from_arrays(pa.array(np.r_[0, np.cumsum(steps)].astype(np.int32)), points)
    one = pa.array(np.arange(len(start), dtype=np.int32))
    modes = pa.ListArray.from_arrays(one, pa.ListArray.from_arrays(pa.array(start), paths))
    probs = pa.ListArray.from_arrays(pa.array(start), rows["probability"].combine_chunks().cast(pa.float32()))
    firsts = rows.take(pa.array(start[:-1]))
    frame = pc.index_in(firsts["scenario_id"], value_set=starts["scene_id"].combine_chunks())
    return pa.table(
        {
            "frame_id": starts["frame_id"].take(frame),
            "scene_id": firsts["scenario_id"],
            "agent_id": firsts["track_id"],
            "mode_probs": pa.ListArray.from_arrays(one, probs),
            "modes": modes,
        }
    )
