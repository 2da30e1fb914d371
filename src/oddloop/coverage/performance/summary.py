"""How well each model does in each segment, and how sure that is.

    value = sum of value x support / sum of support        over the scenes of the segment

Both sums are kept, so shards and segments add up. Scenes without support, or with a value that is not finite, have no
value. The interval is a bootstrap by log (`bootstrap`), which needs data of at least `min_logs` logs and is widened
where they are few (`few_logs`), or for rates Wilson's (`wilson`) or Clopper and Pearson's (`exact`). Bootstraps of
rates are no narrower than Wilson's, so that a segment in which nothing happened to go wrong is not taken to be perfect.
Where there is no interval, its ends are null, `interval` is `none` and `valid` False. The shrunk value is the better
guess where a segment is small (`shrinkage`).

All metric rows are used, whatever the split of their scenes: give those of held-out scenes only where there are any.
Time grows with metrics x sets of attributes x scenes, plus the bootstrap; memory with the memberships of one set.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CoverageConfig
from oddloop.coverage.arrays import BoolArray, FloatArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.cells import Cells, decode, gather
from oddloop.coverage.cube.counting import count_cells
from oddloop.coverage.cube.tables import THIN_WAY
from oddloop.coverage.performance.by_log import sums_by_log
from oddloop.coverage.performance.metrics import Metric, read_metrics
from oddloop.coverage.performance.shrinkage import estimate_noise, shrink
from oddloop.coverage.segments import iterate_groupings, name_conjunctions
from oddloop.derived_tables import SEGMENT_METRICS
from oddloop.errors import ConfigError
from oddloop.intervals import IntervalQueue, Weights, draw_weights, exact_interval, widen_for_few_logs, wilson_interval

_OF_RATES = {"wilson": wilson_interval, "exact": exact_interval}


def summarize_performance(
    scenes: pa.Table, metrics: pa.Table, encoded: Encoded, config: CoverageConfig, rng: np.random.Generator
) -> pa.Table:
    """Summarise the metrics of each segment, model and metric.

    Args:
        scenes: rows of `tables.SCENES`.
        metrics: rows of `tables.METRICS`.
        encoded: the attributes of these scenes, in the same order.
        config: how many attributes in a segment, how many scenes in one of three, and which interval.
        rng: draws the resamples; one drawing serves all segments, models and metrics.

    Returns:
        `derived_tables.SEGMENT_METRICS`, ordered by model, metric, then as `compute_exposure` orders segments.

    Raises:
        TableError: a column is missing, a key is null, or a metric is of a scene that is not in `scenes`.
        ConfigError: an interval for rates is asked for a metric outside [0, 1].

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
    measured, n_logs = read_metrics(scenes, metrics)
    if config.interval in _OF_RATES:
        _refuse_non_rates(measured, config.interval)
    weights = draw_weights(n_logs, config.n_bootstrap, rng) if config.interval == "bootstrap_by_log" else None
    parts = [_summarize(metric, encoded.take(metric.scenes), n_logs, config, weights) for metric in measured]
    return pa.concat_tables([SEGMENT_METRICS.empty(), *parts]).combine_chunks()


def _refuse_non_rates(measured: list[Metric], interval: str) -> None:
    for metric in measured:
        if not metric.is_rate:
            value = metric.total / metric.support
            worst = value[np.argmax(np.abs(value - 0.5))]
            raise ConfigError(
                f'coverage.interval = "{interval}" is for rates in [0, 1], but metric `{metric.name}` of model '
                f'`{metric.model_id}` has the value {worst:g}; set coverage.interval = "bootstrap_by_log"'
            )


def _summarize(
    metric: Metric, encoded: Encoded, n_logs: int, config: CoverageConfig, weights: Weights | None
) -> pa.Table:
    """All segments of one metric."""
    amounts = np.stack([metric.support, metric.total], axis=1)
    counted = list(count_cells(gather(encoded, metric.logs, amounts=amounts), config.max_way))
    is_listed = [(len(c.chosen) < THIN_WAY) | (c.n_scenes[:, 0] >= config.min_scenes) for c in counted]
    table = _values(metric, encoded, counted)
    if weights is None:
        total, support = (table[name].to_numpy() for name in ("value_sum", "support"))
        low, high = _OF_RATES[config.interval](np.clip(total, 0, support), support, config.confidence)
    else:
        low, high = _bootstrap(metric, encoded, counted, is_listed, n_logs, config, weights)
        low, high = _widen(metric, table, low, high, config.confidence)
    return _with_interval(table, low, high, config.interval).filter(pa.array(np.concatenate(is_listed)))


