"""Which scenes were labelled before oddloop came: all held-out scenes, and a small, lopsided part of the pool."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.demo.plan import LogPlan
from oddloop.demo.settings import FleetSettings

N_FIRST_ROUNDABOUT = 2
"""Roundabout scenes labelled before oddloop: enough to know that the segment exists, far too few to learn it."""
FLOOR_PART = 0.15
"""Part of the first labels that comes from logs with heavy rain at night."""
_COST_PER_FRAME = 0.12


def first_labels(scenes: pa.Table, plans: tuple[LogPlan, ...], settings: FleetSettings,
                 rng: np.random.Generator) -> pa.Table:  # fmt: skip
    """Draw the `labels` table before oddloop: every eval scene, and `n_initial_scenes` of the logs that were first.

    Costs are 0.12 units per frame (Liang et al. 2022); labels are dated one day after the last log, `round_id` is null.
    """
    by_log = {plan.log_id: plan for plan in plans}
    log_ids = scenes["log_id"].to_pylist()
    kinds = np.array([_kind(by_log[log_id]) for log_id in log_ids])
    at_roundabout = np.array(scenes["junction"].to_pylist()) == "roundabout"
    n_floor = round(FLOOR_PART * settings.n_initial_scenes)
    n_ordinary = settings.n_initial_scenes - n_floor - N_FIRST_ROUNDABOUT
    chosen = [
        np.flatnonzero(kinds == "eval"),
        _draw(np.flatnonzero(kinds == "ordinary"), n_ordinary, rng),
        _draw(np.flatnonzero(kinds == "floor"), n_floor, rng),
        _draw(np.flatnonzero((kinds == "roundabout") & at_roundabout), N_FIRST_ROUNDABOUT, rng),
    ]
    rows = np.sort(np.concatenate(chosen))
    day_after_ns = max((plan.start_ns for plan in plans), default=0) + 86_400_000_000_000
    return pa.table(
        {
            "scene_id": scenes["scene_id"].take(pa.array(rows)),
            "labelled_at_ns": pa.array(np.full(len(rows), day_after_ns, dtype=np.int64)),
            "round_id": pa.nulls(len(rows), pa.string()),
            "cost": pa.array(np.round(scenes["n_frames"].to_numpy()[rows] * _COST_PER_FRAME, 6)),
        }
    )


def _kind(plan: LogPlan) -> str:
    if plan.split == "eval":
        return "eval"
    if not plan.is_first:
        return "later"
    if plan.world == "roundabout":
        return "roundabout"
    return "floor" if plan.rain_mm_h > 7.6 and plan.illuminance_lux <= 1.0 else "ordinary"


def _draw(rows: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:n]
