"""Detected boxes beyond one box at a time: members that disagree, classes that are hard, models that differ."""

from oddloop.score.boxes.detections import Detections, make_detections
from oddloop.score.boxes.difficulty import class_weight, estimate_difficulty, weigh_boxes
from oddloop.score.boxes.grouping import BoxGroups, box_iou, group_boxes
from oddloop.score.boxes.labelled import difficulty_from_labels
from oddloop.score.boxes.model_frames import score_model_disagreement
from oddloop.score.boxes.models import MODEL_MEASURES, ModelDifferences, compare_detections
from oddloop.score.boxes.objects import OBJECT_MEASURES, measure_objects

__all__ = [
    "MODEL_MEASURES",
    "OBJECT_MEASURES",
    "BoxGroups",
    "Detections",
    "ModelDifferences",
    "box_iou",
    "class_weight",
    "compare_detections",
    "difficulty_from_labels",
    "estimate_difficulty",
    "group_boxes",
    "make_detections",
    "measure_objects",
    "score_model_disagreement",
    "weigh_boxes",
]
