"""Predictions to frame scores to scene scores: how unsure a model is, larger = more worth labelling.

`measures`, `binary` and `ragged` are plain functions on arrays; `KERNELS` score a batch of a prediction table per task;
`summarize_scenes` and `join_scene_scores` make the table that the selection ranks by. `audit_scores` says which of them
find errors.
"""

from oddloop.score.audit import (
    AuditConfig,
    AuditRows,
    Recommendation,
    audit_scenes,
    audit_scores,
    error_levels,
    measured_scenes,
    recommend,
)
from oddloop.score.binary import binary_entropy, binary_least_confidence, binary_margin
from oddloop.score.columns import score_columns
from oddloop.score.kernels import KERNELS
from oddloop.score.measures import entropy, is_distribution, least_confidence, margin, mean_members
from oddloop.score.ragged import group_max, group_mean, group_quantile, group_sum, group_topk
from oddloop.score.scenes import join_scene_scores, summarize_scenes

__all__ = [
    "KERNELS",
    "AuditConfig",
    "AuditRows",
    "Recommendation",
    "audit_scenes",
    "audit_scores",
    "binary_entropy",
    "binary_least_confidence",
    "binary_margin",
    "entropy",
    "error_levels",
    "group_max",
    "group_mean",
    "group_quantile",
    "group_sum",
    "group_topk",
    "is_distribution",
    "join_scene_scores",
    "least_confidence",
    "margin",
    "mean_members",
    "measured_scenes",
    "recommend",
    "score_columns",
    "summarize_scenes",
]
