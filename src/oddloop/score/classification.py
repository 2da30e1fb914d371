"""Frame scores from class probabilities or logits: `classification_<measure>` for each of the setting `score.measures`.

`entropy`, `least_confidence`, `margin` and `ratio` are of the mean of the frame's members, so that
`classification_entropy` is the predictive entropy; `expected_entropy`, `bald`, `variance`, `variation_ratio`,
`vote_entropy` and `consensus` compare the members (`ensembles`, `disagreement`). Which columns there are depends on
the setting and on whether the batch has `logits`, never on the rows: a frame with one member has a valid `bald` of 0.

The measures are of `probs` where a row has them, else of the softmax of its `logits`; either at the setting
`score.temperature`, so that models of different calibration can share one threshold. A batch with `logits` also gets
`ood_msp`, `ood_max_logit`, `ood_energy` and `ood_gen` (`ood.logits`) of the members' mean logits, at temperature 1.

A frame is not valid where there is neither, or no member, or no class, where a member is not a distribution (of logits:
holds NaN or inf; for `ood_`: -inf too), or where members differ in their number of classes. `n_objects` is 0: there is
no object to draw, so a frame costs what a frame costs.

Time grows with the number of probabilities; memory with the batch, one float64 mean per frame and class,
and one entropy per member; for logits one more copy of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.columns import frame_table
from oddloop.score.ensembles import compute_ensemble_measures
from oddloop.score.logits import rescale_probs, softmax
from oddloop.score.members import Members, read_members
from oddloop.score.nested import texts
from oddloop.score.ood.logits import LOGIT_METHODS


def score_classification(batch: pa.Table, config: ScoreConfig) -> pa.Table:
    """Score a batch of class probabilities or logits.

    Args:
        batch: rows of `tables.CLASSIFICATION`.
        config: which measures, and the temperature.

    Returns:
        `derived_tables.FRAME_SCORES` with one column per measure, in the rows' order.

    Raises:
        TableError: a column is missing or of the wrong type.

    >>> batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "probs": [[[1.0, 0.0], [0.0, 1.0]]]})
    >>> score_classification(batch, ScoreConfig())["classification_margin"].to_pylist()
    [1.0]
    """
    logits = read_members(batch, "logits") if "logits" in batch.column_names else None
    probs = read_members(batch, "probs") if logits is None or "probs" in batch.column_names else None
    scores = {f"classification_{name}": np.full(batch.num_rows, np.nan) for name in config.measures}
    for rows, dense in _distributions(probs, logits, config.temperature):
        for name, result in compute_ensemble_measures(dense, config.measures).items():
            scores[f"classification_{name}"][rows] = result
    if logits is not None:
        scores |= _score_logits(logits)
    answered = np.logical_or.reduce([members.given for members in (probs, logits) if members is not None])
    ids = texts(batch, "frame_id"), texts(batch, "scene_id")
    return frame_table(*ids, np.zeros(batch.num_rows, np.int64), answered, scores)


def _distributions(
    probs: Members | None, logits: Members | None, temperature: float
) -> Iterator[tuple[IntArray, AnyFloats]]:
    """(r,) row numbers and their (r,M,K) probabilities."""
    if probs is not None:
        for rows, dense in probs.dense(probs.given):
            yield rows, dense if temperature == 1 else rescale_probs(dense, temperature)
    if logits is not None:
        wanted = logits.given if probs is None else ~probs.given
        for rows, dense in logits.dense(wanted):
            yield rows, softmax(dense, temperature)


def _score_logits(logits: Members) -> dict[str, FloatArray]:
    """Scores of each row's mean logits, by column name."""
    scores = {f"ood_{name}": np.full(len(logits.given), np.nan) for name in LOGIT_METHODS}
    for rows, dense in logits.dense(logits.given):
        with np.errstate(invalid="ignore", over="ignore"):
            mean = dense.mean(axis=1, dtype=np.float64)
        for name, score in LOGIT_METHODS.items():
            scores[f"ood_{name}"][rows] = score(mean)
    return scores