def _values(metric: Metric, encoded: Encoded, counted: list[Cells]) -> pa.Table:
    """Counts, sums, values and shrunk values of all segments."""
    axes = [(a.name, a.values) for a in encoded.attributes]
    n_values = tuple(len(values) for _, values in axes)
    names = [
        name_conjunctions([axes[a] for a in c.chosen], decode(c.numbers, tuple(n_values[a] for a in c.chosen)))
        for c in counted
    ]
    segment_id = pa.concat_arrays([name["segment_id"] for name in names])
    n_scenes, n_logs, sums = (np.concatenate([getattr(c, n) for c in counted]) for n in ("n_scenes", "n_logs", "sums"))
    support, total = sums[:, 0, 0], sums[:, 0, 1]
    shrunk = shrink(counted, n_values, estimate_noise(metric))
    ids = {"model_id": metric.model_id, "stack": metric.stack, "metric": metric.name}
    return pa.table(
        {
            "segment_id": segment_id,
            **{name: pa.array([value] * len(segment_id), pa.string()) for name, value in ids.items()},
            "n_scenes": n_scenes[:, 0],
            "n_logs": n_logs[:, 0],
            "support": np.rint(support).astype(np.int64),
            "value_sum": total,
            "value": total / support,
            "shrunk_value": shrunk.values,
            "shrunk_towards": segment_id.take(pa.array(shrunk.parents, mask=shrunk.parents < 0)),
        }
    )


def _bootstrap(
    metric: Metric,
    encoded: Encoded,
    counted: list[Cells],
    is_listed: list[BoolArray],
    n_logs: int,
    config: CoverageConfig,
    weights: Weights,
) -> tuple[FloatArray, FloatArray]:
    """Ends of the intervals of all segments; NaN where too few logs have a value."""
    queue = IntervalQueue(weights, config.confidence)
    wanted = [is_in & (c.n_logs[:, 0] >= config.min_logs) for c, is_in in zip(counted, is_listed, strict=True)]
    for grouping, is_wanted in zip(iterate_groupings(encoded, config.max_way), wanted, strict=True):
        segments = np.flatnonzero(is_wanted)
        for block in sums_by_log(grouping, segments, metric.logs, n_logs, (metric.total, metric.support), queue.n_rows):
            queue.add(*block)
    flat = np.concatenate(wanted)
    ends = np.full((2, len(flat)), np.nan)
    ends[:, flat] = queue.finish()
    return ends[0], ends[1]


def _widen(
    metric: Metric, table: pa.Table, low: FloatArray, high: FloatArray, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """What a bootstrap of few logs, or of few things, lacks in width; within what the metric can be."""
    value, n_logs, total, support = (table[name].to_numpy() for name in ("value", "n_logs", "value_sum", "support"))
    low, high = widen_for_few_logs(value, low, high, n_logs, confidence)
    if metric.is_rate:
        ends = wilson_interval(np.clip(total, 0, support), support, confidence)
        low, high = np.minimum(low, ends[0]), np.maximum(high, ends[1])  # NaN stays where there is no bootstrap
        return np.clip(low, 0, 1), np.clip(high, 0, 1)
    return (np.maximum(low, 0) if (metric.total >= 0).all() else low), high


def _with_interval(table: pa.Table, low: FloatArray, high: FloatArray, interval: str) -> pa.Table:
    valid = np.isfinite(low) & np.isfinite(high)
    columns = {
        **dict(zip(table.column_names, table.columns, strict=True)),
        "ci_low": pa.array(low, pa.float64(), mask=~valid),
        "ci_high": pa.array(high, pa.float64(), mask=~valid),
        "interval": pc.if_else(pa.array(valid), interval, "none"),
        "valid": pa.array(valid),
    }
    return pa.table([columns[c.name] for c in SEGMENT_METRICS.columns], schema=SEGMENT_METRICS.schema())
