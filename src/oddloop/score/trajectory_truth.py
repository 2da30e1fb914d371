"""Forecast errors of prediction tables, and their means per scene as rows of the metrics table.

The errors are those of `trajectory_metrics`. A member of an ensemble is a forecast of its own, and an agent has the
mean of its members' errors, so repeating every member changes nothing. A row is not valid, NaN, where a member is not
(a number of it or of the truth is missing or not finite, its probabilities are no distribution), its modes differ in
length, the truth does not have that length, or `modes` and `mode_probs` differ in shape. A scene has the mean over its
valid agents; one without any has no row.

Time grows with the number of positions; memory with it too where shapes are mixed, else with the number of members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, FloatArray, IntArray
from oddloop.score.nested import Nested, column, floats, unnest
from oddloop.score.ragged import group_mean
from oddloop.score.shapes import by_shape, common_lengths
from oddloop.score.trajectory_metrics import Best, ForecastErrors, forecast_errors
from oddloop.tables import METRICS


def measure_forecasts(
    batch: pa.Table, truth: str = "truth", k: int | None = None, best: Best = "endpoint"
) -> ForecastErrors:
    """Errors per row of a prediction table that has the true future beside it.

    Args:
        batch: (N,) rows of `tables.TRAJECTORY` with a column of what happened: lists of steps x (x, y) in metres, in
            the frame of reference of the row; null where not known.
        truth: name of that column.
        k: how many of the most probable modes compete; all where None.
        best: as for `forecast_errors`.

    Returns:
        (N,) errors: means over the row's members.

    Raises:
        TableError: a column is missing or of the wrong type.

    >>> batch = pa.table({"mode_probs": [[[1.0]]], "modes": [[[[[0.0, 0.0], [3.0, 4.0]]]]],
    ...     "truth": [[[0.0, 0.0], [0.0, 0.0]]]})
    >>> measure_forecasts(batch).min_fde_m
    array([5.])
    """
    members = unnest(column(batch, "mode_probs"), "`mode_probs`")
    paths = unnest(column(batch, "modes"), "`modes`")
    n_members = np.diff(members.offsets)
    row = np.repeat(np.arange(len(n_members)), n_members)
    # Member j of a row is member j of both columns; where they have not as many, the row is not valid.
    is_paired = (n_members == np.diff(paths.offsets))[row]
    partner = np.arange(len(row)) - members.offsets[row] + paths.offsets[row]
    forecasts = _Forecasts(
        read_probs(unnest(members.items, "each member of `mode_probs`")),
        read_paths(unnest(paths.items, "each member of `modes`")),
        read_truth(unnest(column(batch, truth), f"`{truth}`"), truth),
    )
    result = np.full((4, len(row)), np.nan)
    paired = np.flatnonzero(is_paired)
    result[:, paired] = _member_errors(forecasts, paired, partner[paired], row[paired], k, best)
    means = (np.where(n_members > 0, group_mean(values, members.offsets), np.nan) for values in result)
    return ForecastErrors(*means)


def summarize_forecast_errors(
    scene_ids: pa.Array, errors: ForecastErrors, model_id: str, k: int | None = None
) -> pa.Table:
    """Average the errors of each scene's forecasts.

    Args:
        scene_ids: (N,) scene of each forecast.
        errors: (N,) errors.
        model_id: the model that forecast.
        k: where given, it enters the names: `min_fde_k1_m`, `miss_rate_k1`.

    Returns:
        `tables.METRICS`, sorted by scene_id, then as `METRIC_NAMES`; the support counts valid forecasts, and a scene
        without any has no row.

    Raises:
        TableError: a scene_id is null, or there are not as many as errors.

    >>> errors = ForecastErrors(*np.array([[1.0, 3.0]] * 4))
    >>> summarize_forecast_errors(pa.array(["a", "a"]), errors, "m1")["value"].to_pylist()
    [2.0, 2.0, 2.0, 2.0]
    """
    if scene_ids.null_count or len(scene_ids) != len(errors.min_fde_m):
        raise TableError("forecast errors: every error needs a scene_id; run `oddloop check`")
    encoded = scene_ids.dictionary_encode()
    scene = encoded.indices.to_numpy(zero_copy_only=False)
    tables = []
    for name, values in errors._asdict().items():
        known = ~np.isnan(values)
        support = np.bincount(scene[known], minlength=len(encoded.dictionary))
        total = np.bincount(scene[known], values[known], minlength=len(encoded.dictionary))
        met = np.flatnonzero(support)
        means = {"value": total[met] / support[met], "support": support[met]}
        tables.append(_metric_rows(encoded.dictionary.take(pa.array(met)), model_id, _named(name, k), means))
    metrics = pa.concat_tables(tables)
    return metrics.take(pc.sort_indices(metrics["scene_id"]))


class Ragged(NamedTuple):
    """Numbers of many lists: all values, where each list begins, and its shape (-1 where it has none)."""

    values: AnyFloats
    starts: IntArray
    shapes: IntArray


class _Forecasts(NamedTuple):
    """Probabilities per member (modes), paths per member (modes, steps), truth per row (steps)."""

    probs: Ragged
    paths: Ragged
    truth: Ragged


def _member_errors(
    forecasts: _Forecasts, member: IntArray, partner: IntArray, row: IntArray, k: int | None, best: Best
) -> FloatArray:
    """(4,m) errors of members, given their places in `mode_probs`, in `modes`, and their rows."""
    probs, paths, truth = forecasts
    result = np.full((4, len(member)), np.nan)
    shapes = paths.shapes[partner]
    fits = (shapes[:, 0] == probs.shapes[member]) & (shapes[:, 1] == truth.shapes[row]) & (shapes > 0).all(axis=1)
    chosen = np.flatnonzero(fits)
    full_shapes = np.column_stack([shapes[chosen], np.full(len(chosen), 2)])
    for group, dense in by_shape(paths.values, paths.starts[partner[chosen]], full_shapes):
        places = chosen[group]
        n_modes, n_steps = dense.shape[1:3]
        p = probs.values[probs.starts[member[places], None] + np.arange(n_modes)]
        happened = truth.values[truth.starts[row[places], None] + np.arange(2 * n_steps)]
        result[:, places] = forecast_errors(dense, p, happened.reshape(-1, n_steps, 2), k, best)
    return result


def _metric_rows(
    scene_ids: pa.Array, model_id: str, metric: str, columns: Mapping[str, npt.NDArray[np.number]]
) -> pa.Table:
    constant = {name: pa.repeat(value, len(scene_ids)) for name, value in _constants(model_id, metric).items()}
    table = pa.table({"scene_id": scene_ids.cast(pa.string()), **constant, **columns})
    return table.cast(METRICS.schema())


def _constants(model_id: str, metric: str) -> dict[str, str]:
    return {"model_id": model_id, "stack": "prediction", "metric": metric}


def _named(metric: str, k: int | None) -> str:
    """`min_fde_m` with k = 1 is `min_fde_k1_m`."""
    if k is None:
        return metric
    return f"{metric[:-2]}_k{k}_m" if metric.endswith("_m") else f"{metric}_k{k}"


def read_probs(modes: Nested) -> Ragged:
    """Probabilities of lists of modes; shapes are their numbers."""
    return Ragged(floats(modes.items, "probabilities in `mode_probs`"), modes.offsets[:-1], np.diff(modes.offsets))


def read_paths(modes: Nested, name: str = "modes", one: str = "mode") -> Ragged:
    """Paths of lists of modes; shapes are (modes, steps), -1 where steps differ or a position is not of two numbers.

    Args:
        modes: lists of modes, already taken off their column.
        name: the column, for messages.
        one: what a mode is called there.

    Raises:
        TableError: a level is not a list, or the numbers are not floats.
    """
    steps = unnest(modes.items, f"each {one} of `{name}`")
    points = unnest(steps.items, f"each position in `{name}`")
    n_steps = common_lengths(modes.offsets, _lengths_of_pairs(steps, points.offsets))
    starts = points.offsets[steps.offsets[modes.offsets]][:-1]
    shapes = np.stack([np.diff(modes.offsets), n_steps], axis=1)
    return Ragged(floats(points.items, f"positions in `{name}`"), starts, shapes)


def read_truth(rows: Nested, name: str) -> Ragged:
    """One path per row, of the column `name`; shapes are steps, -1 where a position is not of two numbers."""
    points = unnest(rows.items, f"each position in `{name}`")
    starts = points.offsets[rows.offsets][:-1]
    return Ragged(floats(points.items, f"positions in `{name}`"), starts, _lengths_of_pairs(rows, points.offsets))


def _lengths_of_pairs(steps: Nested, points: IntArray) -> IntArray:
    """(N,) number of steps of each list; -1 where a position of it is not of two numbers."""
    n_steps = np.diff(steps.offsets)
    is_pair = np.diff(points) == 2
    if is_pair.all():
        return n_steps
    n_bad = np.diff(np.concatenate([[0], np.cumsum(~is_pair)])[steps.offsets])
    return np.where(n_bad > 0, -1, n_steps)
