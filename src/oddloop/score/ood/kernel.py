"""Frame scores from features or logits: `ood_<method>`, larger is more anomalous, each with its `_valid` twin.

The tables are `derived_tables.FRAME_SCORES`, so that `score.summarize_scenes` pools them to scenes and
`score.join_scene_scores` sets them beside other tasks. A frame is not valid where its vector is null, of another length
than the statistics', holds NaN, null or an infinity, or has no direction where one is needed. `n_objects` is 0: there
is no object to draw; it is null where the vector is, as the encoder did not run, and where vectors are of whole scenes,
since those are no frames.

Time and memory as the methods' own, with the batch for N.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import BoolArray, FloatArray
from oddloop.score.columns import frame_table
from oddloop.score.nested import column, given, unnest
from oddloop.score.ood.logits import LOGIT_METHODS
from oddloop.score.ood.methods import score_features
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics
from oddloop.score.ood.vectors import dense_rows


def score_ood_features(batch: pa.Table, stats: Sequence[Statistics], *, source: Source) -> pa.Table:
    """Score a batch of features.

    Args:
        batch: rows of `tables.FEATURES`; without `frame_id`, a scene is its own only frame.
        stats: fitted statistics, of different methods.
        source: what made the features.

    Returns:
        `derived_tables.FRAME_SCORES` with a column `ood_<method>` per statistics, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type, two statistics are of one method, or statistics are of
            another source.

    >>> from oddloop.score.ood import fit_knn, training_set
    >>> source = Source("m1", "layer4")
    >>> knn = fit_knn(training_set([[1.0, 0.0]], ["a"], ["a"], source))
    >>> batch = pa.table({"frame_id": ["f", "g"], "scene_id": ["b", "b"], "vector": [[0.0, 1.0], None]})
    >>> score_ood_features(batch, [knn], source=source).select([3, 4]).to_pylist()
    [{'ood_knn': 1.4142135623730951, 'ood_knn_valid': True}, {'ood_knn': None, 'ood_knn_valid': False}]
    """
    methods = [s.method for s in stats]
    twice = sorted({method for method in methods if methods.count(method) > 1})
    if twice:
        raise TableError(f"two statistics of {', '.join(twice)}; give one of each method")
    vectors = column(batch, "vector")
    scores = {f"ood_{s.method}": score_features(s, dense_rows(vectors, s.width), source=source) for s in stats}
    return _frame_scores(batch, given(vectors), scores)


def score_ood_logits(batch: pa.Table) -> pa.Table:
    """Score a batch of logits by MSP, largest logit, energy (T = 1) and GEN, which need no statistics.

    Args:
        batch: frame_id, scene_id and `logits`, a list of floats per frame, of any length.

    Returns:
        `derived_tables.FRAME_SCORES` with `ood_msp`, `ood_max_logit`, `ood_energy`, `ood_gen`, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type.

    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "logits": [[0.0, 0.0]]})
    >>> score_ood_logits(batch)["ood_msp"].to_pylist()
    [0.5]
    """
    logits = column(batch, "logits")
    lengths = np.diff(unnest(logits, "`logits`").offsets)
    scores = {f"ood_{name}": np.full(batch.num_rows, np.nan) for name in LOGIT_METHODS}
    for length in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == length)
        matrix = dense_rows(logits.take(pa.array(rows)), int(length))
        for name, score in LOGIT_METHODS.items():
            scores[f"ood_{name}"][rows] = score(matrix)
    return _frame_scores(batch, given(logits), scores)


def _frame_scores(batch: pa.Table, answered: BoolArray, scores: dict[str, FloatArray]) -> pa.Table:
    scene_ids = column(batch, "scene_id")
    n_objects = np.zeros(batch.num_rows, np.int64)
    if "frame_id" not in batch.column_names:
        return frame_table(scene_ids, scene_ids, n_objects, np.zeros(batch.num_rows, np.bool_), scores)
    frame_ids = column(batch, "frame_id")
    names = pc.coalesce(frame_ids, scene_ids.cast(frame_ids.type))
    return frame_table(names, scene_ids, n_objects, answered & given(frame_ids), scores)
