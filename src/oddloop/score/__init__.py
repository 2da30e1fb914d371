"""Predictions to frame scores to scene scores: how unsure a model is, larger = more worth labelling.

The functions on arrays need nothing of the rest: of one distribution (`fast`; `measures` and `binary` are its NumPy
reference), of ensembles (`ensembles`, `disagreement`), of calibration (`logits`, `temperature`, `calibration`),
reductions (`ragged`), and of a score in the course of a scene (`over_time`); any array is taken that speaks DLPack, the
array or the buffer protocol.
`KERNELS` score a batch of a prediction table per task;
`summarize_scenes` and `join_scene_scores` make the table that the selection ranks by. `audit_scores` says which of them
find errors.
"""

from oddloop.score.audit import (
    AuditConfig,
    AuditRows,
    Recommendation,
    audit_curves,
    audit_scene_curves,
    audit_scenes,
    audit_scores,
    best_scores,
    error_levels,
    measured_scenes,
    recommend,
)
from oddloop.score.binary import binary_least_confidence, binary_margin, binary_ratio
from oddloop.score.calibration import CalibrationError, bootstrap_calibration_error, calibration_error
from oddloop.score.columns import own_scores, score_columns
from oddloop.score.disagreement import consensus_disagreement, variation_ratio, vote_entropy
from oddloop.score.ensembles import (
    bald,
    compute_ensemble_measures,
    expected_entropy,
    predictive_entropy,
    predictive_variance,
)
from oddloop.score.fast import binary_entropy, entropy, least_confidence, margin, mean_members, ragged_measures, ratio
from oddloop.score.frame_times import even_times, frame_times
from oddloop.score.kernels import KERNELS
from oddloop.score.logits import rescale_probs, softmax
from oddloop.score.measures import is_distribution
from oddloop.score.normalise import Normaliser, ScoredModel, fit_calibrated, fit_rank
from oddloop.score.normalise_scenes import (
    add_normalised,
    fit_expected_errors,
    fit_ranks,
    normaliser_table,
    read_normalisers,
)
from oddloop.score.object_rate import per_object
from oddloop.score.over_time import change_rate, longest_run_above, share_above, time_above, trend
from oddloop.score.ragged import group_max, group_mean, group_quantile, group_sum, group_topk
from oddloop.score.scene_batches import summarize_scene_batches
from oddloop.score.scene_frames import SceneFrames, needs_times
from oddloop.score.scenes import find_threshold, join_scene_scores, summarize_scenes, threshold_table
from oddloop.score.temperature import fit_temperature

__all__ = [
    "KERNELS",
    "AuditConfig",
    "AuditRows",
    "CalibrationError",
    "Normaliser",
    "Recommendation",
    "SceneFrames",
    "ScoredModel",
    "add_normalised",
    "audit_curves",
    "audit_scene_curves",
    "audit_scenes",
    "audit_scores",
    "bald",
    "best_scores",
    "binary_entropy",
    "binary_least_confidence",
    "binary_margin",
    "binary_ratio",
    "bootstrap_calibration_error",
    "calibration_error",
    "change_rate",
    "compute_ensemble_measures",
    "consensus_disagreement",
    "entropy",
    "error_levels",
    "even_times",
    "expected_entropy",
    "find_threshold",
    "fit_calibrated",
    "fit_expected_errors",
    "fit_rank",
    "fit_ranks",
    "fit_temperature",
    "frame_times",
    "group_max",
    "group_mean",
    "group_quantile",
    "group_sum",
    "group_topk",
    "is_distribution",
    "join_scene_scores",
    "least_confidence",
    "longest_run_above",
    "margin",
    "mean_members",
    "measured_scenes",
    "needs_times",
    "normaliser_table",
    "own_scores",
    "per_object",
    "predictive_entropy",
    "predictive_variance",
    "ragged_measures",
    "ratio",
    "read_normalisers",
    "recommend",
    "rescale_probs",
    "score_columns",
    "share_above",
    "softmax",
    "summarize_scene_batches",
    "summarize_scenes",
    "threshold_table",
    "time_above",
    "trend",
    "variation_ratio",
    "vote_entropy",
]
