"""Do the scores mean anything? Which of them find errors on scenes that have metrics, per unit of label cost."""

from oddloop.score.audit.curves import audit_curves, best_scores
from oddloop.score.audit.resampled import AuditRows
from oddloop.score.audit.scenes import audit_scene_curves, audit_scenes, error_levels, measured_scenes
from oddloop.score.audit.scores import AuditConfig, audit_scores
from oddloop.score.audit.verdict import Recommendation, recommend

__all__ = [
    "AuditConfig",
    "AuditRows",
    "Recommendation",
    "audit_curves",
    "audit_scene_curves",
    "audit_scenes",
    "audit_scores",
    "best_scores",
    "error_levels",
    "measured_scenes",
    "recommend",
]
