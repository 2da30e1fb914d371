"""Arrays of driving data for the label-efficiency benchmark: `python bench/al_prepare.py FOLDER NAME ...`.

Writes `NAME.npz` of ngsim, kitti and fleet to the folder. NGSIM and KITTI are read from the folders
`commonroad_ngsim` and `kitti_tracking` below `$ODDLOOP_TEST_DATA`; the fleet is the demo's, simulated anew unless
`$ODDLOOP_BENCH_FLEET` names one that is there. What is absent is left out and the reason
printed.
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.demo.design import load_design
from oddloop.demo.fleet import load_fleet, simulate_fleet
from oddloop.demo.forecaster import into_frame, straight_ahead
from oddloop.demo.futures import true_futures
from oddloop.errors import OddloopError
from oddloop.exchange.frame_errors import frame_errors
from oddloop.exchange.sources.kitti.archive import read_archive
from oddloop.exchange.sources.kitti.records import Sequence, read_sequence
from oddloop.exchange.sources.kitti.source import make_tables

Arrays = dict[str, np.ndarray]
EVERY, BACK, AHEAD = 5, 10, 20
"""NGSIM windows in steps of 0.1 s: one begins every half second, sees 1 s and forecasts 2 s."""
N_NEAR = 3
KEPT = {"ngsim": 60, "fleet": 12}
"""Windows kept of a scene to train on: they overlap so much that more of them only take longer."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:]:
        try:
            arrays = MAKERS[name](folder)
        except (OddloopError, OSError, LookupError) as error:
            print(f"{name} is left out: {error!r}")
            continue
        np.savez(folder / f"{name}.part.npz", **arrays)  # type: ignore[arg-type]
        (folder / f"{name}.part.npz").rename(folder / f"{name}.npz")


def _data() -> Path:
    folder = os.environ.get("ODDLOOP_TEST_DATA")
    if not folder:
        raise OSError("ODDLOOP_TEST_DATA names no folder")
    return Path(folder)


def ngsim(_folder: Path) -> Arrays:
    """Windows of all vehicles: unit, inputs in the vehicle's own frame, and how far it strays from straight driving."""
    place = _data() / "commonroad_ngsim"
    table = pq.read_table(place / "tracks.parquet")
    with (place / "scenes.csv").open() as file:
        scenes = sorted(csv.DictReader(file), key=lambda row: row["scene_id"])
    ids = np.array([row["scene_id"] for row in scenes])
    scene = np.searchsorted(ids, np.array(table["scene_id"].to_pylist()))
    step, car = table["step"].to_numpy(), table["object_id"].to_numpy()
    order = np.lexsort((step, car, scene))
    columns = [table[name].to_numpy()[order].astype(np.float64) for name in ("x", "y", "heading", "speed", "accel")]
    scene, step, car = scene[order], step[order], car[order]
    rows = _whole_windows(scene, car, step)
    inputs = np.concatenate([_own_past(columns, rows), _near(columns, scene * 1000 + step, rows)], axis=1)
    x, y, heading, speed, _ = columns
    end = _turned(x[rows + AHEAD] - x[rows], y[rows + AHEAD] - y[rows], heading[rows])
    end[:, 0] -= speed[rows] * AHEAD * 0.1
    kept = _some(scene[rows], KEPT["ngsim"])
    return {
        "unit": scene[rows][kept],
        "n_rows": np.bincount(scene[rows], minlength=len(ids)),
        "inputs": inputs[kept].astype(np.float32),
        "targets": end[kept].astype(np.float32),
        "group": np.array([int(row["recording_group"]) for row in scenes]),
        "segment": np.array([row["site"] for row in scenes]),
    }


def _some(scene: np.ndarray, most: int) -> np.ndarray:
    """Rows, at most so many of each scene by chance, in the order of the scenes."""
    order = np.lexsort((np.random.default_rng(0).random(len(scene)), scene))
    nth = np.arange(len(scene)) - np.searchsorted(scene[order], scene[order])
    return order[nth < most]


