"""Frame scores from class probabilities: `classification_<measure>` for each measure of the setting `score.measures`.

`entropy`, `least_confidence`, `margin` and `ratio` are of the mean of the frame's members, so that
`classification_entropy` is the predictive entropy; `expected_entropy`, `bald`, `variance`, `variation_ratio`,
`vote_entropy` and `consensus` compare the members (`ensembles`, `disagreement`). Which columns there are depends on the
setting alone, never on the rows: a frame with one member has `bald` 0, and that is valid.

A frame is not valid where `probs` is null or empty, where a member is not a distribution, or where members differ in
their number of classes. `n_objects` is 0: there is no object to draw, so a frame costs what a frame costs.

Time grows with the number of probabilities; memory with the batch, one float64 mean per frame and class,
and one entropy per member.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.columns import frame_table
from oddloop.score.ensembles import compute_ensemble_measures
from oddloop.score.nested import column, floats, texts, unnest
from oddloop.score.shapes import by_shape, common_lengths


def score_classification(batch: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score a batch of class probabilities.

    Args:
        batch: rows of `tables.CLASSIFICATION`.
        config: which measures.

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
    scores = {f"classification_{name}": np.full(batch.num_rows, np.nan) for name in config.measures}
    usable = np.flatnonzero(shapes[:, 1] > 0)
    starts = classes.offsets[members.offsets[usable]]
    for rows, probs in by_shape(values, starts, shapes[usable]):
        for name, result in compute_ensemble_measures(probs, config.measures).items():
            scores[f"classification_{name}"][usable[rows]] = result
    ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    return frame_table(*ids, np.zeros(batch.num_rows, np.int64), members.given, scores)
