"""Frame scores from a planner's candidate paths: how far apart two of them are (`plans`).

    planning_disagreement_final     expected distance of the last positions of two candidates, in metres   [0, inf)
    planning_disagreement_average   expected mean distance over their steps, in metres                     [0, inf)

Not valid where there is no candidate or no step, candidates differ in their number of steps, a position is missing or
not finite, or weights are given that are no distribution over the candidates. `n_objects` is 0.
Time grows with candidates² x steps; memory with the batch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.arrays import FloatArray
from oddloop.score.columns import frame_table
from oddloop.score.measures import is_distribution
from oddloop.score.nested import Nested, column, floats, texts, unnest
from oddloop.score.risk.plans import plan_disagreement
from oddloop.score.shapes import by_shape
from oddloop.score.trajectory_truth import read_paths


def score_planning(batch: pa.Table, config: ScoreConfig) -> pa.Table:  # noqa: ARG001  (the call of every kernel)
    """Score a batch of candidate paths.

    Args:
        batch: rows of `tables.PLANNING`.
        config: not looked at: there is one number per frame.

    Returns:
        `derived_tables.FRAME_SCORES` with two columns, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type.

    >>> plans = [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 8.0]]]]
    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "candidates": plans})
    >>> score_planning(batch, ScoreConfig())["planning_disagreement_final"].to_pylist()
    [4.0]
    """
    rows = unnest(column(batch, "candidates"), "`candidates`")
    paths = read_paths(rows, "candidates", "candidate")
    weights = unnest(column(batch, "weights"), "`weights`") if "weights" in batch.column_names else None
    found = np.full((2, batch.num_rows), np.nan)
    usable = np.flatnonzero((paths.shapes > 0).all(axis=1))
    full = np.column_stack([paths.shapes[usable], np.full(len(usable), 2)])
    for group, dense in by_shape(paths.values, paths.starts[usable], full):
        places = usable[group]
        with np.errstate(over="ignore", invalid="ignore"):
            result = plan_disagreement(dense, _shares(weights, places, dense.shape[1]))
        found[:, places] = np.where(np.isfinite(result), result, np.nan)
    scores = {"planning_disagreement_final": found[0], "planning_disagreement_average": found[1]}
    ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    return frame_table(*ids, np.zeros(batch.num_rows, np.int64), rows.given, scores)


def _shares(weights: Nested | None, rows: np.ndarray, n_candidates: int) -> FloatArray:
    """(r,C) shares: alike where none are given, NaN where those given do not fit."""
    shares = np.full((len(rows), n_candidates), 1.0 / n_candidates)
    if weights is None:
        return shares
    told = weights.given[rows]
    fits = told & (np.diff(weights.offsets)[rows] == n_candidates)
    values = floats(weights.items, "`weights`")
    shares[told] = np.nan
    if fits.any():
        chosen = values[weights.offsets[rows[fits], None] + np.arange(n_candidates)].astype(np.float64)
        shares[fits] = np.where(is_distribution(chosen)[:, None], chosen, np.nan)
    return shares
