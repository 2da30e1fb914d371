"""How well each model does in each segment, and how sure that is.

    value = sum of value x support / sum of support        over the scenes of the segment

Both sums are kept, so shards and segments add up. Scenes without support, or with a value that is not finite, have no
value. The interval is a bootstrap by log (`bootstrap`), which needs data of at least `min_logs` logs, or Wilson's
(`wilson`) for rates. Where there is none, its ends are null, `interval` is `none` and `valid` False.

All metric rows are used, whatever the split of their scenes: give those of held-out scenes only where there are any.
Time grows with metrics x sets of attributes x scenes, plus the bootstrap; memory with the memberships of one set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CoverageConfig
from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_column, read_numbers
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.bootstrap import IntervalQueue, Weights, draw_weights
from oddloop.coverage.segments import Grouping, iterate_groupings, name_segments
from oddloop.coverage.wilson import wilson_interval
from oddloop.derived_tables import SEGMENT_METRICS
from oddloop.errors import ConfigError, TableError


@dataclass(frozen=True, eq=False)
class _Metric:
    """One metric of one model: (R,) scene row, log, support and value x support, with support above 0."""

    model_id: str
    stack: str
    name: str
    scenes: IntArray
    logs: IntArray
    support: FloatArray
    total: FloatArray


def summarize_performance(
    scenes: pa.Table, metrics: pa.Table, encoded: Encoded, config: CoverageConfig, rng: np.random.Generator
) -> pa.Table:
    """Summarise the metrics of each segment, model and metric.

    Args:
        scenes: rows of `tables.SCENES`.
        metrics: rows of `tables.METRICS`.
        encoded: the attributes of these scenes, in the same order.
        config: how many attributes in a segment, and which interval.
        rng: draws the resamples; one drawing serves all segments, models and metrics.

    Returns:
        `derived_tables.SEGMENT_METRICS`, ordered by model, metric, then as `compute_exposure` orders segments.

    Raises:
        TableError: a column is missing, a key is null, or a metric is of a scene that is not in `scenes`.
        ConfigError: Wilson's interval is asked for a metric outside [0, 1].

    >>> from oddloop.config import AttributeConfig
    >>> from oddloop.coverage.attributes import encode_attributes
    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["k", "l"]})
    >>> metrics = pa.table({"scene_id": ["a", "b"], "model_id": ["m", "m"], "stack": ["perception"] * 2,
    ...     "metric": ["recall"] * 2, "value": [0.5, 0.8], "support": [10, 20]})
    >>> table = summarize_performance(
    ...     scenes, metrics, encode_attributes(scenes, {}), CoverageConfig(), np.random.default_rng(0))
    >>> round(table["value"][0].as_py(), 6), table["interval"][0].as_py()
    (0.7, 'none')
    """
    measured, n_logs = _read_metrics(scenes, metrics)
    if config.interval == "wilson":
        _refuse_non_rates(measured)
    weights = draw_weights(n_logs, config.n_bootstrap, rng) if config.interval == "bootstrap_by_log" else None
    parts = [_summarize(metric, encoded, n_logs, config, weights) for metric in measured]
    return pa.concat_tables([SEGMENT_METRICS.empty(), *parts]).combine_chunks()


def _read_metrics(scenes: pa.Table, metrics: pa.Table) -> tuple[list[_Metric], int]:
    """The metrics by model and name, and the number of logs that have any."""
    models, model = read_codes(metrics, "model_id", "metrics")
    names, name = read_codes(metrics, "metric", "metrics")
    stacks, stack = read_codes(metrics, "stack", "metrics")
    scene = _scene_rows(scenes, metrics)
    value, support = (read_numbers(metrics, n, "metrics") for n in ("value", "support"))
    with np.errstate(over="ignore", invalid="ignore"):
        total = value * support
        has_data = (support > 0) & np.isfinite(total) & np.isfinite(value)
    _, log_of_scene = read_codes(scenes, "log_id", "scenes")
    logs = np.zeros(metrics.num_rows, np.int64)
    present, logs[has_data] = np.unique(log_of_scene[scene[has_data]], return_inverse=True)
    keys = np.where(has_data, model * len(names) + name, -1)
    order = np.argsort(keys, kind="stable")[np.count_nonzero(~has_data) :]
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1) if len(order) else []:
        ids = models[model[rows[0]]].as_py(), stacks[stack[rows[0]]].as_py(), names[name[rows[0]]].as_py()
        found.append(_Metric(*ids, scene[rows], logs[rows], support[rows], total[rows]))
    return found, len(present)


def _scene_rows(scenes: pa.Table, metrics: pa.Table) -> IntArray:
    """(R,) row of each metric's scene."""
    ids = read_column(scenes, "scene_id", "scenes")
    wanted = read_column(metrics, "scene_id", "metrics").cast(ids.type)
    rows = pc.index_in(wanted, value_set=ids)
    if rows.null_count:
        lost = wanted.filter(rows.is_null())
        raise TableError(
            f"metrics: {len(lost):,} rows are of scenes that `scenes` lacks, such as `{lost[0]}`; "
            "add those scenes, or remove the rows; `oddloop check` lists them"
        )
    found: IntArray = rows.to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _refuse_non_rates(measured: list[_Metric]) -> None:
    for metric in measured:
        value = metric.total / metric.support
        worst = value[np.argmax(np.abs(value - 0.5))]
        if not -1e-9 <= worst <= 1 + 1e-9:
            raise ConfigError(
                f'coverage.interval = "wilson" is for rates in [0, 1], but metric `{metric.name}` of model '
                f'`{metric.model_id}` has the value {worst:g}; set coverage.interval = "bootstrap_by_log"'
            )


