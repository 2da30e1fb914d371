"""Frame scores from predicted trajectories: `trajectory_<measure>_<reduction>`, reduced over the agents of a frame.

With p[m,k] the probability that member m of M gives to mode k, and e[m,k] the mode's last position, per agent:

    mode_entropy     -sum_k q ln q with q = mean over members of p[m,k], in nats       [0, ln K]
    endpoint_spread  sqrt(sum_mk w |e - mean|²) with w = p[m,k] / M, in metres         [0, inf)

The spread is the square root of the trace of the covariance of all final positions, members and modes alike: it grows
with the modes of one member (the road forks) and with the disagreement of members (the model does not know).
The entropy is not valid where members differ in their number of modes, since mode k then is not the same thing; neither
is valid where a member's probabilities are not a distribution, and the spread is not where `modes` and `mode_probs`
differ in shape, or a position is missing, not finite, or not of two numbers. A frame with one such agent is not valid.

The rows of a frame stand together and are never split between batches. Time and memory grow with the number of modes;
of the steps between, only their count is looked at.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.columns import frame_table, reduce_objects
from oddloop.score.measures import SUM_TOLERANCE, entropy, mean_members
from oddloop.score.nested import Nested, column, floats, unnest
from oddloop.score.ragged import group_max, group_sum
from oddloop.score.shapes import by_shape, common_lengths

_ROUNDING = 1e-9


def score_trajectory(batch: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score a batch of predicted trajectories.

    Args:
        batch: rows of `tables.TRAJECTORY`, whole frames.
        config: reductions over the agents of a frame.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the frames' order; `n_objects`
        counts agents.

    Raises:
        TableError: a column is missing or of the wrong type, or the rows of a frame do not stand together.

    >>> modes = [[[[[0.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [3.0, 8.0]]]]]
    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "mode_probs": [[[0.5, 0.5]]], "modes": modes})
    >>> score_trajectory(batch, ScoreConfig(reductions=("max",)))["trajectory_endpoint_spread_max"].to_pylist()
    [4.0]
    """
    frame_ids, scene_ids = column(batch, "frame_id"), column(batch, "scene_id")
    probs, modes = column(batch, "mode_probs"), column(batch, "modes")
    measures = {"mode_entropy": compute_mode_entropy(probs), "endpoint_spread": compute_endpoint_spread(probs, modes)}
    offsets = _frame_offsets(frame_ids)
    answered = np.ones(len(offsets) - 1, np.bool_)
    scores = reduce_objects("trajectory", measures, offsets, answered, config)
    heads = pa.array(offsets[:-1])
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), np.diff(offsets), answered, scores)


def compute_mode_entropy(mode_probs: pa.Array) -> FloatArray:
    """(N,) entropy of the modes, averaged over members, per agent, in nats; NaN where not valid.

    Args:
        mode_probs: (N,) lists of members x modes.
    """
    members = unnest(mode_probs, "`mode_probs`")
    modes = unnest(members.items, "each member of `mode_probs`")
    values = floats(modes.items, "probabilities in `mode_probs`")
    n_modes = common_lengths(members.offsets, np.diff(modes.offsets))
    shapes = np.stack([np.diff(members.offsets), n_modes], axis=1)
    result = np.full(len(mode_probs), np.nan)
    usable = np.flatnonzero(n_modes > 0)
    for rows, dense in by_shape(values, modes.offsets[members.offsets[usable]], shapes[usable]):
        result[usable[rows]] = entropy(mean_members(dense))
    return result


def compute_endpoint_spread(mode_probs: pa.Array, modes: pa.Array) -> FloatArray:
    """(N,) weighted spread of the final positions per agent, in metres; NaN where not valid.

    Args:
        mode_probs: (N,) lists of members x modes.
        modes: (N,) lists of members x modes x steps x (x, y).
    """
    alike = _is_alike(mode_probs, modes)
    result = np.full(len(mode_probs), np.nan)
    if not alike.all():
        mode_probs, modes = mode_probs.filter(pa.array(alike)), modes.filter(pa.array(alike))
    result[alike] = _spread(mode_probs, modes)
    return result


