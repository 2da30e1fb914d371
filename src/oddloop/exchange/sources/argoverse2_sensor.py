"""Argoverse 2 sensor data set: annotations, ego poses and detections, a log at a time.

    <split>/<log_id>/annotations.feather                boxes in the ego frame, ten sweeps a second
    <split>/<log_id>/city_SE3_egovehicle.feather        ego poses in the city frame
    <split>/<log_id>/map/log_map_archive_…____<CITY>_city_<n>.json   only its name is read, for the city
    <split>/<log_id>/sensors/lidar/<timestamp_ns>.feather            names only, for sweeps without boxes
    detections/<model_id>/*.feather                     as submitted to the detection challenge, of any logs

A model's detections are in memory while its logs are read. Time grows with the boxes and poses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather as feather
import pyarrow.parquet as pq

from oddloop.errors import Fault, SourceError
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables, pick_columns, reading, refuse_twice, result_files
from oddloop.exchange.sources.drive import Drive, drive_tables
from oddloop.exchange.sources.left_out import LEFT_OUT, as_table, find_unknown
from oddloop.exchange.sources.rotation import QUATERNION, heading_of
from oddloop.exchange.sources.splits import split_columns

ANNOTATIONS, POSES = "annotations.feather", "city_SE3_egovehicle.feather"
SPLITS = ("train", "val", "test")
POSE_SLACK_NS = 500_000_000
"""Poses may begin as much after the first sweep, or end before the last one; else some of the way is not known."""


def _required(*names: tuple[str, pa.DataType]) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=False) for name, kind in names]


_F64 = pa.float64()
_PLACE = [("tx_m", _F64), ("ty_m", _F64), ("tz_m", _F64), *((name, _F64) for name in QUATERNION)]
_SIZE = [("length_m", _F64), ("width_m", _F64), ("height_m", _F64)]
_TIME = ("timestamp_ns", pa.int64())
_BOXES = pa.schema(
    [
        *_required(_TIME, ("track_uuid", pa.string()), ("category", pa.string()), *_PLACE, *_SIZE),
        pa.field("num_interior_pts", pa.int64()),
    ]
)
_EGO = pa.schema(_required(_TIME, *_PLACE))
_DETECTIONS = pa.schema(
    _required(_TIME, ("log_id", pa.string()), ("category", pa.string()), ("score", _F64), *_PLACE, *_SIZE)
)
_CITY = re.compile(r"____([A-Z]+)_city_")


class Argoverse2Sensor:
    """Logs of the sensor data set; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.scene_s = folder, scene_s
        self.agents = agents_of("argoverse2")

    def parts(self) -> Iterator[Part]:
        """One part per log."""
        logs = sorted({p.parent for name in (ANNOTATIONS, POSES) for p in self.folder.glob(f"**/{name}")})
        if not logs:
            raise SourceError(
                f"{self.folder}: no {ANNOTATIONS} below it; give the folder that holds train/, val/ or single logs"
            )
        models = [file for files in self._models.values() for file in files]
        left_out = find_unknown(
            self._detections, self.folder / "detections", "detection", "log", [p.name for p in logs]
        )
        for log in logs:
            own = [log / POSES, *([log / ANNOTATIONS] if not _is_unlabelled(log) else [])]
            yield Part(log.relative_to(self.folder).as_posix(), (*own, *models), left_out)
            left_out = ()

    def read(self, part: Part) -> Tables:
        """Tables of one log."""
        log = part.files[0].parent
        boxes = _read_boxes(log / ANNOTATIONS) if log / ANNOTATIONS in part.files else None
        times = np.unique(np.concatenate([_sweeps(log), [] if boxes is None else boxes["timestamp_ns"].to_numpy()]))
        if not len(times):
            raise PartError.of(log, "no-frames", f"neither {ANNOTATIONS} nor sensors/lidar tells of a sweep")
        times = times.astype(np.int64)
        poses = _read_poses(log / POSES, times)
        detected = self._detected(log.name)
        at_sweeps = {model: _at_sweeps(table, times) for model, table in detected.items()}
        off = [self._off_sweeps(model, table, at_sweeps[model].num_rows) for model, table in detected.items()]
        drive = Drive(
            log_id=log.name,
            timestamp_ns=times,
            poses=poses,
            boxes=None if boxes is None else _placed(boxes, times),
            agents=self.agents,
            predictions={model: _detected(table, times) for model, table in at_sweeps.items()},
            attributes={"city": _city(log), **split_columns(log.parent.name, SPLITS)},
        )
        tables = drive_tables(drive, self.scene_s)
        return {**tables, LEFT_OUT: as_table(chain(*off))} if any(off) else tables

    def _detected(self, log_id: str) -> dict[str, pa.Table]:
        """Of the models that have anything on the log; the others were not run on it."""
        found = {model: table.filter(pc.equal(table["log_id"], log_id)) for model, table in self._detections.items()}
        return {model: table for model, table in found.items() if table.num_rows}

    def _off_sweeps(self, model: str, found: pa.Table, n_at_sweeps: int) -> list[Fault]:
        """The detections of a log that belong to no frame."""
        n, log_id, place = found.num_rows - n_at_sweeps, found["log_id"][0].as_py(), self._place(model)
        if not n_at_sweeps:
            message = f"all detections of log {log_id} are at other times than its sweeps; give the same ns"
            raise PartError.of(place, "other-times", message, n)
        message = f"of log {log_id!r}, at other times than its sweeps"
        return [Fault(f"predictions/detection/{model}", str(place), -1, "other-times", message, n)] if n else []

    def _place(self, model: str) -> Path:
        return self.folder / "detections" / model

    @cached_property
    def _models(self) -> dict[str, list[Path]]:
        return result_files(self.folder / "detections", "*.feather", "*.parquet")

    @cached_property
    def _detections(self) -> dict[str, pa.Table]:
        return {
            model: pa.concat_tables([_read_detections(file) for file in files]) for model, files in self._models.items()
        }


