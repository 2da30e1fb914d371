"""Errors and trials of scenes, from the metrics table: what the slice search counts.

A rate (every value within [0, 1], of whole supports) is an error rate of so many things: value - best, or best - value
where higher is better, of each; errors are that x support. Any other metric is counted by scenes: wrong is one that
misses the metric's target, or where there is none, one of the worst `worst_share`.
"""

from __future__ import annotations

import numpy as np

from oddloop.config import MetricConfig
from oddloop.coverage.arrays import FloatArray
from oddloop.coverage.diagnosis.errors import find_best, to_error
from oddloop.coverage.performance.metrics import Metric


def count_errors(metric: Metric, config: MetricConfig, worst_share: float) -> tuple[FloatArray, FloatArray]:
    """Trials and errors of each scene.

    Args:
        metric: one metric of one model on R scenes.
        config: what is good for it.
        worst_share: in (0, 1).

    Returns:
        (R,) trials, above 0, and (R,) errors, in [0, trials].

    >>> two = np.array([2.0, 2.0])
    >>> recall = Metric("m", "perception", "recall", np.arange(2), np.arange(2), two, np.array([2.0, 1.0]))
    >>> count_errors(recall, MetricConfig("higher"), 0.1)
    (array([2., 2.]), array([0., 1.]))
    """
    value = metric.total / metric.support
    error = to_error(value, config, find_best(value, config))
    if metric.is_rate and (metric.support == np.rint(metric.support)).all():
        return metric.support, np.clip(error, 0, 1) * metric.support
    if config.target is None:
        level = float(np.quantile(error, 1 - worst_share))
    else:
        level = float(to_error(np.array([config.target]), config, find_best(value, config))[0])
    return np.ones(len(error)), (error > level).astype(np.float64)
