"""A sequence's boxes as the lake's tables: `objects`, `ignore_regions` and `predictions/detection/pointrcnn`."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from oddloop.exchange.ignored import CORNERS
from oddloop.exchange.sources.kitti.grid import Grid
from oddloop.exchange.sources.kitti.records import DONT_CARE, Sequence

_BODY = ("height_m", "width_m", "length_m", "x_m", "y_m", "z_m", "rotation_y_rad", "alpha_rad")
"""Size, place (middle of the bottom, camera frame: x right, y down, z forward) and heading of an object."""


def objects_table(sequence: Sequence, grid: Grid) -> pa.Table:
    """Labelled objects of every category, frame by frame; the track is the object_id. DontCare is not an object."""
    labels = sequence.labels.filter(pc.not_equal(sequence.labels["category"], DONT_CARE))
    labels = labels.take(pc.sort_indices(labels, [("frame", "ascending"), ("track_id", "ascending")]))
    levels = ("truncation_level", "occlusion_level")
    columns = {
        **_names(labels, grid),
        "object_id": labels["track_id"].cast(pa.string()),
        "category": labels["category"],
        **{name: labels[name].cast(pa.int8()) for name in levels},
        **{name: labels[name].cast(pa.float32()) for name in (*CORNERS, *_BODY)},
    }
    return pa.table(columns)


def ignore_table(sequence: Sequence, grid: Grid) -> pa.Table:
    """DontCare regions, in which objects were left without labels."""
    regions = sequence.labels.filter(pc.equal(sequence.labels["category"], DONT_CARE))
    corners = {name: regions[name].cast(pa.float32()) for name in CORNERS}
    return pa.table({**_names(regions, grid), **corners})


def predictions_table(sequence: Sequence, grid: Grid) -> pa.Table:
    """Detections of every frame; a frame without any has an empty list. The score is the sigmoid of the logit."""
    order = np.argsort(sequence.detections["frame"].to_numpy(), kind="stable")
    found = sequence.detections.take(pa.array(order))
    fields = {
        "score": pa.array(expit(found["logit"].to_numpy()), pa.float32()),
        "label": found["label"].combine_chunks(),
        **{name: found[name].cast(pa.float32()).combine_chunks() for name in (*CORNERS, "logit", *_BODY)},
    }
    schema = [pa.field(n, a.type, nullable=n not in ("score", "label")) for n, a in fields.items()]
    structs = pa.StructArray.from_arrays(list(fields.values()), fields=schema)
    offsets = np.searchsorted(found["frame"].to_numpy(), np.arange(len(grid.frame_id) + 1)).astype(np.int32)
    boxes = pa.ListArray.from_arrays(pa.array(offsets), structs)
    return pa.table({"frame_id": grid.frame_id, "scene_id": grid.frame_scene_id, "boxes": boxes})


def _names(rows: pa.Table, grid: Grid) -> dict[str, pa.ChunkedArray]:
    return {"frame_id": grid.frame_id.take(rows["frame"]), "scene_id": grid.frame_scene_id.take(rows["frame"])}
