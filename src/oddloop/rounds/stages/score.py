"""Predictions to frame and scene scores."""

from __future__ import annotations

import functools
from dataclasses import asdict

import pyarrow as pa

from oddloop import score
from oddloop.derived_tables import SCENE_SCORES, SCENE_THRESHOLDS
from oddloop.lake.derived import Derived
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.storage import Storage
from oddloop.lake.tensors import open_tensor
from oddloop.rounds.stages import ood
from oddloop.rounds.stages.collisions import collision_jobs
from oddloop.rounds.stages.context import Context, Done, write_tables
from oddloop.rounds.stages.normalise import normalise, normalise_inputs, normalise_settings
from oddloop.rounds.stages.ood_telemetry import fit_telemetry, score_telemetry
from oddloop.rounds.stages.risk import Tracks
from oddloop.rounds.stages.scene_scores import refuse_unknown_thresholds, summarize_frames, time_inputs
from oddloop.rounds.stages.scoring import ScoreJob, made_by
from oddloop.rounds.stages.second_model import second_model_inputs, second_model_jobs, without_counts
from oddloop.tables import (
    TASKS,
)


def run_score(context: Context, _done: Done) -> Derived:
    """Predictions to frame and scene scores."""
    inputs = fingerprint(context.model.predictions.values(), context.workspace.storage)
    inputs |= context.digests(*time_inputs(context.workspace)) | normalise_inputs(context)
    inputs |= second_model_inputs(context)
    # Statistics have settings and inputs of their own, which stand in their digests.
    obeyed = {
        name: value for name, value in asdict(context.workspace.config.score).items() if name not in ("ood", "risk")
    }
    settings = {**obeyed, "model_id": context.model.model_id, **normalise_settings(context)}
    tracks = Tracks.of(context.workspace)
    inputs |= tracks.inputs(context)
    settings |= tracks.settings(context)
    fitted = ood.fit_features(context), fit_telemetry(context)
    for one in fitted:
        inputs |= one.inputs if one is not None else {}
    recipe = context.recipe("score", inputs, settings)
    return context.derive(recipe, lambda out: _write_scores(context, *fitted, out))


def _write_scores(
    context: Context, features: ood.Fitted | None, telemetry: ood.Fitted | None, out: Storage
) -> dict[str, int]:
    tracks = Tracks.of(context.workspace)
    jobs = [
        *_jobs_of_tasks(context),
        *tracks.jobs(context),
        *collision_jobs(context),
        *second_model_jobs(context),
        ood.feature_job(context, features) if features is not None else None,
    ]
    rows: dict[str, int] = {}
    summaries, scene_tables = [], []
    for job in (job for job in jobs if job is not None):
        folder = out.sub(f"frame_scores/{job.name}")
        rows[f"frame_scores/{job.name}"] = job.run(context, folder)
        summaries.append(summarize_frames(context, folder))
        scene_tables.append(without_counts(job, summaries[-1].scores))
    scene_tables += tracks.scene_scores(context, out)
    if telemetry is not None:
        scene_tables.append(score_telemetry(context, telemetry))
    scene_scores = score.join_scene_scores(scene_tables or [SCENE_SCORES.empty()])
    refuse_unknown_thresholds(context.workspace.config.score.scenes, scene_scores)
    thresholds = pa.concat_tables([SCENE_THRESHOLDS.empty(), *(summary.thresholds for summary in summaries)])
    tables = write_tables(out, scene_thresholds=thresholds, **normalise(context, scene_scores))
    return {**rows, **tables, **(features.rows if features is not None else {})}


def _jobs_of_tasks(context: Context) -> list[ScoreJob]:
    return [
        ScoreJob(task, files, TASKS[task], _kernel_of(context, task), made_by(context, task))
        for task, files in sorted(context.model.predictions.items())
    ]


def _kernel_of(context: Context, task: str) -> functools.partial[pa.Table]:
    kernel = functools.partial(score.KERNELS[task], config=context.workspace.config.score)
    if task != "segmentation":
        return kernel
    return functools.partial(kernel, load=functools.partial(open_tensor, context.workspace.storage))
