"""The KITTI tracking benchmark with PointRCNN detections, a sequence at a time.

    label_02/<sequence>.txt                              labels
    detections/pointrcnn_<Class>_val/<sequence>.txt      detections of Car, Pedestrian and Cyclist

or `kitti_tracking.tar.gz` with them. A sequence is a log. Time and memory grow with the text, which is read once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from oddloop.exchange.frame_errors import MatchingRule, frame_errors
from oddloop.exchange.scene_metrics import scene_metrics
from oddloop.exchange.sources.base import Part, Tables
from oddloop.exchange.sources.kitti import boxes_tables, scenes
from oddloop.exchange.sources.kitti.archive import Archive, read_archive
from oddloop.exchange.sources.kitti.grid import cut, frames_per_scene
from oddloop.exchange.sources.kitti.records import Sequence, read_sequence

MODEL_ID = "pointrcnn"
RULE = MatchingRule()
"""KITTI's classes at image-box IoU > 0.5, detections with score >= 0.5, ignored where IoU > 0.3 with a DontCare."""


class Kitti:
    """Sequences of the tracking benchmark; see the module for the layout."""

    def __init__(self, folder: Path, scene_s: float) -> None:
        self.folder, self.per_scene = Path(folder), frames_per_scene(scene_s)

    def parts(self) -> Iterable[Part]:
        """One part per sequence, in the order of their names."""
        return [Part(name, self._archive.files[name]) for name in self._archive.sequences]

    def read(self, part: Part) -> Tables:
        """Tables of one sequence."""
        return make_tables(read_sequence(self._archive, part.name), self.per_scene)

    @cached_property
    def _archive(self) -> Archive:
        return read_archive(self.folder)


def make_tables(sequence: Sequence, per_scene: int) -> Tables:
    """All tables of a sequence, cut into scenes of `per_scene` frames."""
    grid = cut(sequence.name, sequence.n_frames, per_scene)
    objects = boxes_tables.objects_table(sequence, grid)
    ignored = boxes_tables.ignore_table(sequence, grid)
    predictions = boxes_tables.predictions_table(sequence, grid)
    return {
        "scenes": scenes.scenes_table(sequence, grid),
        "frames": scenes.frames_table(grid),
        "objects": objects,
        "ignore_regions": ignored,
        f"predictions/detection/{MODEL_ID}": predictions,
        "metrics": scene_metrics(frame_errors(objects, predictions, ignored, RULE), model_id=MODEL_ID),
    }
