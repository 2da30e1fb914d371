"""Detections of the model against those of another in the lake, as `[score.detection] second_model` names it."""

from __future__ import annotations

import functools

import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.errors import WorkspaceError
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.lookup import read_of_frames
from oddloop.rounds.stages.scoring import ScoreJob, made_by
from oddloop.score.boxes import score_model_disagreement
from oddloop.tables import DETECTION

NAME = "model_disagreement"
"""Folder of its frame scores."""


def second_model_jobs(context: Context) -> list[ScoreJob]:
    """What compares the two; nothing where no second model is named.

    Raises:
        WorkspaceError: the second model is the first, or either has no detections.
    """
    second = _second_files(context)
    if second is None:
        return []
    kernel = functools.partial(_compare, second=second, config=context.workspace.config.score)
    return [ScoreJob(NAME, context.model.predictions["detection"], DETECTION, kernel, made_by(context, NAME, second))]


def second_model_inputs(context: Context) -> dict[str, str]:
    """Digest of the second model's detections, where one is named; errors as `second_model_jobs`."""
    second = _second_files(context)
    return fingerprint([second], context.workspace.storage) if second is not None else {}


def without_counts(job: ScoreJob, scene_scores: pa.Table) -> pa.Table:
    """Scene scores of a job, without the objects of both models: what a scene costs goes by those of its own model."""
    return scene_scores.drop_columns("n_objects_sum") if job.name == NAME else scene_scores


def _second_files(context: Context) -> TableFiles | None:
    second, first = context.workspace.config.score.detection.second_model, context.model
    if not second:
        return None
    setting = f"[score.detection] second_model = {second!r}"
    if second == first.model_id:
        raise WorkspaceError(f"{setting} is the model that is scored; name another, or leave it out")
    if "detection" not in first.predictions:
        raise WorkspaceError(f"{setting}, but the model {first.model_id!r} has no detections; leave it out")
    known = [model_id for model_id, tasks in context.workspace.models().items() if "detection" in tasks]
    if second not in known:
        raise WorkspaceError(f"{setting}, but `predictions/detection` holds: {', '.join(known) or 'nothing'}")
    return context.workspace.table(f"predictions/detection/{second}")


def _compare(batch: pa.Table, second: TableFiles, config: ScoreConfig) -> pa.Table:
    columns = ["frame_id", "n_members", "boxes"]
    other = read_of_frames(second, DETECTION, batch["frame_id"].combine_chunks(), columns)
    return score_model_disagreement(batch, other, config)
