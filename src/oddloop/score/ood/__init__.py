"""How unlike its training data a model finds a frame or scene. **Larger is more anomalous**, in every function here.

From logits alone: `msp`, `max_logit`, `energy`, `gen`. From features: a `fit_*` on a `training_set`, which holds the
scenes that the model was trained on and no others, then its `score_*`, which refuses features of another model or
encoder. From telemetry: `fit_ecod`, `fit_iforest`, `fit_lof`. `fit_method` fits by name; `to_table` and `from_table`
keep what was fitted; `score_ood_features`, `score_ood_logits` and `score_ood_telemetry` make tables of frame scores.
"""

from oddloop.score.ood.activations import fit_react, fit_scale, score_react, score_scale
from oddloop.score.ood.ecod import fit_ecod, score_ecod
from oddloop.score.ood.fit import fit_method
from oddloop.score.ood.forest import fit_iforest, score_iforest
from oddloop.score.ood.guidance import fit_nnguide, score_nnguide
from oddloop.score.ood.kernel import score_ood_features, score_ood_logits
from oddloop.score.ood.lof import fit_lof, score_lof
from oddloop.score.ood.logits import energy, gen, max_logit, msp
from oddloop.score.ood.mahalanobis import fit_mahalanobis, fit_relative_mahalanobis, score_mahalanobis
from oddloop.score.ood.methods import METHODS, score_features
from oddloop.score.ood.neighbours import fit_knn, score_knn
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Head, Statistics
from oddloop.score.ood.store import from_table, to_table
from oddloop.score.ood.telemetry import score_ood_telemetry, telemetry_columns, telemetry_matrix, telemetry_source
from oddloop.score.ood.training import TrainingSet, training_set, training_set_of_table
from oddloop.score.ood.vim import fit_vim, score_vim

__all__ = [
    "METHODS",
    "Head",
    "Source",
    "Statistics",
    "TrainingSet",
    "energy",
    "fit_ecod",
    "fit_iforest",
    "fit_knn",
    "fit_lof",
    "fit_mahalanobis",
    "fit_method",
    "fit_nnguide",
    "fit_react",
    "fit_relative_mahalanobis",
    "fit_scale",
    "fit_vim",
    "from_table",
    "gen",
    "max_logit",
    "msp",
    "score_ecod",
    "score_features",
    "score_iforest",
    "score_knn",
    "score_lof",
    "score_mahalanobis",
    "score_nnguide",
    "score_ood_features",
    "score_ood_logits",
    "score_ood_telemetry",
    "score_react",
    "score_scale",
    "score_vim",
    "telemetry_columns",
    "telemetry_matrix",
    "telemetry_source",
    "to_table",
    "training_set",
    "training_set_of_table",
]
