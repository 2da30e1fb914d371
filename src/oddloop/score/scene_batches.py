"""Frame scores that come batch by batch to scene scores, without ever holding all frames.

Frames mostly come scene by scene. Then a scene is complete when the next one begins, and is summarised. Time grows with
the frames, memory with one batch or `AT_ONCE` frames, the longest scene and the result.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import SceneScoreConfig
from oddloop.score.scene_frames import column_of
from oddloop.score.scenes import summarize_scenes

AT_ONCE = 1 << 17
"""Frames that are gathered before they are summarised: each summary also takes some time by itself."""


def summarize_scene_batches(batches: Iterable[pa.Table], config: SceneScoreConfig | None = None) -> pa.Table | None:
    """Summarise the frame scores of each scene, batch by batch, without frame times.

    Args:
        batches: `derived_tables.FRAME_SCORES`, all with the same columns; a scene may begin in one batch and end in
            another.
        config: which summaries; None is the defaults.

    Returns:
        What `summarize_scenes` makes of all batches at once; None where there is no batch, or where frames of one scene
        stand so far apart that it was summarised before the last of them came.

    Raises:
        TableError: a column is missing, or a scene_id is null.

    >>> frames = pa.table({"scene_id": ["b", "b", "a"], "n_objects": [1, 2, 3],
    ...     "risk_max": [0.5, 1.5, 1.0], "risk_max_valid": [True, True, True]})
    >>> summarize_scene_batches([frames.slice(0, 1), frames.slice(1)])["risk_max_mean"].to_pylist()
    [1.0, 1.0]
    >>> summarize_scene_batches([]) is None
    True
    """
    summaries = [summarize_scenes(frames, config) for frames in _whole_scenes(batches)]
    if not summaries:
        return None
    scenes = pa.concat_tables(summaries)
    if pc.count_distinct(scenes["scene_id"]).as_py() != scenes.num_rows:
        return None
    return scenes.take(pc.sort_indices(scenes["scene_id"])).combine_chunks()


def _whole_scenes(batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Larger batches, such that none ends within a scene."""
    held: list[pa.Table] = []
    n_held = 0
    for batch in batches:
        n_held += batch.num_rows
        if n_held >= AT_ONCE and batch.num_rows:
            start = _start_of_last_scene(column_of(batch, "scene_id"))
            if start or _is_complete(held, batch):
                yield pa.concat_tables([*held, batch.slice(0, start)])
                held, batch = [], batch.slice(start)
                n_held = batch.num_rows
        held.append(batch)
    if held:
        yield pa.concat_tables(held)


def _is_complete(held: list[pa.Table], following: pa.Table) -> bool:
    """Whether what follows begins with another scene than what is held ends with."""
    return bool(held) and held[-1].num_rows > 0 and held[-1]["scene_id"][-1] != following["scene_id"][0]


def _start_of_last_scene(scene_ids: pa.Array) -> int:
    """Row after the last one that is of another scene than the last row is; 0 where there is none."""
    is_other = pc.fill_null(pc.not_equal(scene_ids, scene_ids[-1]), True)
    others = np.flatnonzero(is_other.to_numpy(zero_copy_only=False))
    return int(others[-1]) + 1 if len(others) else 0