def _is_unlabelled(log: Path) -> bool:
    """The test split is published without annotations; elsewhere a log without them is incomplete."""
    return log.parent.name == "test" and not (log / ANNOTATIONS).exists()


def _read(file: Path) -> pa.Table:
    with reading(file):
        return pq.read_table(file) if file.suffix == ".parquet" else feather.read_table(file, memory_map=False)


def _read_boxes(file: Path) -> pa.Table:
    boxes = pick_columns(_read(file), _BOXES, file)
    message = "track {1} has two boxes at {0}; an object has one per sweep".format
    refuse_twice(boxes, ["timestamp_ns", "track_uuid"], file, "duplicate-track", message)
    return boxes


def _read_detections(file: Path) -> pa.Table:
    found = pick_columns(_read(file), _DETECTIONS, file)
    bad = pc.sum(pc.or_(pc.less(found["score"], 0), pc.greater(found["score"], 1))).as_py()
    if bad:
        raise PartError.of(file, "bad-score", "a score is outside [0, 1]; give probabilities", bad)
    return found


def _read_poses(file: Path, times: np.ndarray) -> Poses:
    ego = pick_columns(_read(file), _EGO, file).sort_by("timestamp_ns")
    time, heading = ego["timestamp_ns"].to_numpy(), heading_of(ego)
    if np.isnan(heading).any():
        raise PartError.of(file, "bad-rotation", "a quaternion is all zeros", int(np.isnan(heading).sum()))
    refuse_twice(ego, ["timestamp_ns"], file, "duplicate-pose", "the vehicle has two poses at {}".format)
    if len(time) < 2 or time[0] - times[0] > POSE_SLACK_NS or times[-1] - time[-1] > POSE_SLACK_NS:
        message = "its poses do not cover the time of the sweeps; is it of another log, or cut short?"
        raise PartError.of(file, "other-times", message)
    return Poses(time, ego["tx_m"].to_numpy(), ego["ty_m"].to_numpy(), heading)


def _body(rows: pa.Table, times: np.ndarray) -> dict[str, pa.Array | pa.ChunkedArray]:
    sides = {name: rows[name].cast(pa.float32()) for name in ("length_m", "width_m", "height_m")}
    place = {name: rows[f"t{name}"].cast(pa.float32()) for name in ("x_m", "y_m", "z_m")}
    heading = pa.array(heading_of(rows), pa.float32())
    frame = pa.array(np.searchsorted(times, rows["timestamp_ns"].to_numpy()), pa.int64())
    return {"frame": frame, **place, **sides, "heading_rad": heading}


def _placed(boxes: pa.Table, times: np.ndarray) -> pa.Table:
    names = {"object_id": boxes["track_uuid"], "category": boxes["category"], "n_points": boxes["num_interior_pts"]}
    return pa.table({**names, **_body(boxes, times)})


def _at_sweeps(found: pa.Table, times: np.ndarray) -> pa.Table:
    return found.filter(pc.is_in(found["timestamp_ns"], value_set=pa.array(times)))


def _detected(mine: pa.Table, times: np.ndarray) -> pa.Table:
    names = {"score": mine["score"].cast(pa.float32()), "label": mine["category"]}
    return pa.table({**names, **_body(mine, times)})


def _sweeps(log: Path) -> np.ndarray:
    names = [p.stem for p in (log / "sensors/lidar").glob("*.feather")]
    return np.array([int(name) for name in names if name.isdigit()], np.int64)


def _city(log: Path) -> str | None:
    found = [m[1] for p in (log / "map").glob("log_map_archive_*.json") if (m := _CITY.search(p.name))]
    return found[0] if found else None
