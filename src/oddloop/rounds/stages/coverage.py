"""Scenes, labels and metrics to segments and their metrics."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import coverage
from oddloop.lake.derived import Derived, derive
from oddloop.lake.scan import partitions, read_batches
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.context import Context, Done, make_generator, write_tables
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics
from oddloop.tables import (
    OBJECTS,
    is_held_out,
)

_OBJECT_ROWS = 1 << 20
"""Objects in memory at a time."""


def run_coverage(context: Context, _done: Done) -> Derived:
    """Scenes, labels and metrics to segments and their metrics."""
    config = context.workspace.config
    inputs = {**context.digests("scenes", "labels", "objects"), **metrics_inputs(context), **context.scenario_inputs()}
    attributes = {name: asdict(attribute) for name, attribute in context.attributes().items()}
    others = ("metric", "curves", "diagnosis", "slices")  # of reports, and of `oddloop coverage` curves and slices
    obeyed = {name: value for name, value in asdict(config.coverage).items() if name not in others}
    settings = {**obeyed, "attributes": attributes, "model_id": context.model.model_id}
    recipe = context.recipe("coverage", inputs, settings, seed=config.workspace.seed)
    return derive(context.workspace.storage, recipe, lambda out: _write_coverage(context, out))


def _write_coverage(context: Context, out: Storage) -> dict[str, int]:
    config = context.workspace.config
    metrics = model_metrics(context)
    result = coverage.compute(
        context.scenes(),
        context.labelled_ids(),
        measured_metrics(metrics, context.scenes()),
        context.attributes(),
        config.coverage,
        make_generator(config.workspace.seed, "coverage"),
        _object_counts(context),
        _trained_metrics(metrics, context),
    )
    return write_tables(
        out,
        segments=result.segments,
        segment_metrics=result.segment_metrics,
        scene_values=result.scene_values,
        unmapped=result.unmapped,
        volume_gaps=result.volume_gaps,
        coverage_measures=result.coverage_measures,
        segment_hints=result.segment_hints,
    )


def _trained_metrics(metrics: pa.Table, context: Context) -> pa.Table:
    """Metrics of labelled scenes that are not held out, where any is: those that the model was trained on."""
    scenes = context.scenes()
    held_out = is_held_out(scenes)
    if not pc.any(held_out).as_py():
        return metrics.slice(0, 0)
    pool = scenes["scene_id"].filter(pc.invert(held_out)).combine_chunks()
    labelled = pc.is_in(metrics["scene_id"], value_set=context.labelled_ids())
    return metrics.filter(pc.and_(labelled, pc.is_in(metrics["scene_id"], value_set=pool)))


def _object_counts(context: Context) -> pa.Table | None:
    """Annotated objects per scene and class; None where there are none."""
    files = context.workspace.table("objects")
    batches = (
        batch
        for part in partitions(files, OBJECTS)
        for batch in read_batches(part, OBJECTS, batch_rows=_OBJECT_ROWS, columns=("scene_id", "category"))
    )
    return coverage.count_objects(batches) if files else None


def measured_metrics(metrics: pa.Table, scenes: pa.Table) -> pa.Table:
    """Metrics of the held-out scenes, where any scene is held out: others were trained on, and flatter the model."""
    held_out = scenes["scene_id"].filter(is_held_out(scenes)).combine_chunks()
    return metrics.filter(pc.is_in(metrics["scene_id"], held_out)) if len(held_out) else metrics
