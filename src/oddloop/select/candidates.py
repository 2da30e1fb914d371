"""Scenes that may be picked, with their cost and score.

A candidate is a scene of the pool (not held out for evaluation) without labels whose cost can be predicted. Time
O(n log n), memory O(n).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CostConfig
from oddloop.derived_tables import CANDIDATES
from oddloop.errors import ConfigError, TableError
from oddloop.ids import Ids, id_array
from oddloop.select.arrays import gather, in_pool
from oddloop.select.cost import predict_cost
from oddloop.select.pool import Bools

_NOTHING: Mapping[str, Ids] = {}


def build_candidates(
    scenes: pa.Table,
    labelled_ids: Ids,
    scene_scores: pa.Table | None,
    score_column: str,
    config: CostConfig,
    exclude: Sequence[str] = (),
    set_aside: Mapping[str, Ids] = _NOTHING,
) -> tuple[pa.Table, dict[str, int]]:
    """List the scenes that may be picked.

    Args:
        scenes: SCENES; `n_frames` and `split` may be absent.
        labelled_ids: ids of the scenes that have labels: an Arrow column or a collection of strings.
        scene_scores: SCENE_SCORES; gives n_objects (0 where it does not know the scene), the score, and n_frames where
            `scenes` has none; None where nothing was scored.
        score_column: the column of `scene_scores` to rank by; "" for none, which leaves `score` null.
        config: prices.
        exclude: true-or-false columns of `scenes`, such as `sensor_fault`; a scene with one true is left out.
        set_aside: ids of scenes that people have set aside, by why, such as `rejected`.

    Returns:
        CANDIDATES sorted by scene_id, and how many scenes were left out: `not_in_pool`, `labelled`, `no_frame_count`,
        `flagged`, and the reasons of `set_aside` (each scene counts once, in this order). A
        score that is not valid or not finite is null.

    Raises:
        TableError: a scene is there twice, or a count is negative.
        ConfigError: a column of `exclude` is not there, or does not hold true and false.

    >>> scenes = pa.table({"scene_id": ["b", "a", "c"], "log_id": ["l"] * 3, "n_frames": [10, 20, 30]})
    >>> table, n_excluded = build_candidates(scenes, ["c"], None, "", CostConfig(per_frame=0.5))
    >>> table.select(["scene_id", "cost", "score"]).to_pylist(), n_excluded["labelled"]
    ([{'scene_id': 'a', 'cost': 10.0, 'score': None}, {'scene_id': 'b', 'cost': 5.0, 'score': None}], 1)
    """
    ids = id_array(scenes["scene_id"])
    _refuse_duplicates(ids)
    n_frames = _n_frames(scenes, ids, scene_scores)
    is_pool = in_pool(scenes)
    unlabelled = ~pc.is_in(ids, value_set=id_array(labelled_ids)).to_numpy(zero_copy_only=False)
    counted = pc.is_valid(n_frames).to_numpy(zero_copy_only=False)
    n_excluded = {
        "not_in_pool": int((~is_pool).sum()),
        "labelled": int((is_pool & ~unlabelled).sum()),
        "no_frame_count": int((is_pool & unlabelled & ~counted).sum()),
    }
    usable = is_pool & unlabelled & counted
    if exclude:
        flagged = _flagged(scenes, exclude)
        n_excluded["flagged"] = int((usable & flagged).sum())
        usable &= ~flagged
    for reason, aside in set_aside.items():
        mine = pc.is_in(ids, value_set=id_array(aside)).to_numpy(zero_copy_only=False)
        n_excluded[reason] = int((usable & mine).sum())
        usable &= ~mine
    rows = pa.array(np.flatnonzero(usable))
    rows = rows.take(pc.sort_indices(ids.take(rows)))
    logs = scenes["log_id"].take(rows).cast(pa.string())
    return _table(logs, ids.take(rows), n_frames.take(rows), scene_scores, score_column, config), n_excluded


def _refuse_duplicates(ids: pa.Array) -> None:
    if pc.count_distinct(ids).as_py() < len(ids):
        counts = pc.value_counts(ids)
        twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")[0]
        raise TableError(f"scenes: scene_id {twice.as_py()!r} is there more than once; run `oddloop check`")


def _flagged(scenes: pa.Table, exclude: Sequence[str]) -> Bools:
    flagged = np.zeros(scenes.num_rows, dtype=bool)
    for name in exclude:
        if name not in scenes.column_names or not pa.types.is_boolean(scenes.schema.field(name).type):
            known = [field.name for field in scenes.schema if pa.types.is_boolean(field.type)]
            raise ConfigError(
                f"[select] exclude names {name!r}, which is no true-or-false column of `scenes`; "
                f"there are: {', '.join(known) or 'none'}"
            )
        flagged |= pc.fill_null(scenes[name], False).to_numpy()
    return flagged


def _n_frames(scenes: pa.Table, ids: pa.Array, scene_scores: pa.Table | None) -> pa.Array:
    known = pa.nulls(len(ids), pa.int64())
    if "n_frames" in scenes.column_names:
        known = scenes["n_frames"].cast(pa.int64()).combine_chunks()
    if scene_scores is None:
        return known
    return pc.coalesce(known, gather(scene_scores, "n_frames_scored", ids).cast(pa.int64()))


def _table(
    logs: pa.ChunkedArray,
    ids: pa.Array,
    n_frames: pa.Array,
    scene_scores: pa.Table | None,
    score_column: str,
    config: CostConfig,
) -> pa.Table:
    n_objects = pa.nulls(len(ids), pa.int64()) if scene_scores is None else gather(scene_scores, "n_objects_sum", ids)
    n_objects = pc.fill_null(n_objects.cast(pa.int64()), 0)
    n_frames, n_objects = _to_label(n_frames, n_objects, config.frames_per_scene)
    score = _score(scene_scores, score_column, ids)
    columns = {
        "scene_id": ids,
        "log_id": logs,
        "n_frames": n_frames,
        "n_objects": n_objects,
        "cost": predict_cost(n_frames.to_numpy(), n_objects.to_numpy(), config),
        "score": score,
        "score_valid": pc.is_valid(score),
    }
    return pa.table(columns, schema=CANDIDATES.schema()).replace_schema_metadata({"score_column": score_column})


def _to_label(n_frames: pa.Array, n_objects: pa.Array, most: int | None) -> tuple[pa.Array, pa.Array]:
    """Frames that would be labelled, and the objects in them, where those of a scene are spread evenly."""
    if most is None:
        return n_frames, n_objects
    labelled = pc.min_element_wise(n_frames, pa.scalar(most, pa.int64()))
    share = labelled.to_numpy() / np.maximum(n_frames.to_numpy(), 1)
    return labelled, pa.array(np.round(n_objects.to_numpy() * share).astype(np.int64))


def _score(scene_scores: pa.Table | None, column: str, ids: pa.Array) -> pa.Array:
    if scene_scores is None or not column:
        return pa.nulls(len(ids), pa.float64())
    score = gather(scene_scores, column, ids).cast(pa.float64())
    valid = pc.is_finite(score)
    if f"{column}_valid" in scene_scores.column_names:
        valid = pc.and_(valid, gather(scene_scores, f"{column}_valid", ids))
    return pc.if_else(pc.fill_null(valid, False), score, None)
