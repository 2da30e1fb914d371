"""A made-up comma2k19 segment, and the real one laid out as it is published."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

SHARED = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "../shared/data")).resolve()
REAL = SHARED / "comma2k19_example_segment/segment_40.npz"
WHY_SKIPPED = "the comma2k19 segment is not here; set ODDLOOP_TEST_DATA to the folder that holds it"
ROUTE = "b0c9d2329ad1606b|2018-08-02--08-34-47"


def is_read(file: Path) -> bool:
    """Of what a segment holds: its poses but for the directions, CAN speed and steering."""
    return (file.parts[-2] == "global_pose" and "orient" not in file.name) or file.parts[-2] in (
        "speed",
        "steering_angle",
    )


def save(folder: Path, name: str, values: np.ndarray) -> None:
    """As published: NumPy's format, without a suffix."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        np.save(stream, values)


def write_folder(folder: Path, *, n_frames: int = 400) -> Path:
    """20 s on the equator at longitude 0, eastwards at 10 m/s, then braking at 2 m/s2 for the last 2 s."""
    t = np.arange(n_frames) / 20.0
    speed = 10.0 - 2.0 * np.maximum(t - (t[-1] - 2.0), 0.0)
    east = np.concatenate([[0.0], np.cumsum(np.diff(t) * (speed[1:] + speed[:-1]) / 2)])
    segment = folder / ROUTE / "7"
    save(segment, "global_pose/frame_times", 100.0 + t)
    save(segment, "global_pose/frame_gps_times", np.stack([np.full(n_frames, 2012.0), 43_218.0 + t], axis=1))
    radius = 6_378_137.0
    places = np.stack([np.sqrt(radius**2 - east**2), east, np.zeros(n_frames)], axis=1)
    save(segment, "global_pose/frame_positions", places)
    save(segment, "global_pose/frame_velocities", np.stack([np.zeros(n_frames), speed, np.zeros(n_frames)], axis=1))
    for name, values in (("speed", speed[:, None]), ("steering_angle", np.linspace(-5.0, 3.0, n_frames))):
        save(segment, f"processed_log/CAN/{name}/t", 100.0 + t)
        save(segment, f"processed_log/CAN/{name}/value", values)
    return folder


def lay_out_real(folder: Path) -> Path:
    with np.load(REAL) as packed:
        for name in packed:
            save(folder / ROUTE / "40", name.replace("__", "/"), packed[name])
    return folder
