"""The audit of scene scores: scenes that have a metric, their score columns, and what counts as an error.

A metric's value becomes an error level, larger = worse, and level x support the errors of the scene:

    lower is better                     level = value          (misses per frame, metres of displacement)
    higher is better, all in [0, 1]     level = 1 - value      (accuracy: the share that is wrong)
    higher is better, elsewhere         level = best - value   (how far short of the best scene)

A lower-is-better metric that falls below 0 is shifted so that its best scene has level 0. Since support is what the
value is a mean over, the errors of scenes add up: misses, wrong frames, or metres summed over agents.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray
from oddloop.score.audit.curves import audit_curves, best_scores
from oddloop.score.audit.resampled import AuditRows
from oddloop.score.audit.scores import AuditConfig, audit_scores
from oddloop.score.columns import VALID, own_scores
from oddloop.score.foreign import to_float64


def error_levels(values: npt.ArrayLike, better: Literal["lower", "higher"]) -> FloatArray:
    """Turn a metric into error levels.

    Args:
        values: (N,) finite values of one metric.
        better: its direction.

    Returns:
        (N,) float64, 0 or more, larger = worse; none for none.

    >>> error_levels([0.75, 1.0], "higher"), error_levels([3.0, 12.0], "higher"), error_levels([2.0, 0.5], "lower")
    (array([0.25, 0.  ]), array([9., 0.]), array([2. , 0.5]))
    """
    array = to_float64(values)
    if better == "lower":
        return np.asarray(array - min(array.min(initial=0.0), 0.0))
    is_rate = array.min(initial=0.0) >= 0 and array.max(initial=0.0) <= 1
    best = 1.0 if is_rate else array.max()
    return np.asarray(best - array)


def measured_scenes(scenes: pa.Table, scene_scores: pa.Table, metrics: pa.Table, metric: str) -> pa.Table:
    """The scenes that have scores, a frame count and a value of the metric.

    Args:
        scenes: SCENES; `n_frames` may be absent: the frames scored then count.
        scene_scores: SCENE_SCORES.
        metrics: METRICS of one model.
        metric: name of the metric.

    Returns:
        the rows of `scene_scores` in their order, with log_id, duration_s, n_frames (int64), value and support
        (float64); a value that is not finite, or without support, is none.

    Raises:
        TableError: a scene has two values.
    """
    mine = metrics.filter(pc.and_(pc.equal(metrics["metric"], metric), pc.greater(metrics["support"], 0)))
    mine = mine.filter(pc.fill_null(pc.is_finite(mine["value"]), False))
    if pc.count_distinct(mine["scene_id"]).as_py() < mine.num_rows:
        raise TableError(f"metrics: a scene has two values of `{metric}`; run `oddloop check`")
    ids = scene_scores["scene_id"].combine_chunks()
    frames = scene_scores["n_frames_scored"]
    if "n_frames" in scenes.column_names:
        frames = pc.coalesce(_gather(scenes, "n_frames", ids).cast(pa.int64()), frames)
    added = {"n_frames": frames, "value": _gather(mine, "value", ids), "support": _gather(mine, "support", ids)}
    added |= {name: _gather(scenes, name, ids) for name in ("log_id", "duration_s")}
    known = [pc.is_valid(column) for column in added.values()]
    table = scene_scores
    for name, column in added.items():
        table = table.append_column(name, column.cast(pa.float64()) if name in ("value", "support") else column)
    return table.filter(pc.and_(pc.and_(known[0], known[1]), known[3]))


def audit_scenes(
    measured: pa.Table,
    costs: npt.ArrayLike,
    better: Literal["lower", "higher"],
    rng: np.random.Generator,
    config: AuditConfig | None = None,
) -> pa.Table:
    """Audit all scene scores against one metric; see `audit_scores`.

    Args:
        measured: the scenes, as `measured_scenes` gives them; every column with a `_valid` twin is a score,
            but for normalised ones, which rank scenes as the score itself does.
        costs: (N,) labelling cost of each.
        better: direction of the metric.
        rng: source of the resamples.
        config: how sure; None is the defaults.

    Returns:
        `derived_tables.AUDIT`; the baseline object_count is `n_objects_sum`, scene_length is `duration_s`.

    Raises:
        ValueError: the costs are not usable.
    """
    scores = {name: _valid_values(measured, name) for name in own_scores(measured)}
    return audit_scores(scores, _rows(measured, costs, better), rng, config)


def audit_scene_curves(
    measured: pa.Table,
    audit: pa.Table,
    costs: npt.ArrayLike,
    better: Literal["lower", "higher"],
    rng: np.random.Generator,
    config: AuditConfig | None = None,
) -> pa.Table:
    """Curves of the best scores of an audit of scenes; arguments and errors as `audit_scenes`, and its result.

    Returns:
        `derived_tables.AUDIT_CURVES`.
    """
    names = best_scores(audit, (config or AuditConfig()).n_curves)
    scores = {name: _valid_values(measured, name) for name in names}
    return audit_curves(scores, _rows(measured, costs, better), rng, config)


def _rows(measured: pa.Table, costs: npt.ArrayLike, better: Literal["lower", "higher"]) -> AuditRows:
    levels = error_levels(measured["value"].to_numpy(), better)
    return AuditRows(
        errors=levels * measured["support"].to_numpy(),
        groups=measured["log_id"].to_numpy(),
        costs=costs,
        counts=measured["n_objects_sum"].to_numpy(),
        levels=levels,
        lengths=measured["duration_s"].to_numpy(),
    )


def _valid_values(table: pa.Table, name: str) -> FloatArray:
    """(N,) values, NaN where not valid."""
    nothing = pa.scalar(None, pa.float64())
    values = pc.if_else(table[name + VALID], table[name].cast(pa.float64()), nothing)
    return np.asarray(pc.fill_null(values, np.nan).to_numpy(), np.float64)


def _gather(table: pa.Table, name: str, ids: pa.Array) -> pa.ChunkedArray:
    """A column by scene_id; null where the table does not have the scene."""
    return table[name].take(pc.index_in(ids, value_set=table["scene_id"].combine_chunks()))
