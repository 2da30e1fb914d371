"""Frame scores from predicted modes against the ego's plan: `risk_planned_collision_prob_<reduction>` and `..._any`.

Per agent the probability of `collision.collision_probability`, members averaged, over the steps that both the modes and
the plan have; the ego follows the candidate with the largest weight, of several the first. `any` takes the agents as
independent. Modes and plan must lie in one frame of reference per frame and have steps of one length.

Not valid: a frame without a plan, or with an agent whose modes or probabilities are not valid. A standing agent has no
heading, so shapes are the discs around the rectangles, which never miss an overlap.
Time grows with agents x members x modes x steps; memory with the batch.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import RiskConfig, ScoreConfig
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.columns import frame_table, reduce_objects
from oddloop.score.nested import column, texts, unnest
from oddloop.score.ragged import group_mean
from oddloop.score.risk.collision import any_collision_probability, collision_probability
from oddloop.score.shapes import by_shape
from oddloop.score.trajectory import frame_offsets
from oddloop.score.trajectory_truth import Ragged, read_paths, read_probs, read_truth


def score_planned_collisions(batch: pa.Table, config: ScoreConfig, settings: RiskConfig | None = None) -> pa.Table:
    """Score a batch of predicted trajectories that has the ego's plan beside it.

    Args:
        batch: rows of `tables.TRAJECTORY`, whole frames, with a column `plan`: lists of steps x (x, y) in metres, the
            same in all rows of a frame; null where there is none.
        config: reductions over the agents of a frame.
        settings: sizes of the vehicles; the defaults where None.

    Returns:
        `derived_tables.FRAME_SCORES` with a column per reduction, in the frames' order; `n_objects` counts agents.

    Raises:
        TableError: a column is missing or of the wrong type, or the rows of a frame do not stand together.

    >>> ways = [[[[[9.0, 9.0], [5.0, 0.0]], [[9.0, 9.0], [5.0, 20.0]]]]]
    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "mode_probs": [[[0.25, 0.75]]], "modes": ways,
    ...     "plan": [[[0.0, 0.0], [5.0, 1.0]]]})
    >>> score_planned_collisions(batch, ScoreConfig())["risk_planned_collision_prob_max"].to_pylist()
    [0.25]
    """
    settings = settings or RiskConfig()
    frame_ids, scene_ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    offsets = frame_offsets(frame_ids)
    values = _of_agents(batch, settings)
    answered = np.ones(len(offsets) - 1, np.bool_)
    scores = reduce_objects("risk", {"planned_collision_prob": values}, offsets, answered, config)
    scores["risk_planned_collision_prob_any"] = any_collision_probability(values, offsets)
    heads = pa.array(offsets[:-1])
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), np.diff(offsets), answered, scores)


def best_candidates(candidates: pa.Array, weights: pa.Array | None) -> pa.Array:
    """(N,) the candidate with the largest weight of each plan, of several the first; null where there is none.

    >>> ways = pa.array([[[[0.0, 0.0]], [[1.0, 1.0]]], []])
    >>> best_candidates(ways, pa.array([[0.25, 0.75], None])).to_pylist()
    [[[1.0, 1.0]], None]
    """
    plans = unnest(candidates, "`candidates`")
    counts = np.diff(plans.offsets)
    place = np.zeros(len(counts), np.int64)
    if weights is not None:
        shares = unnest(weights, "`weights`")
        fits = np.flatnonzero(shares.given & (np.diff(shares.offsets) == counts) & (counts > 0))
        numbers = shares.items.cast(pa.float64()).to_numpy(zero_copy_only=False)
        for rows, dense in by_shape(numbers, shares.offsets[fits], counts[fits, None]):
            place[fits[rows]] = np.argmax(np.nan_to_num(dense, nan=-1.0), axis=1)
    return plans.items.take(pa.array(plans.offsets[:-1] + place, pa.int64(), mask=counts == 0))


def _of_agents(batch: pa.Table, settings: RiskConfig) -> FloatArray:
    """(N,) probability of each agent; NaN where not valid."""
    members = unnest(column(batch, "mode_probs"), "`mode_probs`")
    modes = unnest(column(batch, "modes"), "`modes`")
    n_members = np.diff(members.offsets)
    row = np.repeat(np.arange(len(n_members)), n_members)
    is_paired = (n_members == np.diff(modes.offsets))[row]
    partner = np.where(is_paired, np.arange(len(row)) - members.offsets[row] + modes.offsets[row], 0)
    probs = read_probs(unnest(members.items, "each member of `mode_probs`"))
    paths = read_paths(unnest(modes.items, "each member of `modes`"))
    plan = read_truth(unnest(column(batch, "plan"), "`plan`"), "plan")
    result = np.full(len(row), np.nan)
    chosen = np.flatnonzero(is_paired)
    shapes = paths.shapes[partner[chosen]]
    fits = (shapes[:, 0] == probs.shapes[chosen]) & (shapes > 0).all(axis=1) & (plan.shapes[row[chosen]] > 0)
    chosen, shapes = chosen[fits], shapes[fits]
    full = np.column_stack([shapes, np.full(len(chosen), 2)])
    for group, dense in by_shape(paths.values, paths.starts[partner[chosen]], full):
        places = chosen[group]
        p = probs.values[probs.starts[places, None] + np.arange(dense.shape[1])]
        result[places] = _of_members(dense, p, plan, row[places], settings)
    return np.where(n_members > 0, group_mean(result, members.offsets), np.nan)


def _of_members(paths: AnyFloats, p: AnyFloats, plan: Ragged, rows: IntArray, settings: RiskConfig) -> FloatArray:
    """(r,) probability of each member with (r,K,H,2) paths, by the number of steps that it shares with the plan."""
    result = np.full(len(rows), np.nan)
    n_shared = np.minimum(plan.shapes[rows], paths.shape[2])
    agent, ego = ((settings.agent_length_m, settings.agent_width_m), (settings.ego_length_m, settings.ego_width_m))
    for n in np.unique(n_shared):
        here = n_shared == n
        own = plan.values[plan.starts[rows[here], None] + np.arange(2 * n)].reshape(-1, n, 2)
        ways = paths[here][:, None, :, :n]
        result[here] = collision_probability(p[here][:, None], ways, own, agent, ego, "discs")
    return result
