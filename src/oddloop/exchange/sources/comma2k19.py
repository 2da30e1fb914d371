"""comma2k19: one-minute segments of drives with CAN signals, GNSS and poses; no labels.

    **/<dongle|date>/<segment>/global_pose/{frame_times, frame_gps_times, frame_positions, frame_velocities}
    **/<dongle|date>/<segment>/processed_log/CAN/{speed, steering_angle}/{t, value}

All are NumPy files without a suffix. Positions and velocities are earth-centred (WGS 84); times are GPS weeks and
seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import SourceError
from oddloop.exchange.attributes import sun
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.attributes.telemetry import rate_of_change, summarize_signal
from oddloop.exchange.sources.base import Part, PartError, Tables, reading
from oddloop.exchange.sources.drive import RULES, Drive, drive_tables

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
GPS_EPOCH_S, WEEK_S = 315_964_800, 604_800
LEAP_S = 18
"""GPS is ahead of UTC by this since 2017; the drives are of 2018."""
MAJOR_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
POSE = ("frame_times", "frame_gps_times", "frame_positions", "frame_velocities")
CAN = ("speed", "steering_angle")
_TELEMETRY = {
    "speed_max_kph": "largest CAN speed",
    "acceleration_max_mps2": "largest change of CAN speed over 0.2 s",
    "deceleration_max_mps2": "largest fall of CAN speed over 0.2 s",
    "steering_angle_max_deg": "largest CAN steering angle, to either side",
    "sun_elevation_deg": sun.ELEVATION_RULE,
    "time_of_day": sun.RULE,
}


class Comma2k19:
    """Segments below a folder; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s

    def parts(self) -> Iterator[Part]:
        """One part per segment."""
        segments = sorted(p.parent for p in self.folder.glob("**/global_pose"))
        if not segments:
            raise SourceError(
                f"{self.folder}: no <segment>/global_pose below it; give the folder of the chunks or routes"
            )
        for segment in segments:
            files = [segment / "global_pose" / name for name in POSE]
            files += [segment / f"processed_log/CAN/{name}/{part}" for name in CAN for part in ("t", "value")]
            yield Part(f"{segment.parent.name}/{segment.name}", tuple(files))

    def read(self, part: Part) -> Tables:
        """Tables of one segment."""
        segment = _read_segment(part)
        route, _, number = part.name.rpartition("/")
        drive = Drive(
            log_id=route,
            timestamp_ns=segment.utc_ns,
            frame_id=pa.array([f"{part.name}/{i:06}" for i in range(len(segment.utc_ns))], pa.string()),
            poses=segment.poses,
        )
        tables = {name: _renamed(table, route, number) for name, table in drive_tables(drive, self.scene_s).items()}
        tables["scenes"] = _with_place(_with_telemetry(tables["scenes"], segment), segment)
        return tables


@dataclass(frozen=True, eq=False)
class _Segment:
    """A segment: (F,) times, places in degrees and poses of its frames, and its signals as (times, values)."""

    utc_ns: IntArray
    latitude_deg: FloatArray
    longitude_deg: FloatArray
    poses: Poses
    speed_mps: tuple[IntArray, FloatArray]
    steering_deg: tuple[IntArray, FloatArray]


def _read_segment(part: Part) -> _Segment:
    boot_s, gps, place, velocity = (
        _numbers(file, columns) for file, columns in zip(part.files[:4], (1, 2, 3, 3), strict=True)
    )
    if not len(boot_s) == len(gps) == len(place) == len(velocity) or len(boot_s) < 2:
        raise PartError.of(part.files[0].parent, "uneven", "its files have not one row per frame each")
    utc_ns = _utc_ns(gps)
    for file, times in ((part.files[0], boot_s[:, 0]), (part.files[1], utc_ns)):
        if (np.diff(times) <= 0).any():
            raise PartError.of(file, "not-in-order", "the times of its frames do not rise")
    latitude, longitude = _geodetic(place)
    east, north = _level(velocity, latitude, longitude)
    x, y = _level(place - place[0], latitude[:1], longitude[:1])
    # Signals are timed since the computer started, like `frame_times`.
    shift_ns = int(utc_ns[0]) - int(boot_s[0, 0] * 1e9)
    signals = [_signal(part.files[i], part.files[i + 1], shift_ns, utc_ns[[0, -1]]) for i in (4, 6)]
    return _Segment(utc_ns, latitude, longitude, Poses(utc_ns, x, y, np.arctan2(north, east)), *signals)


def _utc_ns(gps: FloatArray) -> IntArray:
    """From weeks and seconds of GPS."""
    week_ns = (GPS_EPOCH_S - LEAP_S + gps[:, 0].astype(np.int64) * WEEK_S) * 10**9
    return week_ns + (gps[:, 1] * 1e9).astype(np.int64)


