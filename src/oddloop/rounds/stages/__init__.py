"""The stages, wired to the workspace: which tables go in, which settings they obey, which tables come out.

Each function returns a derived folder, computed only where it is stale. Nothing here knows formulas; see the stage's
own package for those.
"""

from collections.abc import Callable, Mapping

from oddloop.lake.derived import Derived
from oddloop.rounds.stages.cards import run_cards
from oddloop.rounds.stages.context import Context, Done, make_generator, write_tables
from oddloop.rounds.stages.coverage import measured_metrics, run_coverage
from oddloop.rounds.stages.discover import run_discover
from oddloop.rounds.stages.measured import audited_metric
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics
from oddloop.rounds.stages.scene_scores import read_scores
from oddloop.rounds.stages.score import run_score
from oddloop.rounds.stages.select import (
    AUDITED,
    count_candidates,
    policy_source,
    policy_source_digest,
    run_select,
)

__all__ = [
    "AUDITED",
    "STAGES",
    "Context",
    "audited_metric",
    "count_candidates",
    "make_generator",
    "measured_metrics",
    "metrics_inputs",
    "model_metrics",
    "policy_source",
    "policy_source_digest",
    "read_scores",
    "run_cards",
    "run_score",
    "write_tables",
]

STAGES: Mapping[str, Callable[[Context, Done], Derived]] = {
    "score": run_score,
    "coverage": run_coverage,
    "discover": run_discover,
    "select": run_select,
}
"""Stages in the order of the data flow."""
