"""nuScenes, a scene at a time.

    v1.0-*/*.json                   the tables of one version
    v1.0-*/splits.json              {split: [scene names]}, where you have one
    results/<model_id>/*.json       detection results, or prediction results

Times and places are as published; the sun is worked out from them, at the origin of the map. Memory: the tables of a
version without sensor data other than the lidar's.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import SourceError
from oddloop.exchange.attributes import sun
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables, read_json, result_files
from oddloop.exchange.sources.drive import RULES, Drive, drive_tables
from oddloop.exchange.sources.json_tables import Connection, connect
from oddloop.exchange.sources.left_out import refuse_without_results
from oddloop.exchange.sources.nuscenes import results
from oddloop.exchange.sources.nuscenes.tables import TABLES, load_tables
from oddloop.exchange.sources.rotation import heading_of_quaternions, seen_from
from oddloop.exchange.sources.splits import is_held_out_split, split_columns

ORIGINS_DEG = {
    "boston-seaport": (42.3368, -71.0579),
    "singapore-onenorth": (1.2882, 103.7848),
    "singapore-hollandvillage": (1.2994, 103.7822),
    "singapore-queenstown": (1.2783, 103.7674),
}
"""Latitude and longitude of the maps' origins."""
SUN_RULES = {
    "sun_elevation_deg": f"{sun.ELEVATION_RULE}; the place is the origin of the map",
    "time_of_day": f"{sun.RULE}; the place is the origin of the map",
    "visibility": "the level of visibility that most of its boxes have",
}


