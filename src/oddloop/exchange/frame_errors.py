"""What a detector got right and wrong, per frame and class.

Every frame in which the model ran has a row for every class of the rule, also where it has no boxes at all. Time is
that of the matching (`matching.py`), once per class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.exchange.boxes import Boxes
from oddloop.exchange.ignored import CORNERS, IGNORE_REGIONS
from oddloop.exchange.matching import count_errors, match_boxes

KITTI_CLASSES = {"Car": ("Van",), "Pedestrian": ("Person", "Person_sitting"), "Cyclist": ()}
"""Neighbours as in KITTI's own evaluation; `Person_sitting` is called `Person` in the tracking labels."""


@dataclass(frozen=True)
class MatchingRule:
    """When a detection counts as right.

    Attributes:
        classes: class to evaluate -> label categories so alike that a detection on them is neither right nor wrong.
        iou_floor: a match needs more image-box IoU than this.
        score_floor: a detection needs this score or more.
        ignore_floor: a left-over detection is ignored where it overlaps an ignored box by more IoU than this.
    """

    classes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(KITTI_CLASSES))
    iou_floor: float = 0.5
    score_floor: float = 0.5
    ignore_floor: float = 0.3


def frame_errors(
    objects: pa.Table, predictions: pa.Table, ignored: pa.Table | None = None, rule: MatchingRule | None = None
) -> pa.Table:
    """Count true positives, false positives and misses in each frame.

    Args:
        objects: `objects` rows with frame_id, category and the image box (`x_min_px` and so on).
        predictions: `predictions/detection` rows; frames whose boxes are null (the model did not run) are left out.
        ignored: regions with frame_id and image box; None is none.
        rule: classes and floors; None is KITTI's classes at IoU 0.5 and score 0.5.

    Returns:
        frame_id, scene_id, class (string) and n_tp, n_fp, n_fn (int64), class by class in the order of the frames;
        no rows for no frames.

    Raises:
        TableError: a box that is needed has a corner that is null, NaN or infinite, or a score that is NaN.

    >>> box = {"x_min_px": 0.0, "y_min_px": 0.0, "x_max_px": 9.0, "y_max_px": 9.0}
    >>> objects = pa.Table.from_pylist([{"frame_id": "f", "category": "Car", **box}])
    >>> detected = [[{"score": 0.9, "label": "Car", **box}]]
    >>> predictions = pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": detected})
    >>> frame_errors(objects, predictions)["n_tp"].to_pylist()  # Car, Pedestrian, Cyclist
    [1, 0, 0]
    """
    rule = rule or MatchingRule()
    ran = predictions.filter(pc.is_valid(predictions["boxes"])).combine_chunks()
    detected = _flatten(ran)
    regions = _rows_in(ran, ignored if ignored is not None else IGNORE_REGIONS.empty())
    labelled = _rows_in(ran, objects)
    return pa.concat_tables([_class_errors(ran, name, rule, detected, labelled, regions) for name in rule.classes])


def _class_errors(
    ran: pa.Table, name: str, rule: MatchingRule, detected: pa.Table, labelled: pa.Table, regions: pa.Table
) -> pa.Table:
    mine = detected.filter(pc.equal(detected["label"], name))
    labels = _boxes(labelled.filter(pc.equal(labelled["category"], name)))
    alike = labelled.filter(pc.is_in(labelled["category"], value_set=pa.array(rule.classes[name], pa.string())))
    detections = _boxes(mine)
    matching = match_boxes(
        detections,
        mine["score"].to_numpy().astype(np.float64),
        labels,
        _boxes(pa.concat_tables([t.select(_PLACED) for t in (regions, alike)])),
        iou_floor=rule.iou_floor,
        score_floor=rule.score_floor,
        ignore_floor=rule.ignore_floor,
    )
    counts = count_errors(matching, detections, labels, n_groups=ran.num_rows)
    named = ran.select(["frame_id", "scene_id"]).append_column("class", pa.repeat(name, ran.num_rows))
    for column in ("n_tp", "n_fp", "n_fn"):
        named = named.append_column(column, pa.array(getattr(counts, column), pa.int64()))
    return named


_PLACED = ["group", *CORNERS]


def _flatten(ran: pa.Table) -> pa.Table:
    """All detections: group (row of the frame in `ran`), corners, label and score."""
    boxes = ran["boxes"].combine_chunks()
    structs = pc.list_flatten(boxes)
    fields = {name: pc.struct_field(structs, name) for name in (*CORNERS, "label", "score")}
    return pa.table({"group": pc.list_parent_indices(boxes).cast(pa.int64()), **fields})


def _rows_in(ran: pa.Table, table: pa.Table) -> pa.Table:
    """Rows whose frame is in `ran`, with its row there as `group` and corners as float32, like the detections'."""
    group = pc.index_in(table["frame_id"], value_set=ran["frame_id"].combine_chunks()).cast(pa.int64())
    corners = {name: table[name].cast(pa.float32()) for name in CORNERS}
    kept = {"category": table["category"]} if "category" in table.column_names else {}
    placed = pa.table({"group": group, **corners, **kept})
    return placed.filter(pc.is_valid(placed["group"]))


def _boxes(placed: pa.Table) -> Boxes:
    columns = [np.asarray(placed[name].to_numpy(), np.float64) for name in CORNERS]
    return Boxes(placed["group"].to_numpy(), np.stack(columns, axis=1))
