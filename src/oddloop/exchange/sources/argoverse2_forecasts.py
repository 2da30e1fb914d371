"""Forecasts as the Argoverse 2 challenge wants them, and the rows of `predictions/trajectory` that they become.

    scenario_id, track_id, probability, predicted_trajectory_x and _y        a row per mode

Time and memory grow with the forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.exchange.sources.base import PartError, pick_columns, reading

_TRACK = ("scenario_id", "track_id")
_ROUNDING = 1e-3
_UNEVEN = "modes of track {track} of scenario {scenario} are not all of one length"
_ABOVE = "probabilities of track {track} of scenario {scenario} add up to more than 1; is it in two files?"
_NOT_THERE = "track {track} of scenario {scenario} is not there where forecasts begin; are they of another version?"
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


def read_forecasts(files: Sequence[Path]) -> pa.Table:
    """Forecasts of a model, of one file or more in one folder.

    Raises:
        PartError: a file is damaged or lacks a column, a mode is uneven or not finite, a probability is none, or the
            modes of a track do not belong together.
    """
    table = pa.concat_tables([_read(file) for file in files])
    n_steps = pc.list_value_length(table["predicted_trajectory_x"])
    of_track = table.select(_TRACK).append_column("p", table["probability"]).append_column("n", n_steps)
    of_track = of_track.group_by(_TRACK, use_threads=False).aggregate([("p", "sum"), ("n", "min"), ("n", "max")])
    _refuse(of_track, pc.not_equal(of_track["n_min"], of_track["n_max"]), files[0].parent, "uneven", _UNEVEN)
    _refuse(of_track, pc.greater(of_track["p_sum"], 1.0 + _ROUNDING), files[0].parent, "bad-probability", _ABOVE)
    return table


def refuse_unknown_tracks(forecasts: pa.Table, starts: pa.Table, folder: Path) -> None:
    """Refuse forecasts of tracks that are not there where forecasts begin.

    Args:
        forecasts: of scenarios that are there.
        starts: `scene_id` and `agent_id` of all who are there then.
        folder: the model's.

    Raises:
        PartError: names the first such track, and counts the forecasts.
    """
    there = pc.binary_join_element_wise(starts["scene_id"], starts["agent_id"], "\n").combine_chunks()
    key = pc.binary_join_element_wise(forecasts["scenario_id"], forecasts["track_id"], "\n")
    _refuse(forecasts, pc.invert(pc.is_in(key, value_set=there)), folder, "no-such-track", _NOT_THERE)


def _refuse(rows: pa.Table, is_bad: pa.ChunkedArray, folder: Path, code: str, message: str) -> None:
    bad = rows.filter(is_bad)
    if bad.num_rows:
        scenario, track = (bad[name][0].as_py() for name in _TRACK)
        raise PartError.of(folder, code, message.format(track=track, scenario=scenario), bad.num_rows)


def _read(file: Path) -> pa.Table:
    with reading(file):
        table = pq.read_table(file)
    table = pick_columns(table, _FORECASTS, file)
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
