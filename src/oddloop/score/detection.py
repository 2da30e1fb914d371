"""Frame scores from detected boxes: `detection_<measure>_<reduction>`.

A box is measured by its class `probs` where it has them, else by the softmax of its `logits`, else by its `score` as
the distribution (score, 1 - score); one frame may hold all kinds. Boxes that several members have of one object are one
object (`boxes.grouping`, `boxes.objects`); of a single model every box is one. The measures of a frame's objects are
then reduced (`ragged`), and where classes have difficulties also by `weighted_sum` (`boxes.difficulty`).

A frame whose `boxes` is an empty list, or holds no object of the configured labels, scores 0 and is valid: the model
looked and found nothing. A frame is not valid where `boxes` is null or `n_members` 0 (the model did not run), or where
the measure of any of its objects is NaN (a score outside [0, 1], probs that are not a distribution, a null box; of an
ensemble also a box without area): part of a sum is not the sum.

`n_objects` counts all objects, also those whose label is not scored: whoever labels the frame draws them all.

The mean of entropies favours frames with one doubtful box and the sum favours crowded ones, so both are given.
Time and memory grow with the boxes and class probabilities of the batch; time also with the objects of a frame where
there are several members.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.errors import TableError
from oddloop.score import fast_calls
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.binary import BINARY_MEASURES
from oddloop.score.boxes.columns import has_members, read_n_members, with_probs
from oddloop.score.boxes.frames import find_objects
from oddloop.score.boxes.objects import BOX_MEASURES
from oddloop.score.columns import frame_table, name_scores, reduce_objects
from oddloop.score.measures import MEASURES, compute_measures
from oddloop.score.nested import column, floats, text_array, texts, unnest
from oddloop.score.shapes import by_shape

_MEASURED = ("score", "probs")


def score_detection(batch: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score a batch of detected boxes.

    Args:
        batch: rows of `tables.DETECTION`.
        config: reductions, the labels to score, and the settings of detections.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the rows' order.

    Raises:
        TableError: a column or field is missing or of the wrong type.

    >>> boxes = [[{"score": 0.5, "label": "car"}, {"score": 1.0, "label": "car"}], []]
    >>> batch = pa.table({"frame_id": ["f", "g"], "scene_id": ["s", "s"], "boxes": boxes})
    >>> score_detection(batch, ScoreConfig(reductions=("mean",)))["detection_margin_mean"].to_pylist()
    [0.5, 0.0]
    """
    frames = unnest(column(batch, "boxes"), "`boxes`")
    boxes, n_members = with_probs(_structs(frames.items)), read_n_members(batch)
    answered = frames.given if n_members is None else frames.given & (n_members != 0)
    if _is_plain(boxes, n_members, config.detection):
        n_objects = np.diff(frames.offsets)
        scores = _score_boxes(*_with_labels(boxes, frames.offsets, config.labels), answered, config)
    else:
        objects = find_objects(boxes, frames.offsets, n_members, measure_boxes, config)
        n_objects = objects.n_objects
        scores = reduce_objects("detection", objects.measures, objects.bounds, answered, config)
        scores |= objects.weighted_sums(answered)
    ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    return frame_table(*ids, n_objects, answered, scores)


def _score_boxes(
    boxes: pa.StructArray, offsets: IntArray, answered: BoolArray, config: ScoreConfig
) -> dict[str, FloatArray]:
    """Frame scores by column name, each box an object; in one pass where the boxes have a score alone."""
    wanted = config.detection.measures
    if boxes.type.get_field_index("probs") < 0 or _field(boxes, "probs").null_count == len(boxes):
        scores = floats(_field(boxes, "score"), "`score` of a box")
        found = fast_calls.measure_scores(scores, offsets, config.reductions, config.top_k)
        if found is not None:
            return name_scores("detection", {name: found[name] for name in wanted}, answered)
    measures = measure_boxes(boxes)
    return reduce_objects("detection", {name: measures[name] for name in wanted}, offsets, answered, config)


def _is_plain(boxes: pa.StructArray, n_members: IntArray | None, settings: DetectionConfig) -> bool:
    """Whether every box is an object by itself, and nothing is asked but how unsure its class is."""
    asked = set(settings.measures) <= set(BOX_MEASURES) and not settings.class_difficulty
    return asked and not has_members(boxes, n_members)


def measure_boxes(boxes: pa.StructArray) -> dict[str, FloatArray]:
    """(N,) measures per box, by name; NaN where the box's probabilities are not a distribution.

    Args:
        boxes: (N,) structs with `score` and, optionally, `probs`.
    """
    binary = np.ones(len(boxes), np.bool_)
    measures = {name: np.empty(len(boxes)) for name in MEASURES}
    if boxes.type.get_field_index("probs") >= 0:
        binary = ~_measure_probs(_field(boxes, "probs"), measures)
    if binary.any():
        scores = floats(_field(boxes, "score"), "`score` of a box")[binary]
        for name, values in measures.items():
            values[binary] = BINARY_MEASURES[name](scores)
    return measures


def _measure_probs(probs: pa.Array, measures: dict[str, FloatArray]) -> BoolArray:
    """Fill in the measures of the boxes that have class probabilities; returns which have."""
    classes = unnest(probs, "`probs` of a box")
    has_probs = np.flatnonzero(classes.given)
    if len(has_probs):
        values = floats(classes.items, "class probabilities in `probs` of a box")
        shapes = np.diff(classes.offsets)[has_probs, None]
        for rows, dense in by_shape(values, classes.offsets[has_probs], shapes):
            for name, result in compute_measures(dense).items():
                measures[name][has_probs[rows]] = result
    return classes.given


def _with_labels(boxes: pa.Array, offsets: IntArray, labels: tuple[str, ...]) -> tuple[pa.Array, IntArray]:
    """The boxes of these labels, and each frame's bounds among them; no labels means all boxes."""
    if not labels:
        return boxes, offsets
    found = _field(boxes, "label")
    wanted = pc.is_in(text_array(found, "`label` of a box"), value_set=pa.array(labels))
    n_before = np.concatenate([[0], np.cumsum(wanted.to_numpy(zero_copy_only=False))])
    # Only what is measured: Arrow cannot filter every type that a box may hold besides.
    kept = {name: _field(boxes, name).filter(wanted) for name in _MEASURED if boxes.type.get_field_index(name) >= 0}
    return pa.StructArray.from_arrays(list(kept.values()), list(kept)), n_before[offsets]


def _structs(boxes: pa.Array) -> pa.StructArray:
    """The boxes, refused where they are no structs with anything to measure."""
    if not pa.types.is_struct(boxes.type) or not {f.name for f in boxes.type} & set(_MEASURED):
        raise TableError(f"`boxes` must hold structs with a field `score`; got {boxes.type}; run `oddloop check`")
    return boxes


def _field(boxes: pa.StructArray, name: str) -> pa.Array:
    """A field of each box, null where the box itself is null."""
    kind = boxes.type
    if kind.get_field_index(name) < 0:
        raise TableError(f"`boxes` must hold structs with a field `{name}`; got {kind}; run `oddloop check`")
    return boxes.flatten()[kind.get_field_index(name)]
