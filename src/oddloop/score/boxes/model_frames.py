"""Frame scores of how far two models' detections differ: `detection_model_disagreement[_<part>]_<reduction>`.

Rows are those of the first table; the second's are found by `frame_id`, in whatever order, and its other frames are
left out. A frame in which either model did not run is not valid; one in which neither found anything scores 0.
`n_objects` counts the objects of both together. Time and memory grow with the boxes of both tables.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray
from oddloop.score.boxes.columns import read_detections, read_n_members
from oddloop.score.boxes.detections import Detections
from oddloop.score.boxes.frames import frame_blocks
from oddloop.score.boxes.models import compare_detections
from oddloop.score.columns import frame_table, reduce_objects
from oddloop.score.nested import column, texts, unnest


def score_model_disagreement(first: pa.Table, second: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score how far two models' detections of the same frames differ.

    Args:
        first: rows of `tables.DETECTION` of one model.
        second: rows of `tables.DETECTION` of another.
        config: reductions, the labels to score, and how boxes are grouped.

    Returns:
        `derived_tables.FRAME_SCORES`, in the first table's order.

    Raises:
        TableError: a column or field is missing or of the wrong type, or the second table has two rows of a frame.

    >>> sides = {"x_min_px": 0.0, "y_min_px": 0.0, "x_max_px": 10.0, "y_max_px": 10.0}
    >>> boxes = [[{"score": score, "label": "car", **sides}] for score in (0.9, 0.4)]
    >>> one, two = (pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": [b]}) for b in boxes)
    >>> scores = score_model_disagreement(one, two, ScoreConfig(reductions=("max",)))
    >>> scores["detection_model_disagreement_max"].to_pylist()
    [0.5]
    """
    places, offsets = _places(first, second), unnest(column(first, "boxes"), "`boxes`").offsets
    parts = [
        _score_block(first.slice(start, stop - start), second.take(places.slice(start, stop - start)), config)
        for start, stop in frame_blocks(offsets)
    ]
    return pa.concat_tables(parts).combine_chunks()


def _score_block(first: pa.Table, second: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score rows that stand for the same frames; a row of the second that is null is a frame that it lacks."""
    (one, ran), (two, also_ran) = _read(first), _read(second)
    differences = compare_detections(
        one, two, iou_floor=config.detection.group_iou, across_classes=config.detection.group_across_classes
    )
    measures, bounds = differences.measures, differences.groups.frames
    if config.labels:
        is_scored = differences.boxes.has_label(config.labels)[differences.groups.strongest]
        bounds = np.concatenate([[0], np.cumsum(is_scored)])[bounds]
        measures = {name: values[is_scored] for name, values in measures.items()}
    answered = ran & also_ran
    scores = reduce_objects("detection", measures, bounds, answered, config)
    n_objects = np.diff(differences.groups.frames)
    return frame_table(texts(first, "frame_id"), texts(first, "scene_id"), n_objects, answered, scores)


def _places(first: pa.Table, second: pa.Table) -> pa.Array:
    """The row of the second table of each row of the first; null where there is none."""
    theirs = texts(second, "frame_id").drop_null()
    if pc.count_distinct(theirs).as_py() < len(theirs):
        raise TableError("predictions: a frame_id of the second model has two rows; run `oddloop check`")
    return pc.index_in(texts(first, "frame_id"), value_set=texts(second, "frame_id"), skip_nulls=True)


def _read(batch: pa.Table) -> tuple[Detections, BoolArray]:
    """Boxes, and in which frames the model ran."""
    frames, n_members = unnest(column(batch, "boxes"), "`boxes`"), read_n_members(batch)
    ran = frames.given if n_members is None else frames.given & (n_members != 0)
    return read_detections(frames.items, frames.offsets, n_members), ran
