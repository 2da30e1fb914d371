"""The `scenes` and `frames` tables of a sequence, and what the detector tells of each scene.

Attributes come from detections with score >= 0.5 and not from labels, so an unlabelled scene has them too:

- `traffic_density`: mean detections of all classes per frame: `none` below 0.5, `low` below 5, `medium` below 10, else
  `high`.
- `agents_present`: the classes detected in at least a fifth of the scene's frames, so that a stray false alarm does
  not count; an empty list where there are none.
- `n_<class>_per_frame`, `n_detected_per_frame`: mean detections per frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.exchange.sources.kitti.archive import CLASS_CODES
from oddloop.exchange.sources.kitti.grid import FRAME_NS, Grid
from oddloop.exchange.sources.kitti.records import Sequence
from oddloop.tables import FRAMES, STRINGS

DENSITIES = ("none", "low", "medium", "high")
DENSITY_EDGES = (0.5, 5.0, 10.0)
PRESENT_SHARE = 0.2
FloatArray = npt.NDArray[np.float64]


def frames_table(grid: Grid) -> pa.Table:
    """All frames, also those without boxes."""
    columns = [c.name for c in FRAMES.required()]
    return pa.table([grid.frame_id, grid.frame_scene_id, pa.array(grid.timestamp_ns)], names=columns)


def scenes_table(sequence: Sequence, grid: Grid) -> pa.Table:
    """All scenes with their attributes; KITTI's tracking benchmark says nothing of distance, weather or light."""
    per_frame, share = _detected(sequence, grid)
    total = per_frame.sum(axis=0)
    density = np.array(DENSITIES, dtype=object)[np.digitize(total, DENSITY_EDGES)]
    return pa.table(
        {
            "scene_id": grid.scene_id,
            "log_id": pa.repeat(sequence.name, len(grid.scene_id)),
            "start_ns": grid.start_ns,
            "duration_s": grid.n_frames * FRAME_NS / 1e9,
            "n_frames": grid.n_frames,
            "traffic_density": pa.array(density, pa.string()),
            "agents_present": _present(share),
            **{f"n_{name.lower()}_per_frame": per_frame[i] for i, name in enumerate(CLASS_CODES)},
            "n_detected_per_frame": total,
        }
    )


def _detected(sequence: Sequence, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Per class and scene, (C, S): mean sure detections per frame, and share of the frames that have one."""
    sure = sequence.detections.filter(pc.greater_equal(sequence.detections["logit"], 0.0))  # sigmoid(0) = 0.5
    n_classes, n_frames = len(CLASS_CODES), len(grid.scene)
    of_class = pc.index_in(sure["label"], value_set=pa.array(list(CLASS_CODES))).to_numpy()
    count = np.bincount(of_class * n_frames + sure["frame"].to_numpy(), minlength=n_classes * n_frames)
    count = count.reshape(n_classes, n_frames)
    starts = np.cumsum(grid.n_frames) - grid.n_frames
    total = np.add.reduceat(count, starts, axis=1)
    with_some = np.add.reduceat((count > 0).astype(np.int64), starts, axis=1)
    return total / grid.n_frames, with_some / grid.n_frames


def _present(share: FloatArray) -> pa.ListArray:
    is_present = (share >= PRESENT_SHARE).T
    offsets = np.concatenate([[0], np.cumsum(is_present.sum(axis=1))]).astype(np.int32)
    names = pa.array(list(CLASS_CODES)).take(pa.array(np.nonzero(is_present)[1]))
    return pa.ListArray.from_arrays(pa.array(offsets), names).cast(STRINGS)
