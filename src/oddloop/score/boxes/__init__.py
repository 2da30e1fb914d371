"""Detected boxes beyond one box at a time: members that disagree, classes that are hard, models that differ."""

from oddloop.score.boxes.detections import Detections, make_detections
from oddloop.score.boxes.difficulty import class_weight, estimate_difficulty, weigh_boxes
from oddloop.score.boxes.grouping import BoxGroups, box_iou, group_boxes
from oddloop.score.boxes.objects import OBJECT_MEASURES, measure_objects

__all__ = [
    "OBJECT_MEASURES",
    "BoxGroups",
    "Detections",
    "box_iou",
    "class_weight",
    "estimate_difficulty",
    "group_boxes",
    "make_detections",
    "measure_objects",
    "weigh_boxes",
]
