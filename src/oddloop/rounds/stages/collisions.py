"""Predicted modes set against the model's own plan, frame by frame: the two prediction tables joined as they are read.

The plans of a batch of forecasts are read when it is scored (`lookup`).
"""

from __future__ import annotations

import functools
from dataclasses import asdict

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ScoreConfig
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.lookup import read_of_frames
from oddloop.rounds.stages.scoring import ScoreJob, made_by
from oddloop.score import risk
from oddloop.tables import PLANNING, TRAJECTORY


def collision_jobs(context: Context) -> list[ScoreJob]:
    """What scores them; nothing unless the model has both tables and the setting says that they share a frame."""
    forecasts, plans = (context.model.predictions.get(task) for task in ("trajectory", "planning"))
    config = context.workspace.config.score
    if not forecasts or not plans or not config.risk.shared_frame:
        return []
    kernel = functools.partial(_score, plans=plans, config=config)
    by = made_by(context, "collisions", plans, risk=asdict(config.risk))
    return [ScoreJob("collisions", forecasts, TRAJECTORY, kernel, by)]


def _score(batch: pa.Table, plans: TableFiles, config: ScoreConfig) -> pa.Table:
    frame_ids = batch["frame_id"].combine_chunks()
    found = read_of_frames(plans, PLANNING, frame_ids, ["frame_id", "candidates", "weights"])
    weights = found["weights"].combine_chunks() if "weights" in found.column_names else None
    paths = risk.best_candidates(found["candidates"].combine_chunks(), weights)
    known = found["frame_id"].combine_chunks()
    plan = paths.take(pc.index_in(frame_ids, value_set=known.cast(frame_ids.type)))
    return risk.score_planned_collisions(batch.append_column("plan", plan), config, config.risk)
