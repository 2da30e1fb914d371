"""A small made-up nuScenes version after the published schema, and results on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

START_US = 1_532_402_927_000_000
"""2018-07-24 03:28:47 UTC: 11:28 in Singapore, 23:28 of the day before in Boston."""
N_SAMPLES = 20
UNREAD = ("splits.json", "attribute.json", "map.json", "forecasts.json")
NEEDED = {"timestamp", "translation", "rotation", "size", "detection_score"}


def is_read(file: Path) -> bool:
    """Files without which nothing goes; of results, those of detection."""
    return file.suffix == ".json" and file.name not in UNREAD


def save(file: Path, rows: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(rows))


def write_version(folder: Path, *, results: bool = True) -> Path:
    """Two scenes of two logs, ten seconds each: the vehicle drives east at 5 m/s, a car 10 m ahead, a cone beside."""
    version = folder / "v1.0-mini"
    logs = {
        "sin": ("n015-2018-07-24-11-22-45+0800", "singapore-onenorth"),
        "bos": ("n008-2018-07-23", "boston-seaport"),
    }
    save(version / "log.json", [_log(token, *about) for token, about in logs.items()])
    texts = {"sin": "Rain, parked cars", "bos": "Night, turn left"}
    scenes = [
        {"token": f"s-{t}", "log_token": t, "name": f"scene-{i:04}", "description": texts[t], "nbr_samples": N_SAMPLES}
        for i, t in enumerate(logs)
    ]
    save(version / "scene.json", scenes)
    channels = (("lid", "LIDAR_TOP", "lidar"), ("cam", "CAM_FRONT", "camera"))
    save(version / "sensor.json", [{"token": t, "channel": c, "modality": m} for t, c, m in channels])
    at_origin = {"translation": [0, 0, 0], "rotation": [1, 0, 0, 0], "camera_intrinsic": []}
    sensors = [{"token": f"cal-{s}", "sensor_token": s, **at_origin} for s in ("lid", "cam")]
    save(version / "calibrated_sensor.json", sensors)
    save(
        version / "category.json",
        [{"token": "c1", "name": "vehicle.car"}, {"token": "c2", "name": "movable_object.trafficcone"}],
    )
    save(version / "visibility.json", [{"token": "4", "level": "v80-100"}])
    rows: dict[str, list[dict[str, Any]]] = {
        n: [] for n in ("sample", "sample_data", "ego_pose", "sample_annotation", "instance")
    }
    for scene in logs:
        _add_scene(rows, scene)
    for name, content in rows.items():
        save(version / f"{name}.json", content)
    # What only the data set's own reader asks for.
    save(version / "attribute.json", [])
    save(version / "map.json", [{"token": "m", "log_tokens": list(logs), "category": "", "filename": "maps/m.png"}])
    (folder / "maps").mkdir(exist_ok=True)
    (folder / "maps/m.png").touch()
    save(version / "splits.json", {"mini_train": ["scene-0000"], "val": ["scene-0001"]})
    if results:
        write_results(folder)
    return folder


def _log(token: str, logfile: str, location: str) -> dict[str, str]:
    return {
        "token": token,
        "logfile": logfile,
        "vehicle": logfile[:4],
        "date_captured": "2018-07-24",
        "location": location,
    }


def _add_scene(rows: dict[str, list[dict[str, Any]]], scene: str) -> None:
    for kind in (1, 2):
        rows["instance"].append({"token": f"i{kind}-{scene}", "category_token": f"c{kind}"})
    for i in range(N_SAMPLES):
        sample, x = f"{scene}-{i}", 100.0 + 2.5 * i
        rows["sample"].append(
            {
                "token": sample,
                "timestamp": START_US + i * 500_000,
                "scene_token": f"s-{scene}",
                **_links(f"{scene}-", i),
            }
        )
        for k in range(5):  # the key frame and four sweeps
            pose = f"p-{sample}-{k}"
            place = [x + 0.5 * k, 200.0, 0.0]
            rows["ego_pose"].append(
                {
                    "token": pose,
                    "timestamp": START_US + i * 500_000 + k * 100_000,
                    "rotation": [1.0, 0, 0, 0],
                    "translation": place,
                }
            )
            data = {"sample_token": sample, "ego_pose_token": pose, "is_key_frame": k == 0, "filename": f"{pose}.bin"}
            rows["sample_data"].append({"token": f"d-{sample}-{k}", "calibrated_sensor_token": "cal-lid", **data})
            if k == 0:
                rows["sample_data"].append({"token": f"e-{sample}", "calibrated_sensor_token": "cal-cam", **data})
        for kind, offset in ((1, [10.0, 0.0, 0.0]), (2, [0.0, 5.0, 0.0])):
            rows["sample_annotation"].append(
                {
                    "token": f"a{kind}-{sample}",
                    "sample_token": sample,
                    "instance_token": f"i{kind}-{scene}",
                    "visibility_token": "4",
                    "attribute_tokens": [],
                    "translation": [x + offset[0], 200.0 + offset[1], 0.5],
                    "size": [1.8, 4.5, 1.5],
                    "rotation": [1.0, 0.0, 0.0, 0.0],
                    "num_lidar_pts": 3,
                    "num_radar_pts": 1,
                    **_links(f"a{kind}-{scene}-", i),
                }
            )


def _links(prefix: str, i: int) -> dict[str, str]:
    """The neighbours in time, as the tables name them."""
    return {"prev": f"{prefix}{i - 1}" if i else "", "next": f"{prefix}{i + 1}" if i < N_SAMPLES - 1 else ""}


def write_results(folder: Path) -> None:
    """Detections on the second scene only, and forecasts for the car of the first two samples of the first."""
    box = {"size": [1.8, 4.5, 1.5], "rotation": [1.0, 0, 0, 0], "velocity": [5.0, 0.0], "detection_name": "car"}
    found = {
        f"bos-{i}": [
            {**box, "sample_token": f"bos-{i}", "translation": [110.0 + 2.5 * i, 200.0, 0.5], "detection_score": 0.7}
        ]
        for i in range(N_SAMPLES)
    }
    found["bos-3"] = []
    save(folder / "results/det_a/results.json", {"meta": {"use_lidar": True}, "results": found})
    forecasts = [
        {
            "instance": "i1-sin",
            "sample": f"sin-{i}",
            "prediction": [[[110.0 + 2.5 * (i + k + 1), 200.0] for k in range(12)], [[110.0, 200.0]] * 12],
            "probabilities": [0.75, 0.25],
        }
        for i in (0, 15)
    ]
    save(folder / "results/traj_b/forecasts.json", forecasts)
