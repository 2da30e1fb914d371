"""Frame scores from tracks: `risk_<measure>_<reduction>`, reduced over the vehicles of a frame.

    ttc_shortfall          max(0, tau - TTC), tau = 4 s; 0 where the gap does not shrink     s      [0, 4]
    thw_shortfall          max(0, tau - THW), tau = 2 s; 0 where the follower stands         s      [0, 2]
    required_deceleration  c² / (2 x), 0 where the gap does not shrink                       m/s²   [0, inf)
    proximity              reach - distance to the nearest rectangle, reach = 5 m            m      [0, 5]

of every vehicle of the frame, the ego's own among them. Larger is more worth labelling. The first three exist for a
vehicle with a lead (`leads`), required deceleration only while the two do not overlap; proximity for one with another
vehicle within the reach. A reduction is over the vehicles for which the measure exists: where it exists for none, the
frame is not valid. A gap that does not shrink is different: its TTC is above any threshold, so its shortfall is 0.
A frame with a vehicle whose state is not known (null, not finite, a side below 0) is not valid at all.

Only measures of one instant are here; those that need the track, such as TET and braking, are in `scenes`. The rows
of a frame stand together and are never split between batches.
Time grows with the pairs of vehicles within 100 m; memory with the rows of the batch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import RiskConfig, ScoreConfig
from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.columns import frame_table
from oddloop.score.nested import column
from oddloop.score.ragged import group_sum, reduce_groups
from oddloop.score.risk.headway import required_acceleration, shortfall, time_headway, time_to_collision
from oddloop.score.risk.leads import find_leads
from oddloop.score.risk.proximity import nearest_distance
from oddloop.score.risk.tracks import Tracks, make_tracks
from oddloop.score.trajectory import frame_offsets

STATE = ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")
"""Columns of a vehicle's state, any number type."""


RiskSettings = RiskConfig
"""Thresholds, as `[score.risk]` has them."""


def score_tracks(batch: pa.Table, config: ScoreConfig, settings: RiskSettings | None = None) -> pa.Table:
    """Score a batch of vehicle states.

    Args:
        batch: rows of frame_id, scene_id and `STATE`, one per vehicle and frame, whole frames.
        config: reductions over the vehicles of a frame.
        settings: thresholds; the defaults where None.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the frames' order; `n_objects`
        counts vehicles.

    Raises:
        TableError: a column is missing or holds no numbers, or the rows of a frame do not stand together.

    >>> state = {"x_m": [0.0, 14.0], "y_m": [0.0, 0.0], "heading_rad": [0.0, 0.0], "speed_mps": [10.0, 5.0]}
    >>> sizes = {"length_m": [4.0, 4.0], "width_m": [2.0, 2.0]}
    >>> batch = pa.table({"frame_id": ["f", "f"], "scene_id": ["s", "s"], **state, **sizes})
    >>> score_tracks(batch, ScoreConfig(reductions=("max",)))["risk_ttc_shortfall_max"].to_pylist()
    [2.0]
    """
    settings = settings or RiskSettings()
    frame_ids, scene_ids = column(batch, "frame_id"), column(batch, "scene_id")
    tracks = read_tracks(batch)
    offsets = tracks.offsets
    is_known = group_sum(~tracks.is_known(), offsets) == 0
    values = measure_tracks(tracks, settings)
    if settings.vehicles == "ego":
        values = keep_ego(values, read_ego(batch))
    scores = {
        f"risk_{measure}_{how}": np.where(is_known, reduce_existing(one, offsets, how, config.top_k), np.nan)
        for measure, one in values.items()
        for how in config.reductions
    }
    heads = pa.array(offsets[:-1])
    answered: BoolArray = np.ones(len(offsets) - 1, np.bool_)
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), np.diff(offsets), answered, scores)


def read_tracks(batch: pa.Table) -> Tracks:
    """Vehicle states of a batch of whole frames; errors as `score_tracks`."""
    offsets = frame_offsets(column(batch, "frame_id"))
    x, y, heading, speed, length, width = (_numbers(batch, name) for name in STATE)
    return make_tracks(x, y, heading, speed, length, width, offsets)


def keep_ego(values: dict[str, FloatArray], is_ego: BoolArray | None) -> dict[str, FloatArray]:
    """The measures of the ego vehicle alone, NaN for all others.

    Raises:
        TableError: nothing says which that is.
    """
    if is_ego is None:
        raise TableError('tracks: [score.risk] vehicles = "ego" needs a column `is_ego`; add it, or score all vehicles')
    return {name: np.where(is_ego, one, np.nan) for name, one in values.items()}


def read_ego(batch: pa.Table) -> BoolArray | None:
    """(N,) whether a row is of the ego vehicle; None where there is no column that says so.

    Raises:
        TableError: it holds no booleans.
    """
    if "is_ego" not in batch.column_names:
        return None
    values = column(batch, "is_ego")
    if not (pa.types.is_boolean(values.type) or pa.types.is_null(values.type)):
        raise TableError(f"tracks: column `is_ego` must hold booleans; got {values.type}")
    flags: BoolArray = pc.fill_null(values.cast(pa.bool_()), False).to_numpy(zero_copy_only=False)
    return flags


def measure_tracks(tracks: Tracks, settings: RiskSettings) -> dict[str, FloatArray]:
    """(N,) measures per vehicle, by name; NaN where a measure does not exist or is not valid."""
    leads = find_leads(tracks, settings.radius_m)
    opens = leads.closing_mps <= 0
    stands = leads.found & (tracks.speed <= 0)
    ttc = shortfall(time_to_collision(leads.gap_m, leads.closing_mps), settings.ttc_s)
    thw = shortfall(time_headway(leads.gap_m, tracks.speed), settings.thw_s)
    return {
        "ttc_shortfall": np.where(opens, 0.0, ttc),
        "thw_shortfall": np.where(stands, 0.0, thw),
        "required_deceleration": 0.0 - required_acceleration(leads.gap_m, leads.closing_mps),
        "proximity": shortfall(nearest_distance(tracks, settings.reach_m), settings.reach_m),
    }


def reduce_existing(values: FloatArray, offsets: IntArray, how: str, k: int) -> FloatArray:
    """(G,) reduction over the vehicles of each group that have the measure; NaN where none has."""
    found = reduce_groups(values, offsets, [how, "n"], k=k, known_only=True)
    return np.where(found["n"] > 0, found[how], np.nan)


def _numbers(batch: pa.Table, name: str) -> FloatArray:
    values = column(batch, name)
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        raise TableError(f"tracks: column `{name}` must hold numbers; got {values.type}")
    numbers: FloatArray = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers
