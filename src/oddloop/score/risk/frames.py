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

Only measures of one instant are here, since a batch holds whole frames but not whole tracks; TET, TIT, braking and jerk
need the track. The rows of a frame stand together and are never split between batches.
Time grows with the pairs of vehicles within 100 m; memory with the rows of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
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


@dataclass(frozen=True)
class RiskSettings:
    """What counts as near.

    Attributes:
        ttc_s: threshold of the time to collision, in seconds.
        thw_s: threshold of the time headway, in seconds.
        reach_m: threshold of the distance between vehicles, in metres.
        radius_m: how far ahead a lead is looked for, in metres from centre to centre.
    """

    ttc_s: float = 4.0
    thw_s: float = 2.0
    reach_m: float = 5.0
    radius_m: float = 100.0


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
    frame_ids, scene_ids = column(batch, "frame_id"), column(batch, "scene_id")
    offsets = frame_offsets(frame_ids)
    x, y, heading, speed, length, width = (_numbers(batch, name) for name in STATE)
    tracks = make_tracks(x, y, heading, speed, length, width, offsets)
    is_known = group_sum(~tracks.is_known(), offsets) == 0
    scores = {
        f"risk_{measure}_{how}": np.where(is_known, _reduce(values, offsets, how, config.top_k), np.nan)
        for measure, values in measure_tracks(tracks, settings or RiskSettings()).items()
        for how in config.reductions
    }
    heads = pa.array(offsets[:-1])
    answered: BoolArray = np.ones(len(offsets) - 1, np.bool_)
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), np.diff(offsets), answered, scores)


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


def _reduce(values: FloatArray, offsets: IntArray, how: str, k: int) -> FloatArray:
    """(F,) reduction over the vehicles that have the measure; NaN where none has."""
    exists = ~np.isnan(values)
    bounds = np.concatenate([[0], np.cumsum(exists)])[offsets]
    return np.where(np.diff(bounds) > 0, reduce_groups(values[exists], bounds, how, k), np.nan)


def _numbers(batch: pa.Table, name: str) -> FloatArray:
    values = column(batch, name)
    if not (pa.types.is_floating(values.type) or pa.types.is_integer(values.type)):
        raise TableError(f"tracks: column `{name}` must hold numbers; got {values.type}")
    numbers: FloatArray = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return numbers
