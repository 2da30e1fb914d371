"""From frame scores to scene scores: mean, max, 95th percentile and sum over a scene's valid frames.

    <score>_mean  sum / n          <score>_p95  linear interpolation at .95 (n - 1), as `numpy.percentile`
    <score>_max   largest          <score>_sum  sum
    <score>_n     frames with a valid score

Each of the four has a `_valid` twin; a scene without a valid frame has null and False, and n = 0. Scenes may be of any
length and their frames in any order.

Time grows with frames x score columns; memory with the frames of one column, since columns are taken one at a time, and
with the result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.columns import VALID, score_columns, with_valid
from oddloop.score.ragged import group_max, group_quantile, group_sum

_COUNTS = ("n_frames_scored", "n_objects_sum")


def summarize_scenes(frame_scores: pa.Table) -> pa.Table:
    """Summarise the frame scores of each scene.

    Args:
        frame_scores: `derived_tables.FRAME_SCORES`; the scores are the columns with a `_valid` twin.

    Returns:
        `derived_tables.SCENE_SCORES`, sorted by scene_id; a frame whose `n_objects` is null had no prediction and is
        not counted in `n_frames_scored`.

    Raises:
        TableError: a column is missing, or a scene_id is null.

    >>> frames = pa.table({"scene_id": ["b", "a", "b"], "n_objects": [1, 2, 3],
    ...     "risk_max": [0.5, None, 1.5], "risk_max_valid": [True, False, True]})
    >>> scenes = summarize_scenes(frames)
    >>> scenes.select(["scene_id", "risk_max_mean", "risk_max_mean_valid", "risk_max_n"]).to_pylist()[0]
    {'scene_id': 'a', 'risk_max_mean': None, 'risk_max_mean_valid': False, 'risk_max_n': 0}
    """
    scene_ids, order, offsets = _group_frames(_column(frame_scores, "scene_id"))
    n_objects = _column(frame_scores, "n_objects")
    has_answer = n_objects.is_valid().to_numpy(zero_copy_only=False)[order]
    counts = pc.fill_null(n_objects, 0).to_numpy(zero_copy_only=False)[order]
    columns = {
        "scene_id": scene_ids,
        "n_frames_scored": pa.array(_differences(has_answer, offsets)),
        "n_objects_sum": pa.array(_differences(counts, offsets)),
    }
    for name in score_columns(frame_scores):
        valid = pc.fill_null(_column(frame_scores, name + VALID), False).to_numpy(zero_copy_only=False)
        columns |= _summarize(name, _floats(_column(frame_scores, name))[order], valid[order], offsets)
    return pa.table(columns)


def join_scene_scores(tables: Sequence[pa.Table]) -> pa.Table:
    """Join the scene scores of several tasks by scene_id; a scene that a task lacks is not valid there.

    `n_frames_scored` and `n_objects_sum` are the largest of any task: tasks look at the same frames and objects.

    Args:
        tables: `derived_tables.SCENE_SCORES` of different tasks, at least one.

    Returns:
        `derived_tables.SCENE_SCORES` of all scenes, sorted by scene_id.

    Raises:
        TableError: there is no table, two tables have a score of the same name, or a scene has two rows.

    >>> counts = {"n_frames_scored": [1], "n_objects_sum": [0]}
    >>> a = pa.table({"scene_id": ["a"], **counts, "risk_max": [0.5], "risk_max_valid": [True], "risk_n": [1]})
    >>> b = pa.table({"scene_id": ["b"], **counts})
    >>> join_scene_scores([a, b])["risk_max_valid"].to_pylist()
    [True, False]
    """
    if not tables:
        raise TableError("scene scores: nothing to join; run `oddloop score` for a model that has predictions")
    ids = [_column(t, "scene_id") for t in tables]
    scene_ids = pa.concat_arrays(ids).unique()
    scene_ids = scene_ids.take(pc.sort_indices(scene_ids))
    columns = {"scene_id": scene_ids, **dict.fromkeys(_COUNTS, pa.array(np.zeros(len(scene_ids), np.int64)))}
    for table, own in zip(tables, ids, strict=True):
        if pc.count_distinct(own).as_py() != len(own):
            raise TableError("scene scores: a scene_id has two rows in one table; summarise its frames together")
        places = pc.index_in(scene_ids, value_set=own)
        for name in (n for n in table.column_names if n != "scene_id"):
            values = _column(table, name).take(places)
            if name in _COUNTS:
                values = pc.max_element_wise(columns[name], values)
            elif name in columns:
                raise TableError(f"scene scores: two tables have a column `{name}`; join one table per task")
            columns[name] = _fill_absent(values)
    return pa.table(columns)


def _summarize(name: str, values: FloatArray, valid: BoolArray, offsets: IntArray) -> dict[str, pa.Array]:
    """Columns of one score, its frames sorted by scene."""
    kept = valid & ~np.isnan(values)
    bounds = np.concatenate([[0], np.cumsum(kept)])[offsets]
    values, n = values[kept], np.diff(bounds)
    sums = group_sum(values, bounds)
    with np.errstate(invalid="ignore"):
        results = {"mean": sums / n, "max": group_max(values, bounds), "p95": group_quantile(values, bounds, 0.95)}
    columns: dict[str, pa.Array] = {}
    for suffix, result in {**results, "sum": sums}.items():
        columns |= with_valid(f"{name}_{suffix}", np.where(n > 0, result, np.nan))
    return {**columns, f"{name}_n": pa.array(n)}


def _group_frames(scene_ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.integer] | slice, IntArray]:
    """Scene ids in order, an order of frames by scene (that keeps theirs), and each scene's bounds in it."""
    if scene_ids.null_count:
        raise TableError(f"frame scores: scene_id is null in {scene_ids.null_count:,} rows; run `oddloop check`")
    encoded = scene_ids if pa.types.is_dictionary(scene_ids.type) else scene_ids.dictionary_encode()
    ranks = np.empty(len(encoded.dictionary), np.int32)
    by_name = pc.sort_indices(encoded.dictionary)
    ranks[by_name.to_numpy()] = np.arange(len(ranks), dtype=np.int32)
    codes = ranks[encoded.indices.to_numpy()]
    offsets = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(ranks)))])
    is_sorted = bool((codes[1:] >= codes[:-1]).all())
    order = slice(None) if is_sorted else np.argsort(codes, kind="stable")
    return encoded.dictionary.take(by_name).cast(pa.string()), order, offsets


def _differences(counts: npt.NDArray[np.generic], offsets: IntArray) -> IntArray:
    """Exact integer sums of each group."""
    return np.diff(np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])[offsets])


def _column(table: pa.Table, name: str) -> pa.Array:
    if name not in table.column_names:
        raise TableError(f"scores: column `{name}` is missing; there are: {', '.join(table.column_names)}")
    return table[name].combine_chunks()


def _floats(values: pa.Array) -> FloatArray:
    return values.cast(pa.float64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _fill_absent(values: pa.Array) -> pa.Array:
    """Scenes that a task lacks: not valid, and a count of 0; their scores stay null."""
    if pa.types.is_boolean(values.type):
        return pc.fill_null(values, False)
    return pc.fill_null(values, 0) if pa.types.is_integer(values.type) else values
