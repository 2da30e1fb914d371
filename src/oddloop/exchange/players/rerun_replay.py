"""A scene's replay as a recording of Rerun (.rrd): road users as boxes, and the model's scores on the same timeline.

Written through `rerun-sdk` (extra `rerun`), which is imported only here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import MissingExtraError, OddloopError, TableError

TIMELINE = "time"
_COLUMNS = ("x_m", "y_m", "heading_rad", "length_m", "width_m")
_ASSUMED = {"length_m": 4.5, "width_m": 1.9}
"""Size of a car, where that of a road user is not known."""
_HEIGHT_M = 1.6
_COLOURS = {True: (213, 94, 0), False: (0, 114, 178)}
"""Of the ego vehicle and of others: vermilion and blue, told apart by the colour-blind too (Okabe and Ito 2008)."""
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class PlayerError(OddloopError):
    """A replay cannot be written."""


def write_replay(path: Path, scene_id: str, tracks: pa.Table, scores: pa.Table | None = None) -> int:
    """Write a scene's replay.

    Args:
        path: file to write; it must not be there yet.
        scene_id: name of the recording.
        tracks: TRACKS of the scene.
        scores: `timestamp_ns` and a column per score, NaN or null where there is none; None for none.

    Returns:
        how many instants it has.

    Raises:
        MissingExtraError: `rerun-sdk` is not installed.
        PlayerError: the file is there already.
        TableError: there are no tracks.
    """
    try:
        import rerun
    except ImportError as error:
        raise MissingExtraError("writing .rrd needs `rerun-sdk`; pip install 'oddloop[rerun]'") from error
    if path.exists():
        raise PlayerError(f"{path} is there already; give another name, or remove it")
    if not tracks.num_rows:
        raise TableError(f"tracks: there are none of scene {scene_id!r}")
    times = tracks["timestamp_ns"].to_numpy()
    order = np.argsort(times, kind="stable")
    instants, starts = np.unique(times[order], return_index=True)
    with rerun.RecordingStream("oddloop", recording_id=scene_id) as recording:
        recording.save(path)
        _send_boxes(recording, tracks.take(pa.array(order)), instants, starts)
        if scores is not None:
            _send_scores(recording, scores, int(instants[0]))
    recording.disconnect()
    return len(instants)


def _send_boxes(recording: Any, tracks: pa.Table, instants: Ints, starts: Ints) -> None:
    import rerun

    x, y, turn, length, width = (_numbers(tracks, name) for name in _COLUMNS)
    names = tracks["agent_id"].cast(pa.string()).fill_null("").to_pylist()
    colours = np.array([_COLOURS[bool(ego)] for ego in _is_ego(tracks)], dtype=np.uint8)
    centres = np.stack([x, y, np.full(len(x), _HEIGHT_M / 2)], axis=1)
    halves = np.stack([length, width, np.full(len(x), _HEIGHT_M)], axis=1) / 2
    zero = np.zeros(len(x))
    turns = np.stack([zero, zero, np.sin(turn / 2), np.cos(turn / 2)], axis=1)
    for instant, begin, end in zip(instants, starts, np.append(starts[1:], len(x)), strict=True):
        recording.set_time(TIMELINE, duration=(int(instant) - int(instants[0])) / 1e9)
        some = slice(begin, end)
        boxes = rerun.Boxes3D(
            centers=centres[some],
            half_sizes=halves[some],
            quaternions=turns[some],
            colors=colours[some],
            labels=names[some],
        )
        recording.log("scene/road_users", boxes)


def _send_scores(recording: Any, scores: pa.Table, first_ns: int) -> None:
    import rerun

    at = (scores["timestamp_ns"].to_numpy() - first_ns) / 1e9
    for name in scores.column_names:
        if name == "timestamp_ns":
            continue
        values = scores[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        there = np.isfinite(values)
        if there.any():
            time = rerun.TimeColumn(TIMELINE, duration=at[there])
            recording.send_columns(
                f"scores/{name}", indexes=[time], columns=rerun.Scalars.columns(scalars=values[there])
            )


def _numbers(tracks: pa.Table, name: str) -> Floats:
    if name not in tracks.column_names:
        return np.full(tracks.num_rows, _ASSUMED.get(name, 0.0))
    values = tracks[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(values), values, _ASSUMED.get(name, 0.0))


def _is_ego(tracks: pa.Table) -> list[bool]:
    if "is_ego" not in tracks.column_names:
        return [False] * tracks.num_rows
    return list(pc.fill_null(tracks["is_ego"], False).to_pylist())
