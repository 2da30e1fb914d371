"""Scenes, labels and metrics to segments: what the data holds, and how well each model does there.

`compute` runs the whole stage; `encode_attributes`, `compute_exposure` and `summarize_performance` are its steps.
"""

from oddloop.coverage.attributes import Encoded, EncodedAttribute, encode_attributes
from oddloop.coverage.bootstrap import bootstrap_interval, draw_weights
from oddloop.coverage.exposure import STATUSES, compute_exposure
from oddloop.coverage.odd import judge_scenes, judge_segments
from oddloop.coverage.performance import summarize_performance
from oddloop.coverage.scene_values import list_scene_values
from oddloop.coverage.segments import ALL_SCENES
from oddloop.coverage.stage import CoverageResult, compute
from oddloop.coverage.volume import Collection, collect, volume_gaps
from oddloop.coverage.wilson import wilson_interval

__all__ = [
    "ALL_SCENES",
    "STATUSES",
    "Collection",
    "CoverageResult",
    "Encoded",
    "EncodedAttribute",
    "bootstrap_interval",
    "collect",
    "compute",
    "compute_exposure",
    "draw_weights",
    "encode_attributes",
    "judge_scenes",
    "judge_segments",
    "list_scene_values",
    "summarize_performance",
    "volume_gaps",
    "wilson_interval",
]
