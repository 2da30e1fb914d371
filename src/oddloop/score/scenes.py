"""From frame scores to scene scores: a scene's valid frames become one number per summary of `[score.scenes]`.

    <score>_mean  sum / n          <score>_p95   linear interpolation at .95 (n - 1), as `numpy.percentile`
    <score>_max   largest          <score>_topk  mean of the k largest, of all where there are fewer
    <score>_sum   sum              <score>_n     frames with a valid score
    <score>_per_object             of a score that is itself a sum, `..._sum`: its rate per object (`object_rate`)

and, where the frames have times (`over_time` has the formulas, `clock` what a pause is and how long a frame counts):

    <score>_time_above_s     time above the threshold        <score>_change_per_s  movement up and down, per second
    <score>_share_above      its share of the seen time      <score>_trend_per_s   slope, per second
    <score>_longest_above_s  longest time in a row above     <score>_seen_s        time that valid frames hold

The threshold of a score is a quantile of all its valid frame scores in the table, or set. Each summary but the counts
`_n` and `_seen_s` has a `_valid` twin; a scene where it is not defined has null and False. Scenes may be of any length
and their frames in any order.

Time grows with frames x score columns; memory with the frames of one column, since columns are taken one at a time, and
with the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import SceneScoreConfig
from oddloop.derived_tables import SCENE_THRESHOLDS
from oddloop.errors import TableError
from oddloop.score.columns import score_columns
from oddloop.score.scene_frames import SEEN, SceneFrames, column_of, valid_values

_COUNTS = ("n_frames_scored", "n_objects_sum")


def summarize_scenes(
    frame_scores: pa.Table,
    config: SceneScoreConfig | None = None,
    *,
    timestamps_ns: pa.Array | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> pa.Table:
    """Summarise the frame scores of each scene.

    Args:
        frame_scores: `derived_tables.FRAME_SCORES`; the scores are the columns with a `_valid` twin.
        config: which summaries; None is the defaults.
        timestamps_ns: (F,) int64 time of each frame, null where it is not known: such a frame is left out of what needs
            times. None: no summary that needs times.
        thresholds: by score column; None takes those of `find_threshold`.

    Returns:
        `derived_tables.SCENE_SCORES`, sorted by scene_id; a frame whose `n_objects` is null had no prediction and is
        not counted in `n_frames_scored`.

    Raises:
        TableError: a column is missing, a scene_id is null, or there are more or fewer timestamps than frames.

    >>> frames = pa.table({"scene_id": ["b", "a", "b"], "n_objects": [1, 2, 3],
    ...     "risk_max": [0.5, None, 1.5], "risk_max_valid": [True, False, True]})
    >>> scenes = summarize_scenes(frames)
    >>> scenes.select(["scene_id", "risk_max_mean", "risk_max_mean_valid", "risk_max_n"]).to_pylist()[0]
    {'scene_id': 'a', 'risk_max_mean': None, 'risk_max_mean_valid': False, 'risk_max_n': 0}
    """
    config = config or SceneScoreConfig()
    scenes = SceneFrames(frame_scores, config, timestamps_ns)
    columns = scenes.counts()
    for name in score_columns(frame_scores):
        threshold = (thresholds or {}).get(name)
        if threshold is None and scenes.needs_thresholds:
            threshold = find_threshold(frame_scores, name, config)
        columns |= scenes.summarize(frame_scores, name, threshold)
    return pa.table(columns)


def find_threshold(frame_scores: pa.Table, name: str, config: SceneScoreConfig) -> float:
    """The threshold of a score: what the settings say, else the quantile of its valid frame scores.

    Args:
        frame_scores: the score column and its twin, of all frames.
        name: the score column.
        config: the settings.

    Returns:
        the threshold, by linear interpolation as `numpy.quantile`; NaN where no frame is valid.

    >>> frames = pa.table({"risk_max": [0.0, 1.0, None], "risk_max_valid": [True, True, False]})
    >>> find_threshold(frames, "risk_max", SceneScoreConfig(threshold_quantile=0.75))
    0.75
    """
    if name in config.thresholds:
        return config.thresholds[name]
    values = valid_values(frame_scores, name)
    known = values[np.isfinite(values)]
    return float(np.quantile(known, config.threshold_quantile)) if len(known) else float("nan")


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
    ids = [column_of(t, "scene_id") for t in tables]
    scene_ids = pa.concat_arrays(ids).unique()
    scene_ids = scene_ids.take(pc.sort_indices(scene_ids))
    columns = {"scene_id": scene_ids, **dict.fromkeys(_COUNTS, pa.array(np.zeros(len(scene_ids), np.int64)))}
    for table, own in zip(tables, ids, strict=True):
        if pc.count_distinct(own).as_py() != len(own):
            raise TableError("scene scores: a scene_id has two rows in one table; summarise its frames together")
        places = pc.index_in(scene_ids, value_set=own)
        for name in (n for n in table.column_names if n != "scene_id"):
            values = column_of(table, name).take(places)
            if name in _COUNTS:
                values = pc.max_element_wise(columns[name], values)
            elif name in columns:
                raise TableError(f"scene scores: two tables have a column `{name}`; join one table per task")
            columns[name] = pc.fill_null(values, 0.0) if name.endswith(SEEN) else _fill_absent(values)
    return pa.table(columns)


def _fill_absent(values: pa.Array) -> pa.Array:
    """Scenes that a task lacks: not valid, and a count of 0; their scores stay null."""
    if pa.types.is_boolean(values.type):
        return pc.fill_null(values, False)
    return pc.fill_null(values, 0) if pa.types.is_integer(values.type) else values


def threshold_table(thresholds: Mapping[str, float], n_valid: Mapping[str, int], config: SceneScoreConfig) -> pa.Table:
    """What was used as thresholds.

    Args:
        thresholds: by frame score column; NaN where no frame is valid.
        n_valid: valid frames by frame score column.
        config: the settings.

    Returns:
        `derived_tables.SCENE_THRESHOLDS`, in the order of the thresholds.

    >>> threshold_table({"risk_max": 0.5}, {"risk_max": 10}, SceneScoreConfig())["source"].to_pylist()
    ['quantile']
    """
    rows = [
        {
            "score": name,
            "threshold": None if np.isnan(value) else value,
            "source": "setting" if name in config.thresholds else "quantile",
            "quantile": None if name in config.thresholds else config.threshold_quantile,
            "n": n_valid[name],
            "times": config.times,
        }
        for name, value in thresholds.items()
    ]
    return pa.Table.from_pylist(rows, schema=SCENE_THRESHOLDS.schema())
