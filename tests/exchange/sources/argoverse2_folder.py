"""A small made-up Argoverse 2 sensor data set, and the real logs laid out as they are published."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

SHARED = Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[3] / "../shared/data")).resolve()
REAL = SHARED / "av2_test_logs"
WHY_SKIPPED = "the real Argoverse 2 logs are not here; set ODDLOOP_TEST_DATA to the folder that holds av2_test_logs/"
START_NS = 315_966_253_000_000_000
NEEDED = {
    *("timestamp_ns", "track_uuid", "category", "qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m"),
    *("length_m", "width_m", "height_m"),
}
"""Columns of annotations and poses without which nothing goes."""


def write_log(
    folder: Path, *, n_sweeps: int = 20, n_tracks: int = 3, speed_mps: float = 10.0, city: str = "PIT"
) -> Path:
    """A vehicle that drives ahead, with tracks that stand 5, 15, 25 ... m ahead of it."""
    folder.mkdir(parents=True)
    time = START_NS + np.arange(n_sweeps) * 100_000_000
    n = n_sweeps * n_tracks
    flat = {"qw": np.ones(n), "qx": np.zeros(n), "qy": np.zeros(n), "qz": np.zeros(n)}
    boxes = {
        "timestamp_ns": np.repeat(time, n_tracks),
        "track_uuid": [f"track-{i}" for i in range(n_tracks)] * n_sweeps,
        "category": (["REGULAR_VEHICLE", "PEDESTRIAN", "BOLLARD"] * n_tracks)[:n_tracks] * n_sweeps,
        **{name: np.full(n, 1.5) for name in ("length_m", "width_m", "height_m")},
        **flat,
        "tx_m": np.tile(5.0 + 10.0 * np.arange(n_tracks), n_sweeps),
        "ty_m": np.zeros(n),
        "tz_m": np.zeros(n),
        "num_interior_pts": np.full(n, 7),
    }
    feather.write_feather(pa.table(boxes), folder / "annotations.feather")
    ego_time = START_NS - 50_000_000 + np.arange(n_sweeps * 2 + 2) * 50_000_000
    m = len(ego_time)
    ego = {
        "timestamp_ns": ego_time,
        **{name: values[:1].repeat(m) for name, values in flat.items()},
        "tx_m": speed_mps * (ego_time - START_NS) / 1e9,
        "ty_m": np.zeros(m),
        "tz_m": np.zeros(m),
    }
    feather.write_feather(pa.table(ego), folder / "city_SE3_egovehicle.feather")
    (folder / "map").mkdir()
    (folder / f"map/log_map_archive_{folder.name}____{city}_city_31785.json").write_text("{}")
    return folder


def write_detections(folder: Path, log_ids: list[str], *, n_sweeps: int = 20) -> None:
    """One detection in every other sweep of the logs, as the challenge wants them."""
    folder.mkdir(parents=True)
    time = np.tile(START_NS + np.arange(0, n_sweeps, 2) * 100_000_000, len(log_ids)).astype(np.int64)
    n = len(time)
    names = ("tx_m", "ty_m", "tz_m", "length_m", "width_m", "height_m", "qw", "qx", "qy", "qz")
    columns = {name: np.full(n, float(name == "qw" or name.endswith("th_m"))) for name in names}
    columns |= {"height_m": np.ones(n), "score": np.full(n, 0.9)}
    ids = np.repeat(np.array(log_ids, str), n // max(1, len(log_ids)))
    table = pa.table({**columns, "log_id": ids, "timestamp_ns": time, "category": pa.repeat("PEDESTRIAN", n)})
    feather.write_feather(table, folder / "part-0.feather")


def lay_out_real_logs(folder: Path, logs: tuple[str, ...] = ("3b3570b4", "3bffdcff", "7fab2350", "adcf7d18")) -> Path:
    """Copy the real logs that have poses into `<split>/<log_id>/`."""
    for i, log in enumerate(logs):
        place = folder / ("train" if i < 2 else "val") / log
        place.mkdir(parents=True)
        (annotations,) = REAL.glob(f"{log}_annotations*.feather")
        shutil.copy(annotations, place / "annotations.feather")
        shutil.copy(REAL / f"{log}_city_SE3_egovehicle.feather", place / "city_SE3_egovehicle.feather")
    return folder


def real_scenario() -> Path:
    (file,) = REAL.glob("*_scenario_*.parquet")
    return file


def lay_out_real_scenario(folder: Path) -> Path:
    """The real motion scenario as published: `<split>/<scenario_id>/scenario_<scenario_id>.parquet`."""
    scenario = pq.read_table(real_scenario(), columns=["scenario_id"])["scenario_id"][0].as_py()
    place = folder / "val" / scenario
    place.mkdir(parents=True)
    shutil.copy(real_scenario(), place / f"scenario_{scenario}.parquet")
    return folder
