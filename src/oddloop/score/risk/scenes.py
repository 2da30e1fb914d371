"""Scene scores from tracks, of what takes time: `risk_<measure>_<reduction>`, reduced over the vehicles of a scene.

    time_exposed                time with TTC at or below `ttc_s` (TET)                               s      [0, inf)
    time_integrated             sum of (`ttc_s` - TTC) over time (TIT)                                s²     [0, inf)
    hard_braking                time with a deceleration of `hard_braking_mps2` or more               s      [0, inf)
    jerk                        largest jerk, up or down                                              m/s³   [0, inf)
    min_distance_shortfall      `reach_m` less the smallest distance to another vehicle, 0 beyond     m      [0, reach]
    encroachment_shortfall      `pet_s` less the smallest post-encroachment time with the ego         s      [0, inf)

Larger is more worth labelling. A row stands for half the time to its neighbours of the same vehicle, at most
`braking.MAX_STEP_S` each. Post-encroachment times are of the ego vehicle's path and each other one, so they exist only
where `is_ego` says which it is; paths are thinned to 128 positions for them, speeds being constant in between.

A reduction is over the vehicles for which a measure exists (with `vehicles = "ego"`: over the ego vehicle), and a scene
where it exists for none is not valid. A vehicle whose state is not known for a moment has no TTC or distance then.

Time grows with the pairs of vehicles within 100 m, and with vehicles x 128² for encroachment; memory with the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from oddloop.config import RiskConfig, ScoreConfig
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.columns import with_valid
from oddloop.score.nested import column, texts
from oddloop.score.ragged import group_max, group_sum
from oddloop.score.risk.braking import MAX_STEP_S, hard_braking_time, jerk
from oddloop.score.risk.crossing import Paths, post_encroachment_time
from oddloop.score.risk.exposure import time_exposed, time_integrated
from oddloop.score.risk.frames import keep_ego, read_ego, read_tracks, reduce_existing
from oddloop.score.risk.headway import shortfall, time_to_collision
from oddloop.score.risk.leads import find_leads
from oddloop.score.risk.proximity import nearest_distance

_PATH_STEPS = 128


def score_track_scenes(batch: pa.Table, config: ScoreConfig, settings: RiskConfig | None = None) -> pa.Table:
    """Score the scenes of a batch of vehicle states.

    Args:
        batch: rows of `tables.TRACKS`, whole scenes.
        config: reductions over the vehicles of a scene.
        settings: thresholds, and whose risk counts; the defaults where None.

    Returns:
        `derived_tables.SCENE_SCORES` with a column per measure and reduction and no counts of frames or objects, in the
        scenes' order.

    Raises:
        TableError: a column is missing or of the wrong type, or the rows of a frame do not stand together.

    >>> batch = pa.table({"scene_id": ["s"] * 3, "frame_id": ["a", "b", "c"], "agent_id": ["v"] * 3,
    ...     "timestamp_ns": [0, 10**9, 2 * 10**9], "x_m": [0.0, 18.0, 32.0], "y_m": [0.0] * 3,
    ...     "heading_rad": [0.0] * 3, "speed_mps": [20.0, 16.0, 12.0], "length_m": [4.0] * 3, "width_m": [2.0] * 3})
    >>> score_track_scenes(batch, ScoreConfig(reductions=("max",)))["risk_hard_braking_max"].to_pylist()
    [2.0]
    """
    settings = settings or RiskConfig()
    ego = read_ego(batch)
    rows = _rows(batch, ego)
    values = _measure(batch, rows, settings)
    if settings.vehicles == "ego":
        values = keep_ego(values, rows.is_ego if ego is not None else None)
    columns: dict[str, pa.Array] = {"scene_id": rows.scene_ids}
    none = pa.array(np.zeros(len(rows.scene_ids), np.int64))
    columns |= {"n_frames_scored": none, "n_objects_sum": none}
    for name, one in values.items():
        for how in config.reductions:
            columns |= with_valid(f"risk_{name}_{how}", reduce_existing(one, rows.scenes, how, config.top_k))
    return pa.table(columns)


class _Rows(NamedTuple):
    """Rows by scene, vehicle and time.

    Attributes:
        order: (N,) rows of the batch in that order.
        tracks: (V+1,) bounds of each vehicle's rows in that order.
        scenes: (S+1,) bounds of each scene's vehicles.
        scene_ids: (S,) ids.
        time_s: (N,) times from the first, in that order.
        is_ego: (V,) whether it is the ego vehicle.
    """

    order: IntArray
    tracks: IntArray
    scenes: IntArray
    scene_ids: pa.Array
    time_s: FloatArray
    is_ego: BoolArray


def _rows(batch: pa.Table, ego: BoolArray | None) -> _Rows:
    scene = texts(batch, "scene_id").dictionary_encode()
    agents = texts(batch, "agent_id").dictionary_encode()
    codes = np.stack([scene.indices.to_numpy(), agents.indices.to_numpy()]).astype(np.int64)
    time = column(batch, "timestamp_ns").cast(pa.int64()).to_numpy(zero_copy_only=False)
    order = np.lexsort((time, codes[1], codes[0]))
    codes, time = codes[:, order], time[order]
    is_new = np.any(np.diff(codes, axis=1, prepend=-1) != 0, axis=0)
    heads = np.flatnonzero(is_new)
    counts = np.bincount(codes[0, heads], minlength=len(scene.dictionary))
    is_ego = np.zeros(len(heads), np.bool_)
    if ego is not None and len(heads):
        is_ego = np.logical_or.reduceat(ego[order], heads)
    return _Rows(
        order,
        np.concatenate([heads, [len(order)]]),
        np.concatenate([[0], np.cumsum(counts)]),
        scene.dictionary.cast(pa.string()),
        (time - (time.min() if len(time) else 0)) / 1e9,
        is_ego,
    )


def _measure(batch: pa.Table, rows: _Rows, settings: RiskConfig) -> dict[str, FloatArray]:
    """(V,) measures per vehicle, by name."""
    tracks, order = read_tracks(batch), rows.order
    leads = find_leads(tracks, settings.radius_m)
    ttc = time_to_collision(leads.gap_m, leads.closing_mps)[order]
    near = shortfall(nearest_distance(tracks, settings.reach_m), settings.reach_m)[order]
    speed, seconds = tracks.speed[order], _seconds(rows)
    return {
        "time_exposed": time_exposed(ttc, seconds, rows.tracks, settings.ttc_s),
        "time_integrated": time_integrated(ttc, seconds, rows.tracks, settings.ttc_s),
        "hard_braking": hard_braking_time(speed, rows.time_s, rows.tracks, settings.hard_braking_mps2),
        "jerk": _largest(np.abs(jerk(speed, rows.time_s, rows.tracks)), rows.tracks),
        "min_distance_shortfall": np.nan_to_num(_largest(near, rows.tracks)),
        "encroachment_shortfall": _encroachment(rows, tracks.boxes, settings.pet_s),
    }


def _seconds(rows: _Rows) -> FloatArray:
    """(N,) seconds that each row stands for: half of each step to a neighbour of the same vehicle."""
    step = np.diff(rows.time_s, prepend=np.nan, append=np.nan)
    step[rows.tracks] = np.nan
    step = np.where((step > 0) & (step <= MAX_STEP_S), step, 0.0)
    seconds: FloatArray = (step[:-1] + step[1:]) / 2
    return seconds


def _largest(values: FloatArray, offsets: IntArray) -> FloatArray:
    """(G,) largest of the values that exist; NaN where none does."""
    exists = ~np.isnan(values)
    bounds = np.concatenate([[0], np.cumsum(exists)])[offsets]
    return np.where(np.diff(bounds) > 0, group_max(values[exists], bounds), np.nan)


def _encroachment(rows: _Rows, boxes: tuple[FloatArray, ...], pet_s: float) -> FloatArray:
    """(V,) shortfall of each vehicle's post-encroachment time with the ego vehicle, of the ego vehicle the largest."""
    n_vehicles = len(rows.is_ego)
    found = np.full(n_vehicles, np.nan)
    scene = np.repeat(np.arange(len(rows.scenes) - 1), np.diff(rows.scenes))
    n_egos = group_sum(rows.is_ego, rows.scenes)
    ego = np.full(len(rows.scenes) - 1, -1)
    ego[scene[rows.is_ego]] = np.flatnonzero(rows.is_ego)
    # Two vehicles that are both the ego would make nonsense of "with the ego".
    others = np.flatnonzero(~rows.is_ego & (n_egos[scene] == 1)) if n_vehicles else np.zeros(0, np.int64)
    if not len(others):
        return found
    egos = ego[scene[others]]
    time = post_encroachment_time(_paths(rows, boxes, egos), _paths(rows, boxes, others))
    found[others] = shortfall(time, pet_s)
    known = ~np.isnan(found[others])
    np.fmax.at(found, egos[known], found[others][known])
    return found


def _paths(rows: _Rows, boxes: tuple[FloatArray, ...], vehicles: IntArray) -> Paths:
    """Thinned paths of some vehicles, NaN behind the last position."""
    starts, counts = rows.tracks[vehicles], np.diff(rows.tracks)[vehicles]
    n_steps = min(int(counts.max()), _PATH_STEPS)
    kept = np.minimum(counts, n_steps)
    share = np.arange(n_steps) / np.maximum(kept - 1, 1)[:, None]
    place = np.rint(share * (counts - 1)[:, None]).astype(np.int64)
    is_there = np.arange(n_steps) < kept[:, None]
    index = np.where(is_there, starts[:, None] + place, starts[:, None])
    x, y, _, length, width = (field[rows.order] for field in boxes)
    xy = np.where(is_there[..., None], np.stack([x[index], y[index]], axis=-1), np.nan)
    return Paths(xy, np.where(is_there, rows.time_s[index], np.nan), length[starts], width[starts])