def _whole_windows(scene: np.ndarray, car: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Rows with an unbroken second before and two after."""
    rows = np.arange(BACK, len(step) - AHEAD)
    rows = rows[step[rows] % EVERY == 0]
    same = (scene[rows - BACK] == scene[rows + AHEAD]) & (car[rows - BACK] == car[rows + AHEAD])
    return rows[same & (step[rows + AHEAD] - step[rows - BACK] == BACK + AHEAD)]


def _turned(x: np.ndarray, y: np.ndarray, heading: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(heading), np.sin(heading)
    return np.stack([cos * x + sin * y, cos * y - sin * x], axis=-1)


def _own_past(columns: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    x, y, heading, speed, accel = columns
    before = rows[:, None] - np.arange(2, BACK + 1, 2)
    past = _turned(x[before] - x[rows, None], y[before] - y[rows, None], heading[rows, None]).reshape(len(rows), -1)
    turn = np.angle(np.exp(1j * (heading[rows] - heading[rows - BACK])))
    stated = np.nan_to_num(accel[rows])  # a few scenes do not state it
    return np.column_stack([past / 10.0, speed[rows] / 10.0, speed[rows - BACK] / 10.0, stated, turn])


def _near(columns: list[np.ndarray], moment: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Place and velocity of the three nearest vehicles, and gap and closing speed to the next one ahead."""
    x, y, heading, speed, _ = columns
    by_moment = np.argsort(moment, kind="stable")
    first, last = (np.searchsorted(moment[by_moment], moment[rows], side=side) for side in ("left", "right"))
    slots = first[:, None] + np.arange((last - first).max())
    other = by_moment[np.minimum(slots, len(moment) - 1)]
    absent = (slots >= last[:, None]) | (other == rows[:, None])
    offset = _turned(x[other] - x[rows, None], y[other] - y[rows, None], heading[rows, None])
    distance = np.where(absent, np.inf, np.hypot(offset[..., 0], offset[..., 1]))
    near = np.argsort(distance, axis=1)[:, :N_NEAR]
    there = np.isfinite(np.take_along_axis(distance, near, 1))[..., None]
    chosen = np.take_along_axis(other, near, 1)
    turn = heading[chosen] - heading[rows, None]
    velocity = np.stack([speed[chosen] * np.cos(turn) - speed[rows, None], speed[chosen] * np.sin(turn)], axis=-1)
    place = np.take_along_axis(offset, near[..., None], 1) / 20.0
    parts = np.concatenate([there, np.where(there, place, 0.0), np.where(there, velocity / 10.0, 0.0)], axis=2)
    ahead = np.where(absent | (np.abs(offset[..., 1]) > 2.0) | (offset[..., 0] <= 0), 60.0, offset[..., 0])
    leader = ahead.argmin(axis=1)
    gap = np.minimum(ahead[np.arange(len(rows)), leader], 60.0)
    closing = np.where(gap < 60.0, speed[other[np.arange(len(rows)), leader]] - speed[rows], 0.0)
    return np.column_stack([parts.reshape(len(rows), -1), gap / 20.0, closing / 10.0])


def kitti(_folder: Path) -> Arrays:
    """Per frame: sequence, errors of the detector, its summed entropy, detections, and what they look like."""
    archive = read_archive(_data() / "kitti_tracking")
    sequences = [read_sequence(archive, name) for name in archive.sequences]
    n_frames = np.array([one.n_frames for one in sequences])
    sequence, first = np.repeat(np.arange(len(sequences)), n_frames), np.cumsum(n_frames) - n_frames
    errors = np.concatenate([_frame_errors(one) for one in sequences])
    found, n = pa.concat_tables([one.detections for one in sequences]), len(sequence)
    row = np.concatenate([one.detections["frame"].to_numpy() + first[i] for i, one in enumerate(sequences)])
    logit = found["logit"].to_numpy()
    score = 1.0 / (1.0 + np.exp(-logit))
    entropy = -(score * np.log(score) + (1 - score) * np.log1p(-np.minimum(score, 1 - 1e-12)))
    label = np.array(found["label"].to_pylist())
    sure = score >= 0.5
    columns = []
    for name in ("Car", "Pedestrian", "Cyclist"):
        mine = label == name
        columns += [np.bincount(row[mine & sure], minlength=n), np.bincount(row[mine], entropy[mine], minlength=n)]
    for column in ("z_m", "x_m", "x_min_px"):
        value = found[column].to_numpy() / (1000.0 if column.endswith("px") else 20.0)
        columns += [np.bincount(row[sure], value[sure] ** power, minlength=n) for power in (1, 2)]
    inputs = np.column_stack([np.bincount(row[~sure], minlength=n), *columns])
    return {
        "sequence": sequence,
        "errors": errors,
        "entropy": np.bincount(row, entropy, minlength=n),
        "n_objects": np.bincount(row[sure], minlength=n),
        "inputs": np.log1p(np.maximum(inputs, 0.0)).astype(np.float32),
    }


def _frame_errors(sequence: Sequence) -> np.ndarray:
    tables = make_tables(sequence, per_scene=100)
    errors = frame_errors(tables["objects"], tables["predictions/detection/pointrcnn"], tables["ignore_regions"])
    total = errors["n_fp"].to_numpy() + errors["n_fn"].to_numpy()
    return total.reshape(-1, sequence.n_frames).sum(axis=0)  # class by class, in the order of the frames


def fleet(folder: Path) -> Arrays:
    """Some forecasts of every scene of the demo: inputs, and how far the road user strays from straight driving."""
    there = os.environ.get("ODDLOOP_BENCH_FLEET")
    made = load_fleet(Path(there)) if there else simulate_fleet(folder / "fleet", seed=0)
    design = load_design(made)
    scenes = pq.read_table(made.folder / "lake" / "scenes").to_pydict()
    labelled = pq.read_table(made.folder / "lake" / "labels")["scene_id"].to_pylist()
    rows, future_m = true_futures(made.folder, design, design.scene_ids)
    n_rows = np.bincount(design.scene[rows], minlength=len(scenes["scene_id"]))
    kept = _some(design.scene[rows], KEPT["fleet"])
    rows, future_m = rows[kept], future_m[kept]
    end = into_frame(future_m, design.pose[rows])[:, -1] - straight_ahead(design.inputs[rows])[:, -1]
    n_frames, n_seen = np.array(scenes["n_frames"]), np.array(scenes["agents_seen_mean"])
    rain, light = np.array(scenes["rain_mm_h"]), np.array(scenes["illuminance_lux"])
    weather = np.char.add(np.where(rain > 7.6, "heavy", "dry"), np.where(light <= 1.0, " night", " day"))
    return {
        "unit": design.scene[rows],
        "inputs": design.inputs[rows],
        "targets": end.astype(np.float32),
        "n_rows": n_rows,
        "costs": 1.0 + 0.12 * n_frames + 0.04 * n_frames * n_seen,
        "n_objects": n_frames * n_seen,
        "group": np.unique(np.array(scenes["log_id"]), return_inverse=True)[1],
        "is_eval": np.array(scenes["split"]) == "eval",
        "is_first": np.isin(np.array(scenes["scene_id"]), labelled),
        "segment": np.char.add(np.char.add(np.array(scenes["junction"]), " "), weather),
    }


MAKERS = {"ngsim": ngsim, "kitti": kitti, "fleet": fleet}

if __name__ == "__main__":
    main()
