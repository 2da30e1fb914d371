"""Scenes, labels and metrics to segments: what the data holds, and how well each model does there.

`compute` runs the whole stage; `encode_attributes`, `compute_exposure` and `summarize_performance` are its steps.
"""

from oddloop.coverage.attributes import Encoded, EncodedAttribute, encode_attributes
from oddloop.coverage.cube import Axis, Cube, build_cube, list_segments, read_cube, write_cube
from oddloop.coverage.exposure import STATUSES, compute_exposure
from oddloop.coverage.grades import Grade, grade_segments
from oddloop.coverage.measures import Drive
from oddloop.coverage.objects import add_object_counts, combine_tallies, count_objects, tally_objects
from oddloop.coverage.odd import judge_scenes, judge_segments
from oddloop.coverage.performance import (
    HalfValues,
    Paired,
    SegmentHalves,
    compare_halves,
    compare_models,
    compare_segments,
    pair_metrics,
    summarize_performance,
)
from oddloop.coverage.scene_values import encode_scene_values, list_scene_values
from oddloop.coverage.segments import ALL_SCENES
from oddloop.coverage.stage import CoverageResult, compute
from oddloop.coverage.summary import summarize_coverage
from oddloop.coverage.volume import Collection, collect, volume_gaps
from oddloop.intervals import bootstrap_interval, draw_weights, exact_interval, wilson_interval

__all__ = [
    "ALL_SCENES",
    "STATUSES",
    "Axis",
    "Collection",
    "CoverageResult",
    "Cube",
    "Drive",
    "Encoded",
    "EncodedAttribute",
    "Grade",
    "HalfValues",
    "Paired",
    "SegmentHalves",
    "add_object_counts",
    "bootstrap_interval",
    "build_cube",
    "collect",
    "combine_tallies",
    "compare_halves",
    "compare_models",
    "compare_segments",
    "compute",
    "compute_exposure",
    "count_objects",
    "draw_weights",
    "encode_attributes",
    "encode_scene_values",
    "exact_interval",
    "grade_segments",
    "judge_scenes",
    "judge_segments",
    "list_scene_values",
    "list_segments",
    "pair_metrics",
    "read_cube",
    "summarize_coverage",
    "summarize_performance",
    "tally_objects",
    "volume_gaps",
    "wilson_interval",
    "write_cube",
]
