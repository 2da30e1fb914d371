"""Target minus actual, per segment, model and metric: how far a value falls short, and how sure that is.

The half width is that of the interval of `segment_metrics` on the side of the target, so that a gap larger than its
half width is one whose interval does not hold the target: what pages call surely missed or met.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import MetricConfig
from oddloop.coverage.arrays import FloatArray, read_column, read_numbers
from oddloop.coverage.odd import OUTSIDE
from oddloop.derived_tables import GAPS

_KEYS = ("segment_id", "model_id", "metric")


def measure_gaps(
    segments: pa.Table,
    segment_metrics: pa.Table,
    metrics: Mapping[str, MetricConfig],
    targets: pa.Table | None = None,
) -> pa.Table:
    """One row per segment, model and metric with a target, measured or not; none for what lies outside the ODD.

    Args:
        segments: `derived_tables.SEGMENTS`; where it has no column `odd`, all of them count.
        segment_metrics: `derived_tables.SEGMENT_METRICS`.
        metrics: direction and target by metric; one without target makes no gaps, unless `targets` has some.
        targets: segment_id, metric and target, where a segment's own differs.

    Returns:
        `derived_tables.GAPS`, in the order of models and metrics, then of `segments`.

    >>> from oddloop.derived_tables import SEGMENTS, SEGMENT_METRICS
    >>> measure_gaps(SEGMENTS.empty(), SEGMENT_METRICS.empty(), {}).num_rows
    0
    """
    if "odd" in segments.column_names:
        segments = segments.filter(pc.fill_null(pc.not_equal(segments["odd"], OUTSIDE), True))
    names = pc.unique(read_column(segments, "segment_id", "segments"))
    pairs = segment_metrics.group_by(["model_id", "metric"], use_threads=False).aggregate([])
    pairs = pairs.sort_by([("model_id", "ascending"), ("metric", "ascending")])
    parts = [GAPS.empty()]
    for model, metric in zip(*(pairs[name].to_pylist() for name in ("model_id", "metric")), strict=True):
        if metric in metrics:
            is_mine = pc.and_(pc.equal(segment_metrics["model_id"], model), pc.equal(segment_metrics["metric"], metric))
            target = _targets(names, metric, metrics[metric], targets)
            mine = segment_metrics.filter(is_mine)
            parts.append(_gaps(names, segments, mine, (model, metric), metrics[metric], target))
    return pa.concat_tables(parts).combine_chunks()


def _targets(names: pa.Array, metric: str, config: MetricConfig, targets: pa.Table | None) -> FloatArray:
    target = np.full(len(names), np.nan if config.target is None else config.target)
    if targets is not None:
        own = targets.filter(pc.equal(targets["metric"], metric))
        found = look_up(names, own["segment_id"], read_numbers(own, "target", "targets"))
        target = np.where(np.isnan(found), target, found)
    return target


def look_up(names: pa.Array, keys: pa.ChunkedArray, values: FloatArray) -> FloatArray:
    """(N,) the value of each name; NaN where the keys lack it.

    >>> look_up(pa.array(["b", "x"]), pa.chunked_array([["a", "b"]]), np.array([1.0, 2.0])).tolist()
    [2.0, nan]
    """
    at = pc.index_in(names, value_set=keys.combine_chunks().cast(names.type))
    rows = pc.fill_null(at, 0).to_numpy(zero_copy_only=False)
    found = values[rows] if len(values) else np.zeros(len(names))
    result: FloatArray = np.where(at.is_null().to_numpy(zero_copy_only=False), np.nan, found)
    return result


def _gaps(
    names: pa.Array,
    segments: pa.Table,
    measured: pa.Table,
    ids: tuple[str, str],
    config: MetricConfig,
    target: FloatArray,
) -> pa.Table:
    """The gaps of one model and metric."""
    columns = ("value", "ci_low", "ci_high", "support", "n_logs")
    value, low, high, support, n_logs = (
        look_up(names, measured["segment_id"], read_numbers(measured, name, "segment_metrics")) for name in columns
    )
    counts = [_count(names, segments, status) for status in ("labelled", "unlabelled")]
    fields = {
        "segment_id": names,
        "model_id": pa.array([ids[0]] * len(names), pa.string()),
        "metric": pa.array([ids[1]] * len(names), pa.string()),
        "value": _nullable(value),
        "target": pa.array(target),
        "gap": _nullable(value - target if config.better == "lower" else target - value),
        "half_width": _nullable(np.where(value > target, value - low, high - value)),
        "support": pa.array(np.nan_to_num(support).astype(np.int64)),
        "n_logs": pa.array(np.nan_to_num(n_logs).astype(np.int64)),
        "n_labelled": pa.array(counts[0]),
        "n_unlabelled": pa.array(counts[1]),
    }
    table = pa.table([fields[c.name] for c in GAPS.columns], schema=GAPS.schema())
    return table.filter(pa.array(np.isfinite(target)))


def _nullable(values: FloatArray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~np.isfinite(values))


def _count(names: pa.Array, segments: pa.Table, status: str) -> FloatArray:
    mine = segments.filter(pc.equal(segments["status"], status))
    n = look_up(names, mine["segment_id"], read_numbers(mine, "n_scenes", "segments"))
    return np.nan_to_num(n).astype(np.int64)
