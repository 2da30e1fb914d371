"""Two models, or one in two rounds, on the same scenes: the difference per segment, with an interval over logs.

Only scenes that both have measured count. Both are resampled by the same draws of logs (the unit of independence), so
what makes a log easy or hard for any model cancels out; two separate intervals that overlap can hide a difference that
this one shows. The intervals are not corrected for the number of segments. Time grows with segments x draws x logs,
memory with draws x logs and the memberships of one set of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import CoverageConfig
from oddloop.coverage.arrays import FloatArray, IntArray, read_codes
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.performance.by_log import sums_by_log
from oddloop.coverage.performance.metrics import Metric, read_metrics
from oddloop.coverage.segments import Grouping, iterate_groupings, name_segments
from oddloop.errors import TableError
from oddloop.intervals import IntervalQueue, Weights, difference_interval, draw_weights, widen_for_few_logs

_MEANINGS = {
    "segment_id": (pa.string(), "the segment"),
    "first_value": (pa.float64(), "value of the first model"),
    "second_value": (pa.float64(), "value of the second model on the same scenes"),
    "difference": (pa.float64(), "first_value - second_value"),
    "ci_low": (pa.float64(), "lower end of its interval; null where too few logs have both"),
    "ci_high": (pa.float64(), "upper end of its interval"),
    "n_scenes": (pa.int64(), "scenes that both have measured"),
    "n_logs": (pa.int64(), "their logs"),
}
COMPARISON = pa.schema([pa.field(n, kind, metadata={"meaning": text}) for n, (kind, text) in _MEANINGS.items()])


@dataclass(frozen=True, eq=False)
class Paired:
    """What two models have measured on the same N scenes.

    Attributes:
        rows: (N,) row of each scene in the table of scenes.
        logs: (N,) log numbers from 0.
        n_logs: number of logs.
        values: (2,N) value x support of the first and the second.
        supports: (2,N) supports.
    """

    rows: IntArray
    logs: IntArray
    n_logs: int
    values: FloatArray
    supports: FloatArray


def pair_metrics(scenes: pa.Table, first: pa.Table, second: pa.Table) -> Paired:
    """Pair two models' values of a metric by scene.

    Args:
        scenes: rows of `tables.SCENES`.
        first: rows of `tables.METRICS` of one model and metric; a row without a finite value or support is left out.
        second: the same of the other model, or of the same one in another round.

    Raises:
        TableError: a column is missing, a key is null, a metric is of a scene that is not in `scenes`, or one of the
            tables holds several models or metrics.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["k", "l"]})
    >>> metric = {"scene_id": ["b"], "model_id": ["m"], "stack": ["planning"], "metric": ["x"], "support": [2]}
    >>> pair_metrics(scenes, pa.table({**metric, "value": [3.0]}), pa.table({**metric, "value": [1.0]})).values
    array([[6.],
           [2.]])
    """
    one, two = _only_metric(scenes, first), _only_metric(scenes, second)
    rows, places, others = np.intersect1d(one.scenes, two.scenes, assume_unique=True, return_indices=True)
    _, log_of_scene = read_codes(scenes, "log_id", "scenes")
    present, logs = np.unique(log_of_scene[rows], return_inverse=True)
    values = np.stack([one.total[places], two.total[others]])
    return Paired(rows, logs, len(present), values, np.stack([one.support[places], two.support[others]]))


def compare_segments(
    paired: Paired, encoded: Encoded, max_way: int, weights: Weights, confidence: float = 0.95, min_logs: int = 5
) -> pa.Table:
    """Compare the pairs of each segment.

    Args:
        paired: N pairs.
        encoded: the attributes of their scenes, in the same order.
        max_way: attributes in a segment, at most.
        weights: (logs,B) resamples, as `draw_weights` gives them for `paired.n_logs`.
        confidence: coverage of the intervals, in (0, 1).
        min_logs: fewer logs than this: no interval.

    Returns:
        segment_id, first_value, second_value, difference, ci_low, ci_high, n_scenes, n_logs; segments without any pair
        are not listed.
    """
    queue = IntervalQueue(weights, confidence, difference_interval)
    parts, amounts = [], (paired.values[0], paired.supports[0], paired.values[1], paired.supports[1])
    for grouping in iterate_groupings(encoded, max_way):
        part = _compare_values(grouping, paired)
        parts.append(part)
        enough = np.flatnonzero(part["n_logs"].to_numpy() >= min_logs)
        for block in sums_by_log(grouping, enough, paired.logs, paired.n_logs, amounts, queue.n_rows):
            queue.add(*block)
    table = pa.concat_tables([COMPARISON.empty_table().drop_columns(["ci_low", "ci_high"]), *parts]).combine_chunks()
    ends = np.full((2, table.num_rows), np.nan)
    n_logs, difference = table["n_logs"].to_numpy(), table["difference"].to_numpy()
    ends[:, n_logs >= min_logs] = queue.finish()
    widened = widen_for_few_logs(difference, ends[0], ends[1], n_logs, confidence)
    for name, end in zip(("ci_low", "ci_high"), widened, strict=True):
        table = table.append_column(name, pa.array(end, pa.float64(), mask=np.isnan(end)))
    return table.select(COMPARISON.names).cast(COMPARISON)


def compare_models(
    scenes: pa.Table,
    first: pa.Table,
    second: pa.Table,
    encoded: Encoded,
    config: CoverageConfig,
    rng: np.random.Generator,
) -> pa.Table:
    """Compare two models, or two rounds of one, in each segment; the interval is a bootstrap by log.

    Args:
        scenes: rows of `tables.SCENES`.
        first: rows of `tables.METRICS` of one model and metric.
        second: the same of the other.
        encoded: the attributes of these scenes, in the same order.
        config: how many attributes in a segment, how many resamples, the confidence, and the fewest logs.
        rng: draws the resamples.

    Returns:
        as `compare_segments`; `difference` is the first's value less the second's.

    Raises:
        TableError: as `pair_metrics`.
    """
    paired = pair_metrics(scenes, first, second)
    weights = draw_weights(paired.n_logs, config.n_bootstrap, rng)
    mine = encoded.take(paired.rows)
    return compare_segments(paired, mine, config.max_way, weights, config.confidence, config.min_logs)


def _only_metric(scenes: pa.Table, metrics: pa.Table) -> Metric:
    measured, _ = read_metrics(scenes, metrics)
    names = sorted({f"{m.name} of {m.model_id}" for m in measured})
    if len(measured) > 1:
        raise TableError(f"metrics: a comparison takes one metric of one model, not {', '.join(names)}; filter them")
    nothing = np.empty(0, np.int64)
    only = measured[0] if measured else Metric("", "", "", nothing, nothing, np.empty(0), np.empty(0))
    if len(np.unique(only.scenes)) < len(only.scenes):
        raise TableError(f"metrics: {names[0]} is there twice for some scenes; run `oddloop check`")
    return only


def _compare_values(grouping: Grouping, paired: Paired) -> pa.Table:
    """Values and counts of one grouping's segments."""
    first, second = (grouping.total(v) / grouping.total(s) for v, s in zip(paired.values, paired.supports, strict=True))
    return pa.table(
        {
            "segment_id": name_segments(grouping)["segment_id"],
            "first_value": first,
            "second_value": second,
            "difference": first - second,
            "n_scenes": np.bincount(grouping.segments, minlength=grouping.n_segments),
            "n_logs": grouping.count_logs(paired.logs, paired.n_logs),
        }
    )
