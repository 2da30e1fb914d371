"""Predictions to frame and scene scores."""

from __future__ import annotations

import functools
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop import score
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.rounds.stages.context import Context, Done
from oddloop.rounds.stages.scoring import ScoreJob
from oddloop.tables import (
    TASKS,
)


def run_score(context: Context, _done: Done) -> Derived:
    """Predictions to frame and scene scores."""
    inputs = fingerprint(context.model.predictions.values(), context.workspace.storage)
    settings = {**asdict(context.workspace.config.score), "model_id": context.model.model_id}
    recipe = Recipe("score", inputs, settings)
    return derive(context.workspace.storage, recipe, lambda out: _write_scores(context, out))


def _write_scores(context: Context, out: Storage) -> dict[str, int]:
    rows: dict[str, int] = {}
    summaries = []
    for job in _jobs_of_tasks(context):
        folder = out.sub(f"frame_scores/{job.name}")
        rows[f"frame_scores/{job.name}"] = job.run(context, folder)
        summaries.append(_summarize(folder))
    scene_scores = score.join_scene_scores(summaries)
    out.write_table("scene_scores.parquet", scene_scores)
    return {**rows, "scene_scores": scene_scores.num_rows}


def _jobs_of_tasks(context: Context) -> list[ScoreJob]:
    config = context.workspace.config.score
    return [
        ScoreJob(task, files, TASKS[task], functools.partial(score.KERNELS[task], config=config))
        for task, files in sorted(context.model.predictions.items())
    ]


def read_scores(folder: Storage, columns: list[str] | None = None) -> pa.Table:
    """Frame scores of one task, all columns or some, in the order of the partitions."""
    files = table_files(folder, "frame_scores").files
    return pa.concat_tables([folder.read_table(file, columns) for file in files])


def _summarize(folder: Storage) -> pa.Table:
    """Scene scores of one task; one score column is in memory at a time."""
    first = table_files(folder, "frame_scores").files[0]
    with folder.fs.open_input_file(folder.path(first)) as file:
        names = score.score_columns(pq.read_schema(file).empty_table())
    summary = score.summarize_scenes(read_scores(folder, ["scene_id", "n_objects"]))
    for name in names:
        column = score.summarize_scenes(read_scores(folder, ["scene_id", "n_objects", name, f"{name}_valid"]))
        for added in column.column_names:
            if added not in summary.column_names:
                summary = summary.append_column(added, column[added])
    return summary
