"""Frame scores from class probabilities: `classification_entropy`, `_least_confidence`, `_margin`.

Each measure is taken of the mean of the frame's members, so that `classification_entropy` is the predictive entropy.
A frame is not valid where `probs` is null or empty, where a member is not a distribution, or where members differ in
their number of classes. `n_objects` is 0: there is no object to draw, so a frame costs what a frame costs.

Time grows with the number of probabilities; memory with the batch, one float64 mean per frame and class.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.columns import frame_table
from oddloop.score.measures import MEASURES, compute_measures, mean_members
from oddloop.score.nested import column, floats, unnest
from oddloop.score.shapes import by_shape, common_lengths


def score_classification(batch: pa.Table, config: ScoreConfig) -> pa.Table:  # noqa: ARG001 - one shape for all tasks
    """Score a batch of class probabilities.

    Args:
        batch: rows of `tables.CLASSIFICATION`.
        config: not used; a classification has nothing to reduce.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type.

    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "probs": [[[1.0, 0.0], [0.0, 1.0]]]})
    >>> score_classification(batch, ScoreConfig())["classification_margin"].to_pylist()
    [1.0]
    """
    members = unnest(column(batch, "probs"), "`probs`")
    classes = unnest(members.items, "each member of `probs`")
    values = floats(classes.items, "class probabilities in `probs`")
    shapes = np.stack([np.diff(members.offsets), common_lengths(members.offsets, np.diff(classes.offsets))], axis=1)
    scores = {f"classification_{name}": np.full(batch.num_rows, np.nan) for name in MEASURES}
    usable = np.flatnonzero(shapes[:, 1] > 0)
    starts = classes.offsets[members.offsets[usable]]
    for rows, probs in by_shape(values, starts, shapes[usable]):
        for name, result in compute_measures(mean_members(probs)).items():
            scores[f"classification_{name}"][usable[rows]] = result
    ids = column(batch, "frame_id"), column(batch, "scene_id")
    return frame_table(*ids, np.zeros(batch.num_rows, np.int64), members.given, scores)
