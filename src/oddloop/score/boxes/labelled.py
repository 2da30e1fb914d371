"""Class difficulties from tables: labelled objects, and what a model detected in the same frames.

Detections are taken in descending score; each takes the free labelled object of its own class and frame that it
overlaps most, by IoU >= `iou_floor`. Time and memory grow with the boxes.

References:
    Everingham et al., The PASCAL visual object classes challenge, 2010, section 4.2; there a detection whose best
    object is taken does not try the next one.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray, FloatArray
from oddloop.score.boxes.calls import frozen
from oddloop.score.boxes.columns import SIDES, numbers, read_detections, read_n_members
from oddloop.score.boxes.detections import Detections, make_detections
from oddloop.score.boxes.difficulty import XI, estimate_difficulty
from oddloop.score.boxes.grouping import box_iou, group_boxes
from oddloop.score.boxes.models import side_by_side, speakers
from oddloop.score.nested import column, texts, unnest


def difficulty_from_labels(
    objects: pa.Table, predictions: pa.Table, *, iou_floor: float = 0.5, xi: float = XI
) -> dict[str, float]:
    """How badly a model does on each class, for the setting `score.detection.class_difficulty`.

    Args:
        objects: `tables.OBJECTS` with the sides `x_min_px` and so on, of labelled frames.
        predictions: `tables.DETECTION` of a model that was not trained on them; frames in which it did not run, and
            objects of other frames or without a category, are left out.
        iou_floor: how much a detection must overlap an object to have found it.
        xi: as for `estimate_difficulty`.

    Returns:
        Difficulty in [0, 1] by category of the objects.

    Raises:
        TableError: a column or field is missing or of the wrong type, an object has no area, or a frame two rows.

    >>> sides = {"x_min_px": 0.0, "y_min_px": 0.0, "x_max_px": 10.0, "y_max_px": 10.0}
    >>> objects = pa.Table.from_pylist([{"frame_id": "f", "category": name, **sides} for name in ("car", "van")])
    >>> predictions = pa.table({"frame_id": ["f"], "boxes": [[{"score": 1.0, "label": "car", **sides}]]})
    >>> difficulty_from_labels(objects, predictions)
    {'car': 0.0, 'van': 1.0}
    """
    frames = unnest(column(predictions, "boxes"), "`boxes`")
    found = read_detections(frames.items, frames.offsets, read_n_members(predictions))
    detected = speakers(found, group_boxes(found, iou_floor=iou_floor))
    labelled, categories = _read_objects(objects, texts(predictions, "frame_id"), frames.given)
    return estimate_difficulty(categories, *_match(detected, labelled, iou_floor), xi=xi)


def _match(detected: Detections, labelled: Detections, iou_floor: float) -> tuple[FloatArray, FloatArray]:
    """(M,) score and IoU of the detection that found each object; 0 where none did."""
    # Above every labelled object, whose score is 0, so that detections begin the groups.
    raised = dataclasses.replace(detected, scores=frozen((1.0 + detected.scores.astype(np.float64)) / 2.0))
    both = side_by_side(raised, labelled)
    detection, label = group_boxes(both, iou_floor=iou_floor, across_classes=False).pairs()
    place = np.cumsum(both.members == 1) - 1
    scores, ious = np.zeros((2, len(labelled)))
    scores[place[label]] = np.clip(2.0 * both.scores[detection] - 1.0, 0.0, 1.0)
    ious[place[label]] = box_iou(both.corners[detection], both.corners[label])
    return scores, ious


def _read_objects(objects: pa.Table, frame_ids: pa.Array, ran: BoolArray) -> tuple[Detections, list[str]]:
    """The objects of these frames, as boxes of score 0, and their categories."""
    if pc.count_distinct(frame_ids).as_py() < len(frame_ids):
        raise TableError("predictions: a frame_id has two rows; run `oddloop check`")
    place, names = pc.index_in(texts(objects, "frame_id"), value_set=frame_ids), texts(objects, "category")
    is_in = pc.and_(place.is_valid(), names.is_valid()).to_numpy(zero_copy_only=False)
    frame = pc.fill_null(place, 0).to_numpy(zero_copy_only=False)
    is_in &= ran[frame] if len(ran) else False
    chosen = np.flatnonzero(is_in)[np.argsort(frame[is_in], kind="stable")]
    corners = np.stack([numbers(column(objects, name), f"`{name}` of an object") for name in SIDES], axis=1)[chosen]
    categories = names.take(pa.array(chosen)).to_pylist()
    counts = np.bincount(frame[chosen], minlength=len(ran))
    labelled = make_detections(
        corners, np.zeros(len(chosen)), np.concatenate([[0], np.cumsum(counts)]), labels=categories
    )
    if len(bad := np.flatnonzero(~labelled.is_whole)):
        raise TableError(
            f"objects: {len(bad):,} objects have no area, the first in frame `{frame_ids[frame[chosen[bad[0]]]]}`: "
            f"{corners[bad[0]].tolist()}; give all four sides, or leave the object out"
        )
    return labelled, categories
