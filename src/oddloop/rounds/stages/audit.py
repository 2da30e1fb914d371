"""The audit as a stage: which scores find errors on the scenes where the current model is measured.

Kept as `derived/audit/<digest>/audit.parquet`, so that a second call does no work.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Literal

import pyarrow as pa

from oddloop import score, select
from oddloop.config import Config, SelectConfig
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, derive
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.context import Context, make_generator, write_tables
from oddloop.rounds.stages.measured import audited_metric
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics

AUDIT_CONFIG = score.AuditConfig()


def run_audit(context: Context, scored: Derived, metric: str = "") -> Derived:
    """Scene scores and metrics to the audit's table; see `rounds.audit.audit`."""
    config = context.workspace.config
    metrics = model_metrics(context)
    name, better = audited_metric(metrics, metric, config, context.model.model_id)
    inputs = {
        **context.digests("scenes"),
        **metrics_inputs(context),
        "score": scored.digest,
    }
    settings = {"model_id": context.model.model_id, "metric": name, "better": better, "cost": asdict(config.cost)}
    recipe = context.recipe("audit", inputs, settings | asdict(AUDIT_CONFIG), seed=config.workspace.seed)

    def write(out: Storage) -> dict[str, int]:
        scene_scores = scored.storage.read_table("scene_scores.parquet")
        measured = score.measured_scenes(context.scenes(), scene_scores, metrics, name)
        if not measured.num_rows:
            raise WorkspaceError(f"no scene has both scores and `{name}` of {context.model.model_id}; nothing to audit")
        return {**write_tables(out, **_audit_tables(measured, config, better)), "scenes": measured.num_rows}

    return derive(context.workspace.storage, recipe, write)


def _audit_tables(measured: pa.Table, config: Config, better: Literal["lower", "higher"]) -> dict[str, pa.Table]:
    costs = select.predict_cost(measured["n_frames"].to_numpy(), measured["n_objects_sum"].to_numpy(), config.cost)
    seed = config.workspace.seed
    table = score.audit_scenes(measured, costs, better, make_generator(seed, "audit"), AUDIT_CONFIG)
    curves = score.audit_scene_curves(measured, table, costs, better, make_generator(seed, "audit"), AUDIT_CONFIG)
    return {"audit": table, "audit_curves": curves}


def recommended(audited: Derived) -> tuple[score.Recommendation, ...]:
    """The best score of each task, best task first."""
    return score.recommend(audited.storage.read_table("audit.parquet"))


def resolve_audited(context: Context, scored: Derived) -> tuple[SelectConfig, dict[str, str]]:
    """`[select]` with the recommended score in place of `audited`, and the audit that says so, as an input's digest.

    The selection's manifest, and so the round's proposal, hold both.

    Raises:
        OddloopError: nothing can be audited, or no score can be judged; see `rounds.audit.audit`.
    """
    audited = run_audit(context, scored)
    best = recommended(audited)
    if not best:
        raise WorkspaceError(
            '[select] score = "audited", but the audit can judge no score: there is no error, or no valid score; '
            "name a score instead"
        )
    return replace(context.workspace.config.select, score=best[0].score), {"audit": audited.digest}
