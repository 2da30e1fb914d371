"""The shape of a table of scores: ids, counts, then each score with its `valid` twin.

A score column is called `<task>_<measure>[_<reduction>]`; its twin `<column>_valid` is False exactly where the score is
null. Nothing ever means "missing" by being -1 or 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from oddloop.config import ScoreConfig
from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.ragged import reduce_groups

VALID = "_valid"
NORMALISED = {"rank": "_rank", "calibrated": "_expected_errors"}
"""Suffix of a normalised score's column, by method."""


def score_columns(table: pa.Table) -> list[str]:
    """Names of a table's score columns, in its order: those that have a `valid` twin.

    >>> score_columns(pa.table({"scene_id": ["a"], "risk_max": [0.2], "risk_max_valid": [True]}))
    ['risk_max']
    """
    names = set(table.column_names)
    return [name for name in table.column_names if name + VALID in names]


def own_scores(table: pa.Table) -> list[str]:
    """Score columns that are no other score normalised.

    >>> scores = {name: [0.5] for name in ("risk_max", "risk_max_rank")}
    >>> own_scores(pa.table({**scores, **{f"{name}_valid": [True] for name in scores}}))
    ['risk_max']
    """
    names = score_columns(table)
    normalised = {name + suffix for name in names for suffix in NORMALISED.values()}
    return [name for name in names if name not in normalised]


def frame_table(
    frame_ids: pa.Array, scene_ids: pa.Array, n_objects: IntArray, answered: BoolArray, scores: Mapping[str, FloatArray]
) -> pa.Table:
    """A table of frame scores.

    Args:
        frame_ids: (F,) ids.
        scene_ids: (F,) ids.
        n_objects: (F,) objects that the model reported.
        answered: (F,) whether the model ran at all; else `n_objects` is null.
        scores: (F,) values by column name; NaN is not valid and becomes null.
    """
    columns = {
        "frame_id": frame_ids.cast(pa.string()),
        "scene_id": scene_ids.cast(pa.string()),
        "n_objects": pa.array(n_objects, pa.int64(), mask=~answered),
    }
    for name, values in scores.items():
        columns |= with_valid(name, values)
    return pa.table(columns)


def with_valid(name: str, values: FloatArray) -> dict[str, pa.Array]:
    """A score column and its twin; NaN is not valid and becomes null.

    Where all are valid the column is the values themselves, so they must not be written to afterwards.
    """
    missing = np.isnan(values)
    scores = pa.array(values, pa.float64(), mask=missing) if missing.any() else pa.array(values, pa.float64())
    valid = pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return {name: scores, name + VALID: pa.Array.from_buffers(pa.bool_(), len(values), [None, valid])}


def reduce_objects(
    task: str, measures: Mapping[str, FloatArray], offsets: IntArray, answered: BoolArray, config: ScoreConfig
) -> dict[str, FloatArray]:
    """Frame scores from the measures of a frame's objects, by column name.

    A frame without objects scores 0; one where the model did not run, or with an object whose measure is NaN, gets NaN.

    Args:
        task: first part of the column names.
        measures: (N,) values per object, by measure.
        offsets: (F+1,) bounds of each frame's objects.
        answered: (F,) whether the model ran at all.
        config: which reductions.
    """
    reduced = {
        measure: reduce_groups(values, offsets, config.reductions, k=config.top_k)
        for measure, values in measures.items()
    }
    return name_scores(task, reduced, answered)


def name_scores(
    task: str, reduced: Mapping[str, Mapping[str, FloatArray]], answered: BoolArray
) -> dict[str, FloatArray]:
    """(F,) frame scores by column name, NaN where the model did not run.

    Args:
        task: first part of the column names.
        reduced: (F,) values by measure and reduction.
        answered: (F,) whether the model ran at all.
    """
    missing = np.flatnonzero(~answered)
    columns = {
        f"{task}_{measure}_{how}": values for measure, by_name in reduced.items() for how, values in by_name.items()
    }
    for values in columns.values():
        values[missing] = np.nan
    return columns
