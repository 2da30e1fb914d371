"""The metrics table taken apart by model and metric: which scenes have a value, of what support, in which log.

Scenes without support, or with a value that is not finite, have no value. Time and memory grow with the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_column, read_numbers
from oddloop.errors import TableError


@dataclass(frozen=True, eq=False)
class Metric:
    """One metric of one model on R scenes.

    Attributes:
        model_id: the model.
        stack: `perception`, `prediction` or `planning`.
        name: the metric.
        scenes: (R,) row of each scene in `scenes`.
        logs: (R,) log of each scene; all metrics number the logs alike.
        support: (R,) support, above 0.
        total: (R,) value x support.
    """

    model_id: str
    stack: str
    name: str
    scenes: IntArray
    logs: IntArray
    support: FloatArray
    total: FloatArray

    @property
    def is_rate(self) -> bool:
        """Whether every value is a rate: within [0, 1], rounding aside."""
        value = self.total / self.support
        return bool((value >= -1e-9).all() and (value <= 1 + 1e-9).all())


def read_metrics(scenes: pa.Table, metrics: pa.Table) -> tuple[list[Metric], int]:
    """The metrics, ordered by model and name, and the number of logs that have any.

    Raises:
        TableError: a column is missing, a key is null, or a metric is of a scene that is not in `scenes`.
    """
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
        found.append(Metric(*ids, scene[rows], logs[rows], support[rows], total[rows]))
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
