"""The objects of each frame of a batch, measured: what `detection` reduces to frame scores.

An ensemble's boxes are grouped first, for an object that five members found is one object. Frames are taken in blocks,
so that memory grows with the batch only, not with the work on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.boxes.columns import read_detections
from oddloop.score.boxes.detections import Detections
from oddloop.score.boxes.difficulty import weigh_boxes
from oddloop.score.boxes.grouping import group_boxes
from oddloop.score.boxes.objects import measure_objects
from oddloop.score.ragged import group_sum

_BLOCK = 250_000
_WEIGHTS = "weights"
MeasureBoxes = Callable[[pa.StructArray], dict[str, FloatArray]]


class FrameObjects(NamedTuple):
    """The objects of F frames.

    Attributes:
        measures: (G,) values by measure, of the objects whose label is scored.
        bounds: (F+1,) bounds of each frame's objects among them.
        n_objects: (F,) objects of any label.
        weights: (G,) weight of each for `weighted_sum`; None where no class has a difficulty.
    """

    measures: dict[str, FloatArray]
    bounds: IntArray
    n_objects: IntArray
    weights: FloatArray | None = None

    def weighted_sums(self, answered: BoolArray) -> dict[str, FloatArray]:
        """(F,) the reduction `weighted_sum` of each measure, by column name; nothing where there are no weights.

        An object that does not count still makes the sum NaN where its measure is: part of a sum is not the sum.

        Args:
            answered: (F,) False where the model did not run, which gives NaN.
        """
        if self.weights is None:
            return {}
        return {
            f"detection_{name}_weighted_sum": np.where(answered, group_sum(values * self.weights, self.bounds), np.nan)
            for name, values in self.measures.items()
        }


def find_objects(
    boxes: pa.StructArray,
    offsets: IntArray,
    n_members: IntArray | None,
    measure_boxes: MeasureBoxes,
    config: ScoreConfig,
) -> FrameObjects:
    """Group and measure the boxes of each frame.

    Args:
        boxes: (N,) structs of `tables.BOX`.
        offsets: (F+1,) bounds of each frame's boxes, from 0.
        n_members: (F,) as for `columns.read_detections`.
        measure_boxes: gives the `BOX_MEASURES` of single boxes.
        config: labels, and the settings of detections.

    Raises:
        TableError: a field is missing or of the wrong type.
    """
    parts = [
        _find_in_block(
            boxes.slice(offsets[start], offsets[stop] - offsets[start]),
            offsets[start : stop + 1] - offsets[start],
            None if n_members is None else n_members[start:stop],
            measure_boxes,
            config,
        )
        for start, stop in frame_blocks(offsets)
    ]
    return FrameObjects(
        {name: np.concatenate([part.measures[name] for part in parts]) for name in config.detection.measures},
        np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.bounds) for part in parts]))]),
        np.concatenate([part.n_objects for part in parts]),
        np.concatenate([part.weights for part in parts]) if config.detection.class_difficulty else None,
    )


def frame_blocks(offsets: IntArray) -> Iterator[tuple[int, int]]:
    """First and last frame of blocks of about 250,000 boxes, a frame at least; one block for no frames.

    >>> list(frame_blocks(np.array([0, 200_000, 300_000, 900_000])))
    [(0, 1), (1, 2), (2, 3)]
    """
    start, n_frames = 0, len(offsets) - 1
    while start < n_frames:
        last = int(np.searchsorted(offsets, offsets[start] + _BLOCK, side="right")) - 1
        stop = min(max(last, start + 1), n_frames)
        yield start, stop
        start = stop
    if not n_frames:
        yield 0, 0


def _find_in_block(
    boxes: pa.StructArray,
    offsets: IntArray,
    n_members: IntArray | None,
    measure_boxes: MeasureBoxes,
    config: ScoreConfig,
) -> FrameObjects:
    settings = config.detection
    found = read_detections(boxes, offsets, n_members)
    groups = group_boxes(found, iou_floor=settings.group_iou, across_classes=settings.group_across_classes)
    measures = measure_objects(found, groups, settings.measures, measure_boxes(boxes))
    if settings.class_difficulty:
        measures[_WEIGHTS] = _weigh(found, settings)[groups.strongest]
    bounds = groups.frames
    if config.labels:
        is_scored = found.has_label(config.labels)[groups.strongest]
        bounds = np.concatenate([[0], np.cumsum(is_scored)])[bounds]
        measures = {name: values[is_scored] for name, values in measures.items()}
    return FrameObjects(measures, bounds, np.diff(groups.frames), measures.pop(_WEIGHTS, None))


def _weigh(found: Detections, settings: DetectionConfig) -> FloatArray:
    return weigh_boxes(
        found,
        settings.class_difficulty,
        min_score=settings.weighted_min_score,
        min_size_px=settings.weighted_min_size_px,
        max_aspect=settings.weighted_max_aspect,
    )