def _spread(mode_probs: pa.Array, modes: pa.Array) -> FloatArray:
    members = unnest(mode_probs, "`mode_probs`")
    inner = unnest(members.items, "each member of `mode_probs`")
    weights = _weights(members, inner)
    positions = _last_positions(unnest(unnest(modes, "`modes`").items, "each member of `modes`").items)
    offsets = inner.offsets[members.offsets]
    agent = np.repeat(np.arange(len(mode_probs)), np.diff(offsets))
    square = np.zeros(len(mode_probs))
    with np.errstate(invalid="ignore", over="ignore"):
        for axis in positions.T:
            mean = group_sum(weights * axis, offsets)
            square += group_sum(weights * (axis - mean[agent]) ** 2, offsets)
    # Weights fall short of 1 where a member, or the agent, has no mode; an infinite position gives no finite spread.
    is_whole = np.abs(group_sum(weights, offsets) - 1.0) < _ROUNDING
    return np.sqrt(np.where(np.isfinite(square) & is_whole, square, np.nan))


def _weights(members: Nested, modes: Nested) -> FloatArray:
    """(modes of all agents,) weights that sum to 1 over an agent; NaN throughout a member that is no distribution."""
    p = floats(modes.items, "probabilities in `mode_probs`").astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = group_sum(p, modes.offsets)
        lowest = -group_max(-p, modes.offsets)
        is_good = (np.abs(sums - 1.0) <= SUM_TOLERANCE) & (lowest >= 0)
    n_members = np.diff(members.offsets)
    scale = np.where(is_good, sums, np.nan) * np.repeat(n_members, n_members)
    weights: FloatArray = p / np.repeat(scale, np.diff(modes.offsets))
    return weights


def _last_positions(modes: pa.Array) -> FloatArray:
    """(M,2) last position of each mode; NaN where it has none, or one that is not of two numbers."""
    steps = unnest(modes, "each mode of `modes`")
    result = np.full((len(modes), 2), np.nan)
    travelled = np.flatnonzero(np.diff(steps.offsets))
    # Taken before it is unnested: offsets of all steps would be larger than the positions themselves.
    last = unnest(steps.items.take(pa.array(steps.offsets[1:][travelled] - 1)), "each position in `modes`")
    is_pair = np.diff(last.offsets) == 2
    xy = floats(last.items, "positions in `modes`")
    places = slice(None) if is_pair.all() else last.offsets[:-1][is_pair, None] + np.arange(2)
    result[travelled[is_pair]] = xy[places].reshape(-1, 2)
    return result


def _is_alike(mode_probs: pa.Array, modes: pa.Array) -> BoolArray:
    """(N,) whether both have the same members, each with the same number of modes."""
    a, b = unnest(mode_probs, "`mode_probs`"), unnest(modes, "`modes`")
    a_modes = unnest(a.items, "each member of `mode_probs`").offsets
    b_modes = unnest(b.items, "each member of `modes`").offsets
    alike: BoolArray = np.diff(a.offsets) == np.diff(b.offsets)
    if alike.all() and np.array_equal(a_modes, b_modes):
        return alike
    lengths = [np.diff(m)[np.repeat(alike, np.diff(n.offsets))] for m, n in ((a_modes, a), (b_modes, b))]
    offsets = np.concatenate([[0], np.cumsum(np.diff(a.offsets)[alike])])
    alike[alike] = group_sum(lengths[0] != lengths[1], offsets) == 0
    return alike


def _frame_offsets(frame_ids: pa.Array) -> IntArray:
    """(F+1,) bounds of each frame's rows."""
    n_rows = len(frame_ids)
    if not n_rows:
        return np.zeros(1, np.int64)
    changes = pc.fill_null(pc.not_equal(frame_ids.slice(1), frame_ids.slice(0, n_rows - 1)), True)
    offsets = np.concatenate([[0], np.flatnonzero(changes) + 1, [n_rows]])
    if pc.count_distinct(frame_ids, mode="all").as_py() != len(offsets) - 1:
        again = frame_ids.take(pa.array(offsets[:-1])).value_counts()
        worst = again.field("values")[int(np.argmax(again.field("counts").to_numpy()))]
        raise TableError(f"predictions: the rows of frame `{worst}` do not stand together; sort them by frame_id")
    return offsets
