"""A small made-up Argoverse 2 motion data set, and the real scenario laid out as it is published."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.sources.argoverse2_folder import REAL, START_NS

N_STEPS, N_OBSERVED = 110, 50
NEEDED = {
    *("observed", "track_id", "object_type", "object_category", "timestep", "position_x", "position_y", "heading"),
    *("velocity_x", "velocity_y", "scenario_id", "start_timestamp", "end_timestamp", "num_timestamps", "city"),
    *("focal_track_id", "probability", "predicted_trajectory_x", "predicted_trajectory_y"),
}


def write_scenario(folder: Path, name: str, *, n_steps: int = N_STEPS) -> Path:
    """The ego vehicle drives north at 10 m/s, the focal car 20 m ahead of it; a pedestrian stands far away."""
    north = 1.0 * np.arange(n_steps)
    tracks = [
        ("AV", "vehicle", 1, np.zeros(n_steps), north, 10.0),
        ("focal", "vehicle", 3, np.zeros(n_steps), north + 20.0, 10.0),
        ("far", "pedestrian", 0, np.full(n_steps, 500.0), np.zeros(n_steps), 0.0),
    ]
    parts = [_track(*track, n_steps) for track in tracks]
    n = n_steps * len(tracks)
    whole = {
        "scenario_id": [name] * n,
        "start_timestamp": np.full(n, float(START_NS)),
        "end_timestamp": np.full(n, START_NS + (n_steps - 1) * 1e8),
        "num_timestamps": np.full(n, n_steps),
        "focal_track_id": ["focal"] * n,
        "city": ["austin"] * n,
        "map_id": np.full(n, 7, np.uint64),
        "slice_id": [f"slice-{name}"] * n,
    }
    place = folder / name
    place.mkdir(parents=True)
    table = pa.concat_tables(parts)
    for column, values in whole.items():
        table = table.append_column(column, pa.array(values))
    pq.write_table(table, place / f"scenario_{name}.parquet")
    return folder


def _track(name: str, kind: str, category: int, x: np.ndarray, y: np.ndarray, speed: float, n: int) -> pa.Table:
    columns = {
        "observed": np.arange(n) < N_OBSERVED,
        "track_id": [name] * n,
        "object_type": [kind] * n,
        "object_category": np.full(n, category),
        "timestep": np.arange(n),
        "position_x": x,
        "position_y": y,
        "heading": np.full(n, np.pi / 2),
        "velocity_x": np.zeros(n),
        "velocity_y": np.full(n, speed),
    }
    return pa.table(columns)


def write_forecasts(file: Path, scenario: str, track: str = "focal", *, n_steps: int = 60) -> None:
    """Two modes: as it was, and standing still; the less likely one first."""
    north = 69.0 + np.arange(1, n_steps + 1)
    rows = {
        "scenario_id": [scenario] * 2,
        "track_id": [track] * 2,
        "probability": [0.25, 0.75],
        "predicted_trajectory_x": [[0.0] * n_steps] * 2,
        "predicted_trajectory_y": [[69.0] * n_steps, north.tolist()],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(rows), file)


def write_folder(folder: Path) -> Path:
    write_scenario(folder / "train", "s1")
    write_scenario(folder / "test", "s2", n_steps=N_OBSERVED)
    write_forecasts(folder / "forecasts/m1/val.parquet", "s1")
    return folder


def lay_out_real(folder: Path) -> Path:
    (file,) = REAL.glob("*_scenario_*.parquet")
    name = pq.read_table(file, columns=["scenario_id"])["scenario_id"][0].as_py()
    place = folder / "val" / name
    place.mkdir(parents=True)
    shutil.copy(file, place / f"scenario_{name}.parquet")
    return folder
