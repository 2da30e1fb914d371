"""The slices that were found: rates, intervals, and in words why each is listed. Time grows with the rows."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.cells import decode
from oddloop.coverage.segments import name_conjunctions
from oddloop.coverage.slices.candidates import Candidates
from oddloop.coverage.slices.rows import scenes_of
from oddloop.coverage.slices.search import Tested
from oddloop.derived_tables import SLICES
from oddloop.intervals import wilson_interval

OWNER = ("model_id", "metric")
FOUND = pa.schema([field for field in SLICES.schema() if field.name not in OWNER])
"""Columns of slices of whatever was counted."""


def list_slices(
    encoded: Encoded, tested: Tested, taken: list[int], all_trials: FloatArray, all_errors: FloatArray
) -> pa.Table:
    """One row per slice.

    Args:
        encoded: the attributes.
        tested: what is known of all segments.
        taken: places of the slices to list, strongest first.
        all_trials: (N,) trials of each scene.
        all_errors: (N,) errors of each scene.
    """
    candidates, mine = tested.candidates, np.array(taken, np.int64)
    trials, errors = candidates.trials.sum(axis=1), candidates.errors.sum(axis=1)
    effect = tested.design_effect[mine]
    sums = [(all_trials[rows].sum(), all_errors[rows].sum()) for rows in map(_scenes(encoded, candidates), taken)]
    tried, wrong = np.array(sums, np.float64).reshape(-1, 2).T
    # As many trials as were counted, which are fewer where those of a scene are alike.
    counted = trials[mine] / effect
    low, high = wilson_interval(wrong / tried * counted, counted)
    parents, parent_rates = _hardest_parents(candidates, mine, trials, errors)
    ids, way = _names(encoded, candidates, mine), [len(candidates.sets[p]) for p in candidates.set_of[mine]]
    halves = _rate(candidates.errors[mine], candidates.trials[mine])
    table = pa.table(
        {
            "rank": pa.array(range(1, len(mine) + 1), pa.int64()),
            "segment_id": ids,
            "n_way": pa.array(way, pa.int64()),
            "n_scenes": candidates.n_scenes[mine].sum(axis=1),
            "n_logs": candidates.n_logs[mine].sum(axis=1),
            "trials": np.rint(tried).astype(np.int64),
            "errors": np.floor(wrong + 1e-6).astype(np.int64),
            "error_rate": _rate(wrong, tried),
            "ci_low": low,
            "ci_high": high,
            "rest_rate": _rate(all_errors.sum() - wrong, all_trials.sum() - tried),
            "parent_id": _names(encoded, candidates, parents),
            "parent_rest_rate": parent_rates,
            "discovery_rate": halves[:, 0],
            "confirmation_rate": halves[:, 1],
            "design_effect": effect,
            "p_value": np.exp(tested.log_p[mine]),
            "adjusted_p": tested.adjusted[mine],
        }
    )
    because = pa.array([_explain(row) for row in table.to_pylist()], pa.string())
    return table.append_column("because", because).select(FOUND.names).cast(FOUND)


def _scenes(encoded: Encoded, candidates: Candidates) -> Callable[[int], BoolArray]:
    return functools.partial(scenes_of, encoded, candidates)


def _hardest_parents(
    candidates: Candidates, mine: IntArray, trials: FloatArray, errors: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Of each slice's parents, the one whose rest has the highest error rate, and that rate."""
    parents = candidates.parents[mine]
    rates = _rate(errors[parents] - errors[mine, None], trials[parents] - trials[mine, None])
    rates = np.where(parents < 0, -np.inf, rates)
    hardest = np.argmax(rates, axis=1)[:, None] if len(mine) else np.empty((0, 1), np.int64)
    return np.take_along_axis(parents, hardest, 1)[:, 0], np.take_along_axis(rates, hardest, 1)[:, 0]


def _names(encoded: Encoded, candidates: Candidates, segments: IntArray) -> pa.Array:
    names = []
    for segment in segments.tolist():
        axes = [encoded.attributes[place] for place in candidates.sets[candidates.set_of[segment]]]
        codes = decode(candidates.numbers[segment : segment + 1], tuple(len(a.values) for a in axes))
        names.append(name_conjunctions([(a.name, a.values) for a in axes], codes)["segment_id"][0].as_py())
    return pa.array(names, pa.string())


def _rate(errors: FloatArray, trials: FloatArray) -> FloatArray:
    """Errors over trials; 0 where there is nothing."""
    return np.divide(errors, trials, out=np.zeros(np.shape(trials)), where=trials > 0)


def _explain(row: dict[str, object]) -> str:
    against = f"{row['rest_rate']:.1%} of the rest"
    if row["n_way"] != 1:
        against += f" and {row['parent_rest_rate']:.1%} of the rest of {row['parent_id']}"
    return (
        f"{row['errors']:,} of {row['trials']:,} wrong: {row['error_rate']:.1%} (95 % interval {row['ci_low']:.1%} to "
        f"{row['ci_high']:.1%}), against {against}; {row['n_scenes']:,} scenes of {row['n_logs']:,} logs; "
        f"{row['discovery_rate']:.1%} and {row['confirmation_rate']:.1%} in two halves of the logs; "
        f"adjusted p {row['adjusted_p']:.2g}"
    )
