"""Small made-up Waymo data sets in the published layouts: motion scenarios and Parquet components."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.exchange.sources.tfrecord import masked_crc
from oddloop.exchange.sources.waymo_messages import scenario_class

START_US = 1_550_000_000_000_000
BOX, POSE, STAT = "[LiDARBoxComponent]", "[VehiclePoseComponent]", "[StatsComponent]"
NEEDED = {
    *("key.segment_context_name", "key.frame_timestamp_micros", "key.laser_object_id", f"{BOX}.type"),
    *(f"{BOX}.box.{kind}.{axis}" for kind in ("center", "size") for axis in "xyz"),
    *(f"{BOX}.box.heading", f"{POSE}.world_from_vehicle.transform"),
}


def scenario(name: str, *, n_steps: int = 11, n_tracks: int = 3, now: int = 5, speed_mps: float = 10.0) -> bytes:
    """The ego vehicle drives along x; the others stand 5, 15, ... m ahead of where it begins."""
    made = scenario_class()(scenario_id=name, sdc_track_index=0, current_time_index=now, objects_of_interest=[1, 2])
    made.timestamps_seconds.extend(0.1 * i for i in range(n_steps))
    for i in range(n_tracks):
        track = made.tracks.add(id=100 + i, object_type=1 + i % 3)
        for step in range(n_steps):
            x = speed_mps * 0.1 * step if i == 0 else 10.0 * i - 5.0
            moving = {"velocity_x": speed_mps if i == 0 else 0.0, "velocity_y": 0.0, "valid": i != 2 or step > 2}
            track.states.add(center_x=x, center_y=float(i), length=4.0, width=2.0, heading=0.0, **moving)
    made.tracks_to_predict.add(track_index=1)
    return made.SerializeToString()


def write_records(file: Path, contents: list[bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        for content in contents:
            head = struct.pack("<Q", len(content))
            stream.write(head + struct.pack("<I", masked_crc(head)) + content + struct.pack("<I", masked_crc(content)))


def write_motion(folder: Path) -> None:
    write_records(folder / "training/training.tfrecord-00000-of-00002", [scenario("aa"), scenario("bb", speed_mps=0.0)])
    write_records(folder / "validation/validation.tfrecord-00000-of-00001", [scenario("cc", n_steps=6)])


def write_segment(folder: Path, name: str, *, n_frames: int = 40, n_boxes: int = 3, boxes: bool = True) -> None:
    time = START_US + 100_000 * np.arange(n_frames)
    key = {"key.segment_context_name": [name] * n_frames, "key.frame_timestamp_micros": time}
    matrix = np.tile(np.eye(4), (n_frames, 1, 1))
    matrix[:, 0, 3] = 0.8 * np.arange(n_frames)
    pose = pa.array(list(matrix.reshape(n_frames, 16)), pa.list_(pa.float64(), 16))
    write(folder / f"vehicle_pose/{name}.parquet", pa.table({**key, f"{POSE}.world_from_vehicle.transform": pose}))
    said = {f"{STAT}.time_of_day": ["Night"] * n_frames, f"{STAT}.location": ["location_sf"] * n_frames,
            f"{STAT}.weather": ["rain"] + ["sunny"] * (n_frames - 1)}  # fmt: skip
    write(folder / f"stats/{name}.parquet", pa.table({**key, **said}))
    if not boxes:
        return
    n = n_frames * n_boxes
    of_box = {f"{BOX}.box.{kind}.{axis}": np.full(n, 1.5) for kind in ("center", "size") for axis in "xyz"}
    of_box[f"{BOX}.box.center.x"] = np.tile(5.0 + 10.0 * np.arange(n_boxes), n_frames)
    table = {
        "key.segment_context_name": [name] * n,
        "key.frame_timestamp_micros": np.repeat(time, n_boxes),
        "key.laser_object_id": [f"o{i}" for i in range(n_boxes)] * n_frames,
        f"{BOX}.type": pa.array(([1, 2, 3] * n_boxes)[:n_boxes] * n_frames, pa.int8()),
        **of_box,
        f"{BOX}.box.heading": np.zeros(n),
        f"{BOX}.num_lidar_points_in_box": np.full(n, 7),
    }
    write(folder / f"lidar_box/{name}.parquet", pa.table(table))


def write(file: Path, table: pa.Table) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file)


def write_perception(folder: Path) -> None:
    write_segment(folder / "training", "aa")
    write_segment(folder / "validation", "bb", n_frames=25)
