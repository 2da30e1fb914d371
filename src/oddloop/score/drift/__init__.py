"""Do the scores still mean what they did? Their distribution between two models, or two weeks, with intervals."""

from oddloop.score.drift.keys import score_keys
from oddloop.score.drift.measures import expected_psi, ks, psi
from oddloop.score.drift.scores import DriftConfig, DriftSides, measure_drift, pair_scenes
from oddloop.score.drift.weeks import week_names

__all__ = [
    "DriftConfig",
    "DriftSides",
    "expected_psi",
    "ks",
    "measure_drift",
    "pair_scenes",
    "psi",
    "score_keys",
    "week_names",
]
