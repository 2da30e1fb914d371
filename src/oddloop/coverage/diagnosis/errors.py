"""Curve points as dense arrays of errors: a few segments at a time, so that memory does not grow with their number.

Errors are 0 for a perfect model: value - best where lower is better, best - value where higher is. `best` is what
`[metrics.<name>]` says, else 0 or 1, or the best value seen where one lies beyond (a mean of a log in a training).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import MetricConfig
from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_numbers

_SEGMENTS = 64


@dataclass(frozen=True, eq=False)
class CurveErrors:
    """Errors of some segments in P trainings, on L held-out logs.

    Attributes:
        segments: (S,) number of each segment.
        n: (S,P) its labelled scenes in each training; 0 where it was not measured.
        size: (P,) number of the share.
        seed: (P,) number of the seed.
        sums: (S,P,L) error x support.
        supports: (S,P,L) support.
    """

    segments: IntArray
    n: FloatArray
    size: IntArray
    seed: IntArray
    sums: FloatArray
    supports: FloatArray

    @property
    def mean(self) -> FloatArray:
        """(S,P) error over all logs; 0 where there is no support."""
        support = self.supports.sum(axis=2)
        mean: FloatArray = np.divide(self.sums.sum(axis=2), support, out=np.zeros_like(support), where=support > 0)
        return mean

    @property
    def is_measured(self) -> FloatArray:
        """(S,P) 1 where the training had scenes of the segment and was measured there, else 0."""
        measured: FloatArray = ((self.supports.sum(axis=2) > 0) & (self.n > 0)).astype(np.float64)
        return measured

    @property
    def log_counts(self) -> IntArray:
        """(S,) held-out logs with support."""
        counts: IntArray = np.count_nonzero((self.supports > 0).any(axis=1), axis=1)
        return counts


def find_best(value: FloatArray, metric: MetricConfig) -> float:
    """Value of a perfect model.

    >>> find_best(np.array([0.5, 0.9]), MetricConfig("higher")), find_best(np.array([3.0]), MetricConfig("lower"))
    (1.0, 0.0)
    """
    if metric.best is not None:
        return metric.best
    seen = value[np.isfinite(value)]
    return float(seen.min(initial=0.0) if metric.better == "lower" else seen.max(initial=1.0))


def to_error(value: FloatArray, metric: MetricConfig, best: float) -> FloatArray:
    """Values as errors, 0 or more.

    >>> to_error(np.array([0.75, 1.0]), MetricConfig("higher"), 1.0).tolist()
    [0.25, 0.0]
    """
    return np.maximum(value - best if metric.better == "lower" else best - value, 0)


class PointTable:
    """The curve points of one metric, in order of segments.

    Attributes:
        segment_ids: (S,) the segments.
        best: value of a perfect model.
    """

    def __init__(self, points: pa.Table, name: str, metric: MetricConfig) -> None:
        mine = points.filter(pc.equal(points["metric"], name))
        self.segment_ids, segment = read_codes(mine, "segment_id", "curve_points")
        self._logs, log = read_codes(mine, "log_id", "curve_points")
        size, seed, n, support, total = (
            read_numbers(mine, column, "curve_points")
            for column in ("size", "seed", "n_scenes", "support", "value_sum")
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            self.best = find_best(total / support, metric)
        error = total - self.best * support if metric.better == "lower" else self.best * support - total
        trainings, training = np.unique(np.stack([size, seed], axis=1).astype(np.int64), axis=0, return_inverse=True)
        self.size, self.seed = trainings.T if len(trainings) else np.zeros((2, 0), np.int64)
        order = np.argsort(segment, kind="stable")
        self._codes = tuple(c[order] for c in (segment, training, log))
        self._numbers = tuple(c[order] for c in (n, np.maximum(error, 0), support))
        self._bounds = np.searchsorted(self._codes[0], np.arange(len(self.segment_ids) + 1))

    @property
    def n_logs(self) -> int:
        """Held-out logs of all segments."""
        return len(self._logs)

    def blocks(self) -> Iterator[CurveErrors]:
        """All segments, a few at a time."""
        for start in range(0, len(self.segment_ids), _SEGMENTS):
            stop = min(start + _SEGMENTS, len(self.segment_ids))
            rows = slice(self._bounds[start], self._bounds[stop])
            segment, training, log = (c[rows] for c in self._codes)
            n, error, support = (c[rows] for c in self._numbers)
            shape = stop - start, len(self.size), self.n_logs
            at = (segment - start) * shape[1] + training
            scenes = np.zeros(shape[0] * shape[1])
            scenes[at] = n
            sums, supports = (_count(at * shape[2] + log, w, shape) for w in (error, support))
            yield CurveErrors(np.arange(start, stop), scenes.reshape(shape[:2]), self.size, self.seed, sums, supports)


def _count(cells: IntArray, weights: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    counted: FloatArray = np.bincount(cells, weights, shape[0] * shape[1] * shape[2]).reshape(shape).astype(np.float64)
    return counted
