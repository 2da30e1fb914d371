"""Frame scores from predicted trajectories: `trajectory_<measure>_<reduction>`, reduced over the agents of a frame.

With p[m,k] the probability that member m of M gives to mode k, per agent:

    mode_entropy     -sum_k q ln q with q = mean over members of p[m,k], in nats       [0, ln K]
    and the measures of `trajectory_spread`: endpoint_spread, mode_displacement, member_displacement, spread_along,
    spread_across (metres) and off_mode_risk (a probability)

The endpoint spread is the square root of the trace of the covariance of all final positions, members and modes alike:
it grows with the modes of one member (the road forks) and with the disagreement of members (the model does not know).
The displacements tell these two apart.

The entropy is not valid where members differ in their number of modes, since mode k then is not the same thing; neither
is valid where a member's probabilities are not a distribution, and the others are not where `modes` and `mode_probs`
differ in shape, or a position is missing, not finite, or not of two numbers. A frame with one such agent is not valid.

Which columns there are depends on the settings only. The rows of a frame stand together and are never split between
batches. Time grows with the number of modes, for displacements and risk with its square per agent; memory with the
modes; of the steps between, only their count is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.columns import frame_table, reduce_objects
from oddloop.score.measures import entropy, mean_members
from oddloop.score.nested import column, floats, texts, unnest
from oddloop.score.shapes import by_shape, common_lengths
from oddloop.score.trajectory_spread import SPREADS, compute_spreads

TRAJECTORY_MEASURES = ("mode_entropy", *SPREADS)
"""All measures, by name."""


def score_trajectory(batch: pa.Table, config: ScoreConfig, measures: Sequence[str] | None = None) -> pa.Table:
    """Score a batch of predicted trajectories.

    Args:
        batch: rows of `tables.TRAJECTORY`, whole frames.
        config: reductions over the agents of a frame.
        measures: names of `TRAJECTORY_MEASURES`, in place of those of the config; the columns come in this order.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure and reduction, in the frames' order; `n_objects`
        counts agents.

    Raises:
        TableError: a column is missing or of the wrong type, or the rows of a frame do not stand together.
        ValueError: there is no such measure.

    >>> modes = [[[[[0.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [3.0, 8.0]]]]]
    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "mode_probs": [[[0.5, 0.5]]], "modes": modes})
    >>> score_trajectory(batch, ScoreConfig(reductions=("max",)))["trajectory_endpoint_spread_max"].to_pylist()
    [4.0]
    """
    measures = config.trajectory_measures if measures is None else measures
    unknown = [name for name in measures if name not in TRAJECTORY_MEASURES]
    if unknown:
        known = ", ".join(TRAJECTORY_MEASURES)
        raise ValueError(f"trajectory measures: no `{unknown[0]}`; there are: {known}")
    frame_ids, scene_ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    values = _measure(column(batch, "mode_probs"), column(batch, "modes"), measures)
    offsets = frame_offsets(frame_ids)
    answered = np.ones(len(offsets) - 1, np.bool_)
    scores = reduce_objects("trajectory", values, offsets, answered, config)
    heads = pa.array(offsets[:-1])
    return frame_table(frame_ids.take(heads), scene_ids.take(heads), np.diff(offsets), answered, scores)


def _measure(mode_probs: pa.Array, modes: pa.Array, names: Sequence[str]) -> dict[str, FloatArray]:
    values = compute_spreads(mode_probs, modes, [name for name in names if name in SPREADS])
    if "mode_entropy" in names:
        values["mode_entropy"] = compute_mode_entropy(mode_probs)
    return {name: values[name] for name in names}


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


def frame_offsets(frame_ids: pa.Array) -> IntArray:
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