def _summarize(
    metric: _Metric, encoded: Encoded, n_logs: int, config: CoverageConfig, weights: Weights | None
) -> pa.Table:
    """All segments of one metric."""
    queue = None if weights is None else IntervalQueue(weights, config.confidence)
    parts = []
    for grouping in iterate_groupings(encoded.take(metric.scenes), config.max_way):
        logs = grouping.count_logs(metric.logs, n_logs)
        parts.append(_sum_up(metric, grouping, logs))
        if queue is not None:
            _enqueue(queue, metric, grouping, np.flatnonzero(logs >= config.min_logs), n_logs)
    sums = pa.concat_tables(parts).combine_chunks()
    total, support = (sums[name].to_numpy() for name in ("value_sum", "support"))
    if queue is None:
        low, high = wilson_interval(np.clip(total, 0, support), support, config.confidence)
    else:
        low, high = np.full(sums.num_rows, np.nan), np.full(sums.num_rows, np.nan)
        enough = sums["n_logs"].to_numpy() >= config.min_logs
        low[enough], high[enough] = queue.finish()
    return _with_interval(sums, total / support, low, high, config.interval)


def _sum_up(metric: _Metric, grouping: Grouping, logs: IntArray) -> pa.Table:
    """Counts and sums of one grouping's segments."""
    n = grouping.n_segments
    ids = {"model_id": metric.model_id, "stack": metric.stack, "metric": metric.name}
    columns = {
        "segment_id": name_segments(grouping)["segment_id"],
        **{name: pa.array([value] * n, pa.string()) for name, value in ids.items()},
        "n_scenes": pa.array(np.bincount(grouping.segments, minlength=n)),
        "n_logs": pa.array(logs, pa.int64()),
        "support": pa.array(np.rint(grouping.total(metric.support)).astype(np.int64)),
        "value_sum": pa.array(grouping.total(metric.total)),
    }
    return pa.table(columns)


def _with_interval(sums: pa.Table, value: FloatArray, low: FloatArray, high: FloatArray, interval: str) -> pa.Table:
    valid = np.isfinite(low) & np.isfinite(high)
    columns = {
        **{name: sums[name] for name in sums.column_names},
        "value": pa.array(value, pa.float64(), mask=~np.isfinite(value)),
        "ci_low": pa.array(low, pa.float64(), mask=~valid),
        "ci_high": pa.array(high, pa.float64(), mask=~valid),
        "interval": pc.if_else(pa.array(valid), interval, "none"),
        "valid": pa.array(valid),
    }
    return pa.table([columns[c.name] for c in SEGMENT_METRICS.columns], schema=SEGMENT_METRICS.schema())


def _enqueue(queue: IntervalQueue, metric: _Metric, grouping: Grouping, segments: IntArray, n_logs: int) -> None:
    """Ask for the intervals of these segments, in blocks of sums per segment and log."""
    logs, sums = grouping.spread(metric.logs), [grouping.spread(s) for s in (metric.total, metric.support)]
    for start in range(0, len(segments), queue.n_rows):
        block = segments[start : start + queue.n_rows]
        row_of = np.full(grouping.n_segments, -1)
        row_of[block] = np.arange(len(block))
        rows = row_of[grouping.segments]
        inside = rows >= 0
        cells = rows[inside] * n_logs + logs[inside]
        totals, supports = (np.bincount(cells, s[inside], len(block) * n_logs).reshape(-1, n_logs) for s in sums)
        queue.add(totals.astype(np.float64, copy=False), supports.astype(np.float64, copy=False))
