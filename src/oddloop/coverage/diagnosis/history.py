"""Middle evidence: what the rounds so far have shown, as a curve of few points.

Each round's model was measured in the segment after training on so many of its scenes. Rounds are no experiment: their
scenes were picked, the other segments grew at rates of their own, and there is one training of each. So a curve through
them only hedges. Each point scatters by its own interval, as though it had held-out scenes of its own, which overstates
the doubt. At least four rounds are needed, the largest with twice the scenes of the smallest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import MetricConfig
from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_numbers
from oddloop.coverage.diagnosis.errors import find_best, to_error
from oddloop.coverage.diagnosis.resamples import Resamples, point_weights

MIN_ROUNDS, MIN_GROWTH = 4, 2.0
_Z = 1.96


@dataclass(frozen=True, eq=False)
class RoundErrors:
    """Errors of S segments after P rounds; same fields as `CurveErrors`, with the scatter of each point.

    Attributes:
        segments: (S,) number of each segment.
        n: (S,P) labelled scenes after each round; 0 where it was not measured.
        size: (P,) number of the round.
        seed: (P,) zeros.
        mean: (S,P) measured error.
        scatter: (S,P) standard deviation of it.
    """

    segments: IntArray
    n: FloatArray
    size: IntArray
    seed: IntArray
    mean: FloatArray
    scatter: FloatArray

    @property
    def is_measured(self) -> FloatArray:
        """(S,P) 1 where the round was measured, else 0."""
        return (self.n > 0).astype(np.float64)

    @property
    def log_counts(self) -> IntArray:
        """(S,) zeros: the history does not say from how many logs."""
        return np.zeros(len(self.n), np.int64)


class RoundTable:
    """The history of one metric, of the segments with rounds enough.

    Attributes:
        segment_ids: (S,) the segments.
        best: value of a perfect model.
        n_logs: 0, since points scatter by their interval.
    """

    n_logs = 0

    def __init__(self, history: pa.Table, name: str, metric: MetricConfig) -> None:
        mine = history.filter(pc.equal(history["metric"], name))
        segments, segment = read_codes(mine, "segment_id", "round_history")
        numbers = ("round", "n_scenes", "value", "ci_low", "ci_high")
        at, n, value, low, high = (read_numbers(mine, column, "round_history") for column in numbers)
        rounds, place = np.unique(at, return_inverse=True)
        self.best = find_best(value, metric)
        use = np.isfinite(value) & np.isfinite(high - low) & (n > 0)
        shape = len(segments), len(rounds)
        scenes, error, scatter = np.zeros((3, *shape))
        cell = segment[use], place[use]
        scenes[cell], error[cell] = n[use], to_error(value, metric, self.best)[use]
        scatter[cell] = (high - low)[use] / (2 * _Z)
        least = np.where(scenes > 0, scenes, np.inf).min(axis=1, initial=np.inf)
        enough = ((scenes > 0).sum(axis=1) >= MIN_ROUNDS) & (scenes.max(axis=1, initial=0) >= MIN_GROWTH * least)
        self.segment_ids = segments.filter(pa.array(enough))
        self._errors = RoundErrors(
            np.arange(int(enough.sum())),
            scenes[enough],
            np.arange(shape[1]),
            np.zeros(shape[1], np.int64),
            error[enough],
            scatter[enough],
        )

    def blocks(self) -> Iterator[RoundErrors]:
        """All segments at once: there are few points."""
        if len(self.segment_ids):
            yield self._errors


def resample_rounds(errors: RoundErrors, logs: FloatArray, rng: np.random.Generator) -> Resamples:
    """Redraw each round's error from its interval, as often as `logs`, (L,B), has resamples."""
    shape = len(errors.n), logs.shape[1], errors.n.shape[1]
    drawn = errors.mean[:, None] + errors.scatter[:, None] * rng.normal(size=shape)
    return Resamples(np.maximum(drawn, 0), np.broadcast_to(point_weights(errors)[:, None], shape))
