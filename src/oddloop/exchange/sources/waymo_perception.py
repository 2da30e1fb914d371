"""Waymo Open Dataset 2, perception: segments in Parquet components.

    <split>/lidar_box/<segment>.parquet       boxes in the vehicle frame, ten frames a second
    <split>/vehicle_pose/<segment>.parquet    ego poses in a world frame
    <split>/stats/<segment>.parquet           time of day, weather and location of each frame

A segment without boxes (the test split, or where no boxes were copied) has frames from its poses; in a training or
validation split that has the component, each segment must. Other components are not read. Time grows with the boxes and
poses; memory with those of a segment.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import SourceError
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables, pick_columns, reading, refuse_twice
from oddloop.exchange.sources.drive import Drive, drive_tables
from oddloop.exchange.sources.splits import split_columns

SPLITS = ("training", "validation", "testing", "testing_location", "domain_adaptation")
WHOLE_SPLITS = ("training", "validation")
"""Splits that are published with labels of all segments."""
BOXES, POSES, STATS = "lidar_box", "vehicle_pose", "stats"
TYPES = ("TYPE_UNKNOWN", "TYPE_VEHICLE", "TYPE_PEDESTRIAN", "TYPE_SIGN", "TYPE_CYCLIST")
_TIME, _SEGMENT = "key.frame_timestamp_micros", "key.segment_context_name"
_BOX, _POSE, _STAT = "[LiDARBoxComponent]", "[VehiclePoseComponent]", "[StatsComponent]"
_TRANSFORM = f"{_POSE}.world_from_vehicle.transform"
_PLACES = {
    "x_m": "box.center.x", "y_m": "box.center.y", "z_m": "box.center.z",
    "length_m": "box.size.x", "width_m": "box.size.y", "height_m": "box.size.z", "heading_rad": "box.heading",
}  # fmt: skip
_KEY = [pa.field(_SEGMENT, pa.string(), nullable=False), pa.field(_TIME, pa.int64(), nullable=False)]
_BOX_SCHEMA = pa.schema(
    [
        *_KEY,
        pa.field("key.laser_object_id", pa.string(), nullable=False),
        pa.field(f"{_BOX}.type", pa.int8(), nullable=False),
        *(pa.field(f"{_BOX}.{name}", pa.float64(), nullable=False) for name in _PLACES.values()),
        pa.field(f"{_BOX}.num_lidar_points_in_box", pa.int64()),
    ]
)
_POSE_SCHEMA = pa.schema([*_KEY, pa.field(_TRANSFORM, pa.list_(pa.float64()), nullable=False)])
_STATS_SCHEMA = pa.schema(
    [*_KEY, *(pa.field(f"{_STAT}.{name}", pa.string()) for name in ("time_of_day", "location", "weather"))]
)
Ints = npt.NDArray[np.int64]


class WaymoPerception:
    """Segments below a folder; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        self.agents = agents_of("waymo")

    def parts(self) -> Iterator[Part]:
        """One part per segment."""
        found = sorted({p.relative_to(self.folder) for p in self.folder.glob(f"**/{POSES}/*.parquet")})
        boxes = {p.relative_to(self.folder) for p in self.folder.glob(f"**/{BOXES}/*.parquet")}
        lone = sorted(p for p in boxes if p.parent.parent / POSES / p.name not in set(found))
        if not found and not lone:
            raise SourceError(
                f"{self.folder}: no {POSES}/*.parquet in it; give the folder that holds training/ or such"
            )
        for pose in [*found, *(p.parent.parent / POSES / p.name for p in lone)]:
            split = self.folder / pose.parent.parent
            is_whole = split.name in WHOLE_SPLITS
            others = (split / kind / pose.name for kind in (BOXES, STATS))
            files = (split / POSES / pose.name, *(f for f in others if f.exists() or (is_whole and f.parent.exists())))
            yield Part((pose.parent.parent / pose.stem).as_posix(), files)

    def read(self, part: Part) -> Tables:
        """Tables of one segment."""
        pose_file, *others = part.files
        poses = _read(pose_file, _POSE_SCHEMA)
        boxes = next((_read_boxes(file) for file in others if file.parent.name == BOXES), None)
        stats = next((_read(file, _STATS_SCHEMA) for file in others if file.parent.name == STATS), None)
        segment = _one_segment(part, [t for t in (poses, boxes, stats) if t is not None])
        times = poses[_TIME].to_numpy()
        order = np.argsort(times, kind="stable")
        if not len(times) or (np.diff(times[order]) == 0).any():
            raise PartError.of(pose_file, "not-in-order", "it has no poses, or two of one time")
        frames_us = times[order]
        drive = Drive(
            log_id=segment,
            timestamp_ns=frames_us * 1000,
            poses=_poses(poses, order, pose_file),
            boxes=None if boxes is None else _placed(boxes, frames_us, part),
            agents=self.agents,
            attributes={**_said(stats), **split_columns(pose_file.parent.parent.name, SPLITS)},
        )
        return drive_tables(drive, self.scene_s)