def _signal(time_file: Path, value_file: Path, shift_ns: int, between_ns: IntArray) -> tuple[IntArray, FloatArray]:
    times, values = _numbers(time_file, 1)[:, 0], _numbers(value_file, 1)[:, 0]
    if len(times) != len(values) or (np.diff(times) < 0).any():
        raise PartError.of(time_file, "uneven", "its times do not rise, or are not as many as its values")
    time_ns = (times * 1e9).astype(np.int64) + shift_ns
    within = np.searchsorted(time_ns, between_ns[1], "right") - np.searchsorted(time_ns, between_ns[0])
    if 2 * within <= len(time_ns):
        message = "most of its times are not those of global_pose/frame_times; is one of them of another segment?"
        raise PartError.of(time_file, "other-times", message, int(len(time_ns) - within))
    return time_ns, values


def _numbers(file: Path, columns: int) -> FloatArray:
    """(N, columns) finite numbers."""
    with reading(file):
        values = np.load(file, allow_pickle=False)
    if values.dtype.kind not in "fiu" or values.size == 0 or values.ndim == 0 or values.size != len(values) * columns:
        raise PartError.of(
            file, "other-shape", f"it holds {values.dtype} of shape {values.shape}, not {columns} numbers a row"
        )
    if not np.isfinite(values).all():
        raise PartError.of(
            file, "not-finite", "it holds a number that is not finite", int((~np.isfinite(values)).sum())
        )
    numbers: FloatArray = values.reshape(-1, columns).astype(np.float64)
    return numbers


def _geodetic(place: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Latitude and longitude in degrees of earth-centred places, by Bowring's formula, exact near the ground."""
    x, y, z = place.T
    minor = MAJOR_M * (1 - FLATTENING)
    p = np.hypot(x, y)
    theta = np.arctan2(z * MAJOR_M, p * minor)
    second = (MAJOR_M**2 - minor**2) / minor**2
    first = FLATTENING * (2 - FLATTENING)
    latitude = np.arctan2(z + second * minor * np.sin(theta) ** 3, p - first * MAJOR_M * np.cos(theta) ** 3)
    return np.degrees(latitude), np.degrees(np.arctan2(y, x))


def _level(vectors: FloatArray, latitude_deg: FloatArray, longitude_deg: FloatArray) -> tuple[FloatArray, FloatArray]:
    """East and north parts of earth-centred vectors."""
    x, y, z = vectors.T
    phi, lam = np.radians(latitude_deg), np.radians(longitude_deg)
    east = -np.sin(lam) * x + np.cos(lam) * y
    north = -np.sin(phi) * (np.cos(lam) * x + np.sin(lam) * y) + np.cos(phi) * z
    return east, north


def _renamed(table: pa.Table, route: str, number: str) -> pa.Table:
    """Scenes are numbered within their segment: `<route>/<segment>/00`."""
    column = table.column_names.index("scene_id")
    names = [f"{route}/{number}{name[len(route) :]}" for name in table["scene_id"].to_pylist()]
    return table.set_column(column, "scene_id", pa.array(names, pa.string()))


def _with_telemetry(scenes: pa.Table, segment: _Segment) -> pa.Table:
    start = scenes["start_ns"].to_numpy()
    end = start + np.round(scenes["duration_s"].to_numpy() * 1e9).astype(np.int64)
    time_ns, speed = segment.speed_mps
    change = summarize_signal(time_ns, rate_of_change(time_ns, speed), start, end)
    steering_ns, steering = segment.steering_deg
    columns = {
        "speed_max_kph": summarize_signal(time_ns, speed, start, end)["max"] * 3.6,
        "acceleration_max_mps2": np.maximum(change["max"], 0.0),
        "deceleration_max_mps2": np.maximum(-change["min"], 0.0),
        "steering_angle_max_deg": summarize_signal(steering_ns, np.abs(steering), start, end)["max"],
    }
    for name, values in columns.items():
        scenes = scenes.append_column(name, pa.array(values, from_pandas=True))
    return scenes


def _with_place(scenes: pa.Table, segment: _Segment) -> pa.Table:
    first = np.searchsorted(segment.utc_ns, scenes["start_ns"].to_numpy())
    latitude, longitude = segment.latitude_deg[first], segment.longitude_deg[first]
    columns = {
        "latitude_deg": pa.array(latitude),
        "longitude_deg": pa.array(longitude),
        **sun.sun_columns(scenes["start_ns"].to_numpy(), latitude, longitude),
    }
    for name, values in columns.items():
        scenes = scenes.append_column(name, values)
    return mark_derived(scenes, {**RULES, **_TELEMETRY})
