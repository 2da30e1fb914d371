"""A log of frames, boxes around the vehicle and ego poses, as tables: what most driving data sets come down to.

A log is cut evenly into the number of scenes that comes nearest to the wanted length, so that no short tail is left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.exchange.attributes import agents as agent_rules
from oddloop.exchange.attributes import motion as motion_rules
from oddloop.exchange.attributes.agents import categories_present, is_agent, mean_agents, traffic_density
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.motion import Poses, summarize_motion

IntArray = npt.NDArray[np.int64]
LONE_FRAME_S = 0.1
"""What a log of one frame lasts."""
NEAR = f"within {agent_rules.NEAR_M:g} m of the ego vehicle"
RULES = {
    **motion_rules.RULES,
    "n_agents_near_per_frame": f"mean number of labelled agents per frame {NEAR}",
    "traffic_density": agent_rules.density_rule(NEAR),
    "categories": "the categories that are labelled in any frame of the scene",
}


@dataclass(frozen=True, eq=False)
class Drive:
    """One log.

    Attributes:
        log_id: names it.
        timestamp_ns: (F,) int64, rising: its frames.
        frame_id: (F,) strings; None: `<log_id>/<timestamp_ns>`.
        poses: of the ego vehicle; None where not known.
        boxes: `frame` (int64, row of `timestamp_ns`), `object_id`, `category`, centre `x_m` and `y_m` seen from the ego
            vehicle, and any other columns; None where nobody labelled.
        agents: categories that are road users.
        predictions: boxes by model, as `boxes` with `label` and `score` in place of object and category.
        attributes: what the data set says of the log, by column of `scenes`; None is not known.
    """

    log_id: str
    timestamp_ns: IntArray
    frame_id: pa.Array | None = None
    poses: Poses | None = None
    boxes: pa.Table | None = None
    agents: Collection[str] = ()
    predictions: Mapping[str, pa.Table] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)


def drive_tables(drive: Drive, scene_s: float) -> dict[str, pa.Table]:
    """The lake tables of a log of one frame or more.

    >>> tables = drive_tables(Drive("l", np.arange(0, 4_000_000_000, 100_000_000)), 2.0)
    >>> tables["scenes"].select(["scene_id", "duration_s", "n_frames"]).to_pylist()[1]
    {'scene_id': 'l/01', 'duration_s': 2.0, 'n_frames': 20}
    """
    scene, start_ns, end_ns = _cut(drive.timestamp_ns, scene_s)
    n_frames = np.bincount(scene)
    scene_id = numbered(drive.log_id, len(start_ns))
    frame_id = drive.frame_id
    if frame_id is None:
        frame_id = pc.binary_join_element_wise(drive.log_id, pa.array(drive.timestamp_ns).cast(pa.string()), "/")
    names = _Names(frame_id, scene_id.take(pa.array(scene)))
    scenes = {
        "scene_id": scene_id,
        "log_id": pa.repeat(drive.log_id, len(scene_id)),
        "start_ns": pa.array(start_ns),
        "duration_s": pa.array((end_ns - start_ns) / 1e9),
        "n_frames": pa.array(n_frames),
        **{name: _constant(value, len(scene_id)) for name, value in drive.attributes.items()},
        **_moved(drive, start_ns, end_ns),
        **_surroundings(drive, scene, n_frames),
    }
    tables = {
        "scenes": mark_derived(pa.table(scenes), RULES),
        "frames": pa.table({"frame_id": frame_id, "scene_id": names.scene_id, "timestamp_ns": drive.timestamp_ns}),
    }
    if drive.boxes is not None:
        tables["objects"] = pa.table({**names.of(drive.boxes["frame"]), **_columns(drive.boxes)})
    for model, boxes in drive.predictions.items():
        tables[f"predictions/detection/{model}"] = _predicted(boxes, names)
    return tables


def numbered(log_id: str, n: int) -> pa.Array:
    """Ids of a log's scenes: `<log_id>/00` and so on.

    >>> numbered("l", 2).to_pylist()
    ['l/00', 'l/01']
    """
    digits = max(2, len(str(n - 1)))
    return pa.array([f"{log_id}/{i:0{digits}}" for i in range(n)], pa.string())


@dataclass(frozen=True, eq=False)
class _Names:
    frame_id: pa.Array
    scene_id: pa.Array

    def of(self, frame: pa.ChunkedArray) -> dict[str, pa.Array]:
        return {"frame_id": self.frame_id.take(frame), "scene_id": self.scene_id.take(frame)}


def _cut(timestamp_ns: IntArray, scene_s: float) -> tuple[IntArray, IntArray, IntArray]:
    """Scene of each frame, and where each scene begins and ends; scenes meet, and each has a frame."""
    gaps = np.diff(timestamp_ns)
    step = int(np.median(gaps)) if len(gaps) else int(LONE_FRAME_S * 1e9)
    whole = int(timestamp_ns[-1] - timestamp_ns[0]) + step
    n = max(1, round(whole / 1e9 / scene_s))  # infinite: one scene
    slot = (timestamp_ns - timestamp_ns[0]) * n // whole
    scene = np.unique(slot, return_inverse=True)[1].astype(np.int64)
    start = timestamp_ns[np.searchsorted(scene, np.arange(scene[-1] + 1))]
    return scene, start, np.concatenate([start[1:], [timestamp_ns[-1] + step]])


def _moved(drive: Drive, start_ns: IntArray, end_ns: IntArray) -> dict[str, pa.Array]:
    if drive.poses is None or len(drive.poses.time_ns) < 2:
        return {}
    motion = summarize_motion(drive.poses, start_ns, end_ns)
    return {
        "distance_m": pa.array(motion.distance_m, from_pandas=True),
        "ego_speed_kph": pa.array(motion.speed_mps * 3.6, from_pandas=True),
        "ego_manoeuvre": pa.array(motion.manoeuvre, pa.string()),
    }


def _surroundings(drive: Drive, scene: IntArray, n_frames: IntArray) -> dict[str, pa.Array]:
    if drive.boxes is None:
        return {}
    boxes = drive.boxes
    of_box = scene[boxes["frame"].to_numpy()]
    distance = np.hypot(boxes["x_m"].to_numpy(), boxes["y_m"].to_numpy())
    is_near = is_agent(boxes["category"], drive.agents) & (distance <= agent_rules.NEAR_M)
    near = mean_agents(of_box, is_near, n_frames)
    return {
        "n_agents_near_per_frame": pa.array(near),
        "traffic_density": traffic_density(near),
        "categories": categories_present(of_box, boxes["category"], len(n_frames)),
    }


def _columns(boxes: pa.Table) -> dict[str, pa.ChunkedArray]:
    return {name: boxes[name] for name in boxes.column_names if name != "frame"}


def _predicted(boxes: pa.Table, names: _Names) -> pa.Table:
    """Boxes of every frame; a frame without any has an empty list: the model ran and found nothing."""
    boxes = boxes.sort_by("frame").combine_chunks()
    columns = _columns(boxes)
    fields = [pa.field(n, c.type, nullable=n not in ("score", "label")) for n, c in columns.items()]
    structs = pa.StructArray.from_arrays([_one_chunk(c) for c in columns.values()], fields=fields)
    offsets = np.searchsorted(boxes["frame"].to_numpy(), np.arange(len(names.frame_id) + 1)).astype(np.int32)
    lists = pa.ListArray.from_arrays(pa.array(offsets), structs)
    return pa.table({"frame_id": names.frame_id, "scene_id": names.scene_id, "boxes": lists})


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _constant(value: object, n: int) -> pa.Array:
    kind = pa.string() if value is None or isinstance(value, str) else None
    return pa.array([value] * n, kind)