class NuScenes:
    """A version of nuScenes and results on it; see the module for the layout."""

    def __init__(self, folder: Path, _scene_s: float) -> None:
        self.folder = folder
        self.agents = agents_of("nuscenes")
        self.models = result_files(folder / "results", "*.json")

    def parts(self) -> Iterator[Part]:
        """One part per scene."""
        files = (*(self._version / f"{name}.json" for name in TABLES), *chain(*self.models.values()))
        names = self._con.execute("SELECT name FROM scene ORDER BY name").fetchall()
        return (Part(name, files) for (name,) in names)

    def read(self, part: Part) -> Tables:
        """Tables of one scene."""
        scene = self._rows(
            "SELECT s.token, s.name, s.description, l.logfile, l.vehicle, l.location FROM scene s "
            "JOIN log l ON s.log_token = l.token WHERE s.name = ?",
            [part.name],
        )[0]
        samples = self._samples(scene["token"])
        if not samples.num_rows:
            raise PartError.of(self._version / "sample.json", "no-frames", f"scene {part.name} has no sample")
        boxes = self._annotations(samples)
        drive = Drive(
            log_id=scene["logfile"],
            timestamp_ns=samples["timestamp"].to_numpy() * 1000,
            frame_id=samples["token"].combine_chunks(),
            poses=self._poses(scene["token"]),
            boxes=boxes.drop_columns(["x", "y", "frame_id", "level"]),
            agents=self.agents,
            predictions={m: self._detected(m, samples) for m in results.models_of(self._con, "detection")},
            attributes={"description": scene["description"], "location": scene["location"], **self._split(part.name)},
        )
        # A scene of nuScenes is a scene here, however long.
        tables = drive_tables(drive, float("inf"))
        tables = {name: self._only_seen(name, _renamed(table, part.name)) for name, table in tables.items()}
        tables["scenes"] = self._with_sun(tables["scenes"], scene, boxes)
        return {**tables, **self._forecasts(samples, boxes, part.name)}

    @cached_property
    def _version(self) -> Path:
        found = [p for p in sorted(self.folder.glob("v1.0-*")) if p.is_dir()]
        if len(found) != 1:
            what = f"several versions ({', '.join(p.name for p in found)})" if found else "no v1.0-*/ with tables"
            raise SourceError(f"{self.folder}: {what} in it; give a folder that holds one")
        return found[0]

    @cached_property
    def _con(self) -> Connection:
        con = connect()
        load_tables(con, self._version)
        twice = con.execute("SELECT name FROM scene GROUP BY name HAVING count(*) > 1").fetchone()
        if twice is not None:
            raise PartError.of(self._version / "scene.json", "duplicate-name", f"scene {twice[0]} is there twice")
        results.load_results(con, self.models)
        having = {model for task in results.TASKS for model in results.models_of(con, task)}
        refuse_without_results(self.folder / "results", self.models, having)
        return con

    @cached_property
    def _splits(self) -> dict[str, list[str]]:
        """Splits of a scene's name; a scene of `mini_train` is in `train`, too."""
        file = self._version / "splits.json"
        if not file.exists():
            return {}
        content = read_json(file)
        if not isinstance(content, dict) or not all(isinstance(v, list) for v in content.values()):
            raise PartError.of(file, "other-format", "it is not {split: [scene names]}")
        splits: dict[str, list[str]] = {}
        for split, scenes in content.items():
            for scene in scenes:
                splits.setdefault(str(scene), []).append(split)
        return splits

    def _split(self, name: str) -> dict[str, str | None]:
        if self._version.name == "v1.0-test":
            return split_columns("test", {"test"})
        splits = self._splits.get(name, [""])
        held_out = [split for split in splits if is_held_out_split(split)]
        if held_out and len(held_out) < len(splits):
            pool = next(split for split in splits if split not in held_out)
            message = (
                f"scene {name} is in {held_out[0]} and in {pool}; keep it in one: models must not judge themselves"
            )
            raise PartError.of(self._version / "splits.json", "held-out-and-pool", message)
        return split_columns(splits[0], {splits[0]} - {""})

    def _rows(self, query: str, values: list[str]) -> list[dict[str, Any]]:
        cursor = self._con.execute(query, values)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _sql(self, query: str) -> pa.Table:
        return self._con.sql(query).to_arrow_table()

    def _samples(self, scene: str) -> pa.Table:
        samples = self._sql(
            f"""SELECT s.token, s.timestamp, p.translation, p.rotation FROM sample s
            JOIN pose p ON p.sample_token = s.token AND p.is_key_frame WHERE s.scene_token = '{scene}'
            ORDER BY s.timestamp"""
        )
        if (np.diff(samples["timestamp"].to_numpy()) <= 0).any():
            raise PartError.of(
                self._version / "sample.json", "equal-times", "two samples of a scene have one timestamp"
            )
        return samples.append_column("frame", pa.array(np.arange(samples.num_rows)))

    def _poses(self, scene: str) -> Poses:
        poses = self._sql(f"SELECT * FROM pose WHERE scene_token = '{scene}' ORDER BY timestamp")
        place = _matrix(poses["translation"], 3)
        return Poses(poses["timestamp"].to_numpy() * 1000, place[:, 0], place[:, 1], _heading(poses["rotation"]))

    def _annotations(self, samples: pa.Table) -> pa.Table:
        """Boxes seen from the vehicle, with global `x`, `y` and the level of visibility beside."""
        self._con.register("samples", samples)
        found = self._sql(
            """SELECT s.frame, s.token AS frame_id, a.instance_token AS object_id, c.name AS category, v.level,
            a.num_lidar_pts + a.num_radar_pts AS n_points, a.translation, a.size, a.rotation
            FROM sample_annotation a JOIN samples s ON a.sample_token = s.token
            JOIN instance i ON a.instance_token = i.token JOIN category c ON i.category_token = c.token
            LEFT JOIN visibility v ON a.visibility_token = v.token ORDER BY s.frame, object_id"""
        )
        place = _matrix(found["translation"], 3)
        body = {"x": place[:, 0], "y": place[:, 1], **_seen(found, samples)}
        kept = found.drop_columns(["translation", "size", "rotation"])
        return pa.table({**dict(zip(kept.column_names, kept.columns, strict=True)), **body})

    def _detected(self, model: str, samples: pa.Table) -> pa.Table:
        found = results.detections_of(self._con, model, samples)
        kept = found.drop_columns(["translation", "size", "rotation"])
        return pa.table({**dict(zip(kept.column_names, kept.columns, strict=True)), **_seen(found, samples)})

    def _only_seen(self, name: str, table: pa.Table) -> pa.Table:
        """Detections without the samples that the model was not run on."""
        task, _, model = name.removeprefix("predictions/").partition("/")
        if task != "detection":
            return table
        return table.filter(pc.is_in(table["frame_id"], value_set=results.samples_seen(self._con, model)))

    def _with_sun(self, scenes: pa.Table, scene: dict[str, Any], boxes: pa.Table) -> pa.Table:
        latitude, longitude = ORIGINS_DEG.get(scene["location"], (np.nan, np.nan))
        levels = pc.value_counts(pc.drop_null(boxes["level"])).to_pylist()
        most = max(levels, key=lambda v: (v["counts"], v["values"]), default={"values": None})["values"]
        columns = {
            "vehicle_id": pa.array([scene["vehicle"]], pa.string()),
            **sun.sun_columns(scenes["start_ns"].to_numpy(), np.array([latitude]), np.array([longitude])),
            "visibility": pa.array([most], pa.string()),
        }
        for name, values in columns.items():
            scenes = scenes.append_column(name, values)
        return mark_derived(scenes, {**RULES, **SUN_RULES})

    def _forecasts(self, samples: pa.Table, boxes: pa.Table, scene_id: str) -> dict[str, pa.Table]:
        models = results.models_of(self._con, "trajectory")
        placed = samples.append_column("scene_id", pa.repeat(scene_id, samples.num_rows))
        tables = {f"predictions/trajectory/{m}": results.forecasts_of(self._con, m, placed) for m in models}
        lists = [table for table in tables.values() if table.num_rows]
        if lists:
            n_steps = len(lists[0]["modes"][0].as_py()[0][0])
            asked = pa.concat_tables([t.select(["frame_id", "scene_id", "agent_id"]) for t in lists])
            asked = asked.group_by(["frame_id", "scene_id", "agent_id"], use_threads=False).aggregate([])
            tables["futures"] = results.futures_of(asked, boxes, n_steps)
        return tables


def _renamed(table: pa.Table, scene_id: str) -> pa.Table:
    """Scenes are called as nuScenes does."""
    return table.set_column(table.column_names.index("scene_id"), "scene_id", pa.repeat(scene_id, table.num_rows))


def _matrix(vectors: pa.ChunkedArray, n: int) -> np.ndarray:
    flat: np.ndarray = pc.list_flatten(vectors).to_numpy().reshape(-1, n)
    return flat


def _heading(rotations: pa.ChunkedArray) -> np.ndarray:
    return heading_of_quaternions(_matrix(rotations, 4))


def _seen(boxes: pa.Table, samples: pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    """Place, size and heading of boxes as seen from the vehicle at their sample."""
    frame = boxes["frame"].to_numpy()
    ego, rotation = _matrix(samples["translation"], 3)[frame], _matrix(samples["rotation"], 4)[frame]
    place = seen_from(ego, rotation, _matrix(boxes["translation"], 3), _heading(boxes["rotation"]))
    width, length, height = _matrix(boxes["size"], 3).T
    columns = {**place, "length_m": length, "width_m": width, "height_m": height}
    return {name: pa.array(values, pa.float32()) for name, values in columns.items()}