def _read(file: Path, wanted: pa.Schema) -> pa.Table:
    with reading(file):
        table = pq.read_table(file)
    return pick_columns(table, wanted, file)


def _read_boxes(file: Path) -> pa.Table:
    boxes = _read(file, _BOX_SCHEMA)
    message = "object {1} has two boxes at {0} us; an object has one per frame".format
    refuse_twice(boxes, [_TIME, "key.laser_object_id"], file, "duplicate-track", message)
    return boxes


def _one_segment(part: Part, tables: list[pa.Table]) -> str:
    names = {name for table in tables for name in table[_SEGMENT].unique().to_pylist()}
    if len(names) != 1:
        said = ", ".join(sorted(names)[:3]) or "none"
        raise PartError.of(part.files[0], "mixed-segments", f"its components name other than one segment: {said}")
    return str(names.pop())


def _poses(poses: pa.Table, order: Ints, file: Path) -> Poses:
    column = poses[_TRANSFORM].combine_chunks()
    if (pc.list_value_length(column).to_numpy(zero_copy_only=False) != 16).any():
        raise PartError.of(file, "bad-transform", "a pose is not a matrix of 4 by 4 numbers")
    values = column.flatten().to_numpy(zero_copy_only=False)
    if len(values) != 16 * len(order) or not np.isfinite(values).all():
        raise PartError.of(file, "not-finite", "a pose holds a number that is not finite")
    matrix = values.reshape(-1, 4, 4)[order]
    heading = np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0])
    return Poses(poses[_TIME].to_numpy()[order] * 1000, matrix[:, 0, 3], matrix[:, 1, 3], heading)


def _placed(boxes: pa.Table, frames_us: Ints, part: Part) -> pa.Table:
    times = boxes[_TIME].to_numpy()
    frame = np.searchsorted(frames_us, times)
    strange = (frame >= len(frames_us)) | (frames_us[np.minimum(frame, len(frames_us) - 1)] != times)
    if strange.any():
        message = "has boxes at times without a pose; are both of the same segment?"
        raise PartError.of(part.files[1], "other-times", message, int(strange.sum()))
    kinds = boxes[f"{_BOX}.type"].to_numpy()
    strange = (kinds < 0) | (kinds >= len(TYPES))
    if strange.any():
        message = f"a box has type {kinds[strange][0]}, which is not published; are the files of a newer version?"
        raise PartError.of(part.files[1], "bad-type", message, int(strange.sum()))
    names = np.array(TYPES, dtype=object)[kinds]
    return pa.table(
        {
            "frame": frame,
            "object_id": boxes["key.laser_object_id"],
            "category": pa.array(names, pa.string()),
            "n_points": boxes[f"{_BOX}.num_lidar_points_in_box"],
            **{ours: boxes[f"{_BOX}.{theirs}"].cast(pa.float32()) for ours, theirs in _PLACES.items()},
        }
    )


def _said(stats: pa.Table | None) -> dict[str, str | None]:
    """What most frames of a segment say; of equally many, the first by name."""
    names = ("time_of_day", "weather", "location")
    if stats is None:
        return dict.fromkeys(names)
    return {name: _most(stats[f"{_STAT}.{name}"]) for name in names}


def _most(column: pa.ChunkedArray) -> str | None:
    counts = sorted(column.drop_null().value_counts().to_pylist(), key=lambda c: (-c["counts"], c["values"]))
    return str(counts[0]["values"]) if counts else None
