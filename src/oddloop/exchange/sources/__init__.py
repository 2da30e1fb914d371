"""Sources: data sets in their published layouts, part by part into the lake.

`SOURCES` names those that ship. A team's own is named by import path, `package.module:Class`.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path

from oddloop.errors import SourceError
from oddloop.exchange.sources.base import Part, PartError, Source, SourceMaker, Tables, pick_columns, reading
from oddloop.exchange.sources.ingest import ingest_source
from oddloop.exchange.sources.kitti.settings import SETTINGS as KITTI_SETTINGS

__all__ = [
    "SOURCES",
    "Part",
    "PartError",
    "Shipped",
    "Source",
    "Tables",
    "ingest_source",
    "make_source",
    "pick_columns",
    "reading",
]


@dataclass(frozen=True)
class Shipped:
    """A source that ships.

    Attributes:
        path: where its class is; imported when it is asked for.
        taxonomy: the crosswalk of its attributes; empty: the format has none.
        help: what it reads, in one line.
        metrics: `[metrics]` for `oddloop.toml`, where the source measures any.
        settings: all that `oddloop.toml` needs, where the attributes are in no taxonomy's words.
        scene_s: length of a scene in seconds where none is asked for; here, so that `--help` need not import the class.
    """

    path: str
    taxonomy: str
    help: str
    metrics: str = ""
    settings: str = ""
    scene_s: float = 20.0


BDD100K_CLASSES = ("pedestrian", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")


def _detection_metrics(classes: tuple[str, ...]) -> str:
    """What is good for the metrics that `exchange.scene_metrics` makes, for `oddloop.toml`."""
    directions = {"precision_{}": "higher", "recall_{}": "higher", "fp_fn_per_frame_{}": "lower"}
    names = {form.format(name): better for form, better in directions.items() for name in classes}
    lines = [f'{name} = {{ better = "{better}" }}' for name, better in {"fp_fn_per_frame": "lower", **names}.items()]
    return "\n".join(["[metrics]", *lines, ""])


_HERE = "oddloop.exchange.sources"
SOURCES = {
    "kitti": Shipped(
        f"{_HERE}.kitti.source:Kitti",
        "",
        "KITTI tracking: label_02 and detection text files, or kitti_tracking.tar.gz.",
        settings=KITTI_SETTINGS,
        scene_s=10.0,
    ),
    "argoverse2": Shipped(
        f"{_HERE}.argoverse2_sensor:Argoverse2Sensor",
        "argoverse2",
        "Argoverse 2 sensor logs: annotations.feather and ego poses, detections as submitted.",
    ),
    "argoverse2-motion": Shipped(
        f"{_HERE}.argoverse2_motion:Argoverse2Motion",
        "argoverse2_motion",
        "Argoverse 2 motion forecasting: scenarios in Parquet, forecasts as submitted.",
    ),
    "bdd100k": Shipped(
        f"{_HERE}.bdd100k:Bdd100k",
        "bdd100k",
        "BDD100K labels and results in JSON, with the attributes of images.",
        _detection_metrics(BDD100K_CLASSES),
    ),
    "nuscenes": Shipped(
        f"{_HERE}.nuscenes:NuScenes", "nuscenes", "nuScenes: tables of a version, detection and prediction results."
    ),
    "nuplan": Shipped(f"{_HERE}.nuplan:NuPlan", "nuplan", "nuPlan: SQLite logs, with boxes, poses and scenario tags."),
    "comma2k19": Shipped(
        f"{_HERE}.comma2k19:Comma2k19", "comma2k19", "comma2k19 segments: poses and CAN signals, no labels."
    ),
    "commonroad": Shipped(
        f"{_HERE}.commonroad:CommonRoad", "commonroad", "CommonRoad scenarios in XML; needs oddloop[commonroad]."
    ),
    "waymo": Shipped(
        f"{_HERE}.waymo_perception:WaymoPerception",
        "waymo",
        "Waymo Open Dataset 2, perception: Parquet components of boxes, poses and statistics.",
    ),
    "waymo-motion": Shipped(
        f"{_HERE}.waymo_motion:WaymoMotion",
        "waymo",
        "Waymo Open Motion scenarios in TFRecord files, without TensorFlow; needs oddloop[waymo].",
    ),
    "mcap": Shipped(
        f"{_HERE}.mcap_logs:McapLogs",
        "",
        "MCAP logs, such as ROS 2 bags: statistics of what topics say, scene by scene; needs oddloop[mcap].",
    ),
    "coco": Shipped(f"{_HERE}.coco:Coco", "", "COCO instances and detection results, images of videos or single ones."),
}


def make_source(name: str, folder: Path, scene_s: float | None = None) -> Source:
    """A source by its name in `SOURCES`, or by import path; `scene_s` is the wanted length of a scene in seconds.

    Raises:
        SourceError: there is no such source, or it cannot be imported.
    """
    shipped = SOURCES.get(name) or Shipped(name, "", "")
    scene_s = shipped.scene_s if scene_s is None else scene_s
    path = shipped.path
    module_name, colon, attribute = path.partition(":")
    if not colon:
        known = ", ".join(SOURCES)
        raise SourceError(f'{name!r} is not a source; known: {known}, or your own as "package.module:Class"')
    try:
        maker: SourceMaker = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise SourceError(f"{path}: cannot be imported: {error}; is its folder on PYTHONPATH?") from error
    if not (scene_s > 0):
        raise SourceError(f"scene_s = {scene_s}: give a length in seconds, above 0")
    # The name of the folder may say which split it is; `.` has none.
    return maker(folder if folder.name not in ("", "..") else Path(os.path.abspath(folder)), scene_s)
