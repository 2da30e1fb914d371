"""A toy workspace whose model gives boxes in images, with a round that was proposed: for labelling tools."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

import toy
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author
from oddloop.rounds.run import run
from oddloop.tables import DETECTION

SIZE = (640, 480)
ME = Author("annotator", 77)
CONFIG = (
    toy.CONFIG.replace('unit = "x"', "").replace("[cost]", '[cost]\nunit = "minutes"')
    + '\n[labelling]\nclasses = ["car", "van"]\nmin_score = 0.25\n'
)


def frames_with_images(scenes: pa.Table) -> pa.Table:
    """Frames whose images lie in the folders of their scenes."""
    frames = toy.frames_table(scenes)
    uris = [f"s3://bucket/cam/{f}.png" for f in frames["frame_id"].to_pylist()]
    sizes = {
        name: pa.array([n] * len(uris), pa.int32()) for name, n in zip(("width_px", "height_px"), SIZE, strict=True)
    }
    return pa.table({**{n: frames[n] for n in frames.column_names}, "media_uri": uris, **sizes})


def detections(frames: pa.Table, seed: int = 5) -> pa.Table:
    """Up to four boxes per frame, all inside the image."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(frames.num_rows):
        n = int(rng.integers(0, 5))
        x, y = np.sort(rng.uniform(0, SIZE[0], (n, 2))), np.sort(rng.uniform(0, SIZE[1], (n, 2)))
        rows.append(
            [
                {
                    "score": float(rng.uniform(0.3, 0.99)),
                    "label": ("car", "van")[i % 2],
                    "x_min_px": x[i, 0],
                    "x_max_px": x[i, 1] + 1e-3,
                    "y_min_px": y[i, 0],
                    "y_max_px": y[i, 1] + 1e-3,
                }
                for i in range(n)
            ]
        )
    boxes = pa.array(rows, DETECTION.column("boxes").type)
    return pa.table({"frame_id": frames["frame_id"], "scene_id": frames["scene_id"], "boxes": boxes})


def make_workspace(folder: Path, *, config: str = CONFIG, images: bool = True, propose: bool = True) -> Workspace:
    """The workspace, with r001 proposed."""
    scenes = toy.scenes_table()
    frames = frames_with_images(scenes) if images else toy.frames_table(scenes)
    if images:
        toy.write(folder / "lake/predictions/detection/toy_model", detections(frames))
    else:
        toy.write(folder / "lake/predictions/classification/toy_model", toy.predictions_table(frames))
    toy.write(folder / "lake/metrics", toy.metrics_table(scenes))
    toy.write(folder / "lake/scenes", scenes)
    toy.write(folder / "lake/frames", frames)
    toy.write(folder / "lake/labels", toy.labels_table(scenes))
    workspace = Workspace.create(folder, config)
    if propose:
        run(workspace, toy.shell())
    return workspace
