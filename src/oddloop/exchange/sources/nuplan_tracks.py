"""Tracks of a nuPlan log: road users with their velocities, and the ego vehicle, in the frame of reference of the map.

Its pose is that of the rear axle; its size is that of the Pacifica, as in the devkit of the data set, since logs name
no other vehicle. A box without a velocity has no speed to score, so it is left out, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.exchange.attributes.angles import ahead_and_left
from oddloop.tables import TRACKS

EGO = "ego"
EGO_SIZE_M = (5.176, 2.297)
AXLE_TO_CENTRE_M = 1.461
Floats = npt.NDArray[np.float64]
_PLACE = ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")


def ego_states(place: Floats, heading_rad: Floats, speed_mps: Floats) -> dict[str, Floats]:
    """States of the ego vehicle.

    Args:
        place: (F, 3) its rear axle, in metres.
        heading_rad: (F,) where it looks.
        speed_mps: (F,) its speed ahead; NaN is not known.

    >>> ego_states(np.zeros((1, 3)), np.zeros(1), np.ones(1))["x_m"].tolist()
    [1.461]
    """
    n = len(place)
    return {
        "x_m": place[:, 0] + AXLE_TO_CENTRE_M * np.cos(heading_rad),
        "y_m": place[:, 1] + AXLE_TO_CENTRE_M * np.sin(heading_rad),
        "heading_rad": heading_rad,
        "speed_mps": speed_mps,
        "length_m": np.full(n, EGO_SIZE_M[0]),
        "width_m": np.full(n, EGO_SIZE_M[1]),
    }


def box_states(boxes: pa.Table) -> dict[str, Floats]:
    """States of boxes: rows of `lidar_box` with x, y, yaw, vx, vy, length and width."""
    x, y, yaw, vx, vy, length, width = (
        boxes[name].to_numpy() for name in ("x", "y", "yaw", "vx", "vy", "length", "width")
    )
    ahead, _ = ahead_and_left(vx, vy, yaw)
    return dict(zip(_PLACE, (x, y, yaw, ahead, length, width), strict=True))


def tracks_of(
    frames: pa.Table,
    ego: Mapping[str, Floats],
    others: Mapping[str, Floats],
    frame: npt.NDArray[np.int64],
    ids: pa.Array,
) -> tuple[pa.Table, int]:
    """Rows of `tracks`, and how many states are not among them since their speed is not known.

    Args:
        frames: frame_id, scene_id and timestamp_ns of F frames.
        ego: its states, (F,) each.
        others: states of road users, (N,) each.
        frame: (N,) the row of `frames` that each is of.
        ids: (N,) strings, their tracks.
    """
    n = frames.num_rows
    at = np.concatenate([np.arange(n), frame])
    values = {name: np.concatenate([ego[name], others[name]]) for name in _PLACE}
    names = pa.concat_arrays([pa.repeat(EGO, n), ids])
    is_known = np.isfinite(values["speed_mps"])
    rows = np.flatnonzero(is_known)[np.argsort(at[is_known], kind="stable")]
    columns = {
        **{name: frames[name].take(pa.array(at[rows])) for name in ("scene_id", "frame_id", "timestamp_ns")},
        "agent_id": names.take(pa.array(rows)),
        **{name: one[rows] for name, one in values.items()},
        "is_ego": rows < n,
    }
    return TRACKS.table(columns), int((~is_known).sum())
