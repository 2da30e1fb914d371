"""Predictions to frame and scene scores."""

from __future__ import annotations

import functools
from dataclasses import asdict

import pyarrow as pa

from oddloop import score
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.context import Context, Done, write_tables
from oddloop.rounds.stages.normalise import normalise, normalise_inputs, normalise_settings
from oddloop.rounds.stages.scene_scores import refuse_unknown_thresholds, summarize_frames, time_inputs
from oddloop.rounds.stages.scoring import ScoreJob
from oddloop.tables import (
    TASKS,
)


def run_score(context: Context, _done: Done) -> Derived:
    """Predictions to frame and scene scores."""
    inputs = fingerprint(context.model.predictions.values(), context.workspace.storage)
    inputs |= context.digests(*time_inputs(context.workspace)) | normalise_inputs(context)
    settings = {**asdict(context.workspace.config.score), "model_id": context.model.model_id}
    settings |= normalise_settings(context)
    recipe = Recipe("score", inputs, settings)
    return derive(context.workspace.storage, recipe, lambda out: _write_scores(context, out))


def _write_scores(context: Context, out: Storage) -> dict[str, int]:
    rows: dict[str, int] = {}
    summaries = []
    for job in _jobs_of_tasks(context):
        folder = out.sub(f"frame_scores/{job.name}")
        rows[f"frame_scores/{job.name}"] = job.run(context, folder)
        summaries.append(summarize_frames(context, folder))
    scene_scores = score.join_scene_scores([summary.scores for summary in summaries])
    refuse_unknown_thresholds(context.workspace.config.score.scenes, scene_scores)
    thresholds = pa.concat_tables([summary.thresholds for summary in summaries])
    return {**rows, **write_tables(out, scene_thresholds=thresholds, **normalise(context, scene_scores))}


def _jobs_of_tasks(context: Context) -> list[ScoreJob]:
    config = context.workspace.config.score
    return [
        ScoreJob(task, files, TASKS[task], functools.partial(score.KERNELS[task], config=config))
        for task, files in sorted(context.model.predictions.items())
    ]
