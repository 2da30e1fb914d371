"""When each scored frame was: from the table `frames`, or spread evenly over its scene."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError


def frame_times(frame_ids: pa.Array, frames: pa.Table) -> pa.Array:
    """Times of frames by their ids.

    Args:
        frame_ids: (F,) ids.
        frames: frame_id and timestamp_ns of `tables.FRAMES`.

    Returns:
        (F,) int64 ns since the Unix epoch; null where `frames` does not have the frame.

    Raises:
        TableError: a frame stands twice in `frames`.

    >>> frames = pa.table({"frame_id": ["a", "b"], "timestamp_ns": [10, 20]})
    >>> frame_times(pa.array(["b", "x"]), frames).to_pylist()
    [20, None]
    """
    known = frames["frame_id"].combine_chunks()
    times = frames["timestamp_ns"].cast(pa.int64()).combine_chunks()
    if known.equals(frame_ids):  # the usual case, and much the fastest
        return times
    if pc.count_distinct(known).as_py() < len(known):
        raise TableError("frames: a frame_id stands twice; run `oddloop check`")
    return times.take(pc.index_in(frame_ids, value_set=known))


def even_times(scene_ids: pa.Array, scenes: pa.Table) -> pa.Array:
    """Times of frames from nothing but the length of their scene: n frames, each duration / n after the one before.

    Args:
        scene_ids: (F,) scene of each frame; a scene's frames stand in order of time.
        scenes: scene_id and duration_s of `tables.SCENES`.

    Returns:
        (F,) int64 ns since the scene began, rounded; null where `scenes` does not have the scene or its duration.

    >>> scenes = pa.table({"scene_id": ["a"], "duration_s": [3.0]})
    >>> even_times(pa.array(["a", "b", "a"]), scenes).to_pylist()
    [0, None, 1500000000]
    """
    places = pc.index_in(scene_ids, value_set=scenes["scene_id"].combine_chunks())
    durations = scenes["duration_s"].combine_chunks().cast(pa.float64()).take(places)
    known = durations.is_valid().to_numpy(zero_copy_only=False)
    codes = pc.fill_null(places, -1).to_numpy()
    order = np.argsort(codes, kind="stable")
    _, starts, lengths = np.unique(codes[order], return_index=True, return_counts=True)
    place = np.empty(len(codes), np.int64)
    place[order] = np.arange(len(codes)) - np.repeat(starts, lengths)
    n = np.empty(len(codes), np.int64)
    n[order] = np.repeat(lengths, lengths)
    seconds = pc.fill_null(durations, 0.0).to_numpy(zero_copy_only=False) * place / np.maximum(n, 1)
    return pa.array(np.rint(seconds * 1e9).astype(np.int64), mask=~known)
