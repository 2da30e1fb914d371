"""Scenes, labels and metrics to segments and their metrics."""

from __future__ import annotations

from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import coverage
from oddloop.engine.partitions import PartitionJob
from oddloop.lake.derived import Derived
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.rounds.stages.context import Context, Done, make_generator, write_tables
from oddloop.rounds.stages.kept_parts import MadeBy, map_kept
from oddloop.rounds.stages.metrics import metrics_inputs, model_metrics
from oddloop.tables import (
    OBJECTS,
    is_held_out,
)

_OBJECT_ROWS = 1 << 20
"""Objects that a task holds at a time."""


def run_coverage(context: Context, _done: Done) -> Derived:
    """Scenes, labels and metrics to segments and their metrics."""
    config = context.workspace.config
    inputs = {**context.digests("scenes", "labels", "objects"), **metrics_inputs(context), **context.scenario_inputs()}
    attributes = {name: asdict(attribute) for name, attribute in context.attributes().items()}
    others = ("metric", "curves", "diagnosis", "slices")  # of reports, and of `oddloop coverage` curves and slices
    obeyed = {name: value for name, value in asdict(config.coverage).items() if name not in others}
    settings = {**obeyed, "attributes": attributes, "model_id": context.model.model_id}
    recipe = context.recipe("coverage", inputs, settings, seed=config.workspace.seed)
    return context.derive(recipe, lambda out: _write_coverage(context, out))


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
        _object_counts(context, out),
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


def _object_counts(context: Context, out: Storage) -> pa.Table | None:
    """Annotated objects per scene and class, by way of part files that are put away; None where there are none."""
    files, folder = context.workspace.table(OBJECTS.name), out.sub("object_counts")
    if not files:
        return None
    job = PartitionJob(coverage.tally_objects, OBJECTS, folder, _OBJECT_ROWS, columns=("scene_id", "category"))
    map_kept(context, "count objects", job, files, MadeBy("objects of scenes", {}))
    tallies = [folder.read_table(file) for file in table_files(folder, "object_counts").files]
    out.delete_folder("object_counts")
    return coverage.combine_tallies(tallies)


def measured_metrics(metrics: pa.Table, scenes: pa.Table) -> pa.Table:
    """Metrics of the held-out scenes, where any scene is held out: others were trained on, and flatter the model."""
    held_out = scenes["scene_id"].filter(is_held_out(scenes)).combine_chunks()
    return metrics.filter(pc.is_in(metrics["scene_id"], held_out)) if len(held_out) else metrics
