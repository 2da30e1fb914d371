"""Scene scores on a scale that models share, as `[score] normalise` asks: what it needs, and what it adds.

Ranks are among the held-out scenes that the model scored, or all where none is held out: the same scenes for every
model, on which none was trained. Expected errors are of the metric that the audit takes, from the measured scenes that
are held out, or all where none is.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import score
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.coverage import measured_metrics
from oddloop.rounds.stages.measured import audited_metric
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics
from oddloop.tables import is_held_out


def normalise_inputs(context: Context) -> dict[str, str]:
    """Digests of what the normalised columns are made of, besides the scores."""
    how = context.workspace.config.score.normalise
    found = {} if how == "none" else context.digests("scenes")
    if how == "calibrated":
        found |= metrics_inputs(context)
    return found


def normalise_settings(context: Context) -> dict[str, Any]:
    """Settings of other sections that they obey.

    Raises:
        OddloopError: expected errors are asked for, but the model has no metric, or nobody has said what is better.
    """
    if context.workspace.config.score.normalise != "calibrated":
        return {}
    metric, better = _metric(context)
    return {"metric": metric, "better": better}


def normalise(context: Context, scene_scores: pa.Table) -> dict[str, pa.Table]:
    """Scene scores with normalised columns, and the normalisers, by table; only the scores where none are asked for."""
    how = context.workspace.config.score.normalise
    if how == "none":
        return {"scene_scores": scene_scores}
    model = score.ScoredModel(context.model.model_id, context.model.digest)
    if how == "rank":
        normalisers = score.fit_ranks(_reference(context, scene_scores), model)
    else:
        measured, errors = _measured(context, scene_scores)
        normalisers = score.fit_expected_errors(measured, errors, model)
    added = score.add_normalised(scene_scores, normalisers, model)
    return {"scene_scores": added, "normalisers": score.normaliser_table(normalisers)}


def _reference(context: Context, scene_scores: pa.Table) -> pa.Table:
    scenes = context.scenes()
    held_out = scenes["scene_id"].filter(is_held_out(scenes)).combine_chunks()
    found = scene_scores.filter(pc.is_in(scene_scores["scene_id"], held_out))
    return found if found.num_rows else scene_scores


def _measured(context: Context, scene_scores: pa.Table) -> tuple[pa.Table, Any]:
    metric, better = _metric(context)
    metrics = measured_metrics(model_metrics(context), context.scenes())
    measured = score.measured_scenes(context.scenes(), scene_scores, metrics, metric)
    levels = score.error_levels(measured["value"].to_numpy(), better)
    return measured.select(scene_scores.column_names), levels * measured["support"].to_numpy()


def _metric(context: Context) -> tuple[str, Any]:
    return audited_metric(model_metrics(context), "", context.workspace.config, context.model.model_id)
