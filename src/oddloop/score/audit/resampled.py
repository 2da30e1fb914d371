"""The rows of an audit, checked, and the resamples of their logs: one set of draws for all scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.audit.sample import N_STATISTICS, Sample
from oddloop.score.foreign import to_float64, to_numpy

RANDOM, OBJECT_COUNT, SCENE_LENGTH = "random", "object_count", "scene_length"
BASELINES = frozenset({RANDOM, OBJECT_COUNT, SCENE_LENGTH})
_BLOCK = 1 << 17


@dataclass(frozen=True)
class AuditRows:
    """The rows, scenes or frames alike, whose errors are known.

    Attributes:
        errors: (N,) errors in each, 0 or more; they are added up.
        groups: (N,) log of each, of any type that sorts.
        costs: (N,) labelling cost of each, 0 or more.
        counts: (N,) objects that the model reported in each.
        levels: (N,) error level to rank against, larger = worse; None: the errors themselves.
        lengths: (N,) length of each; None: no such baseline.
    """

    errors: npt.ArrayLike
    groups: npt.ArrayLike
    costs: npt.ArrayLike
    counts: npt.ArrayLike
    levels: npt.ArrayLike | None = None
    lengths: npt.ArrayLike | None = None


@dataclass(frozen=True)
class Judged:
    """What one score tells, in the sample (first) and in B resamples.

    Attributes:
        valid: (N,) rows that have the score.
        statistics: (N_STATISTICS,1+B) see `sample.py`.
        gains: (SHARES,1+B) errors found less those that the object count finds on the same rows.
    """

    valid: BoolArray
    statistics: FloatArray
    gains: FloatArray


class Resampled:
    """Rows under resamples of whole logs.

    Attributes:
        logs: (N,) log numbers from 0.
    """

    logs: IntArray

    def __init__(self, rows: AuditRows, n_bootstrap: int, rng: np.random.Generator) -> None:
        """Check the rows, and draw.

        Raises:
            ValueError: arrays differ in length, a value is not finite, or an error or cost is negative.
        """
        self.logs = np.unique(to_numpy(rows.groups), return_inverse=True)[1]
        self._errors, self._costs = self._amounts(rows.errors, "errors"), self._amounts(rows.costs, "costs")
        self._levels = self._errors if rows.levels is None else self._known(rows.levels, "levels")
        self._counts = self._known(rows.counts, "counts")
        self._lengths = None if rows.lengths is None else self._known(rows.lengths, "lengths")
        self._draws = _draw(int(self.logs.max(initial=-1)) + 1, n_bootstrap, rng)

    def column(self, values: npt.ArrayLike, name: str) -> FloatArray:
        """(N,) float64.

        Raises:
            ValueError: of another shape.
        """
        array = to_float64(values)
        if array.shape != self.logs.shape:
            raise ValueError(f"{name} has shape {array.shape}, but there are {len(self.logs)} groups; give one per row")
        return array

    def baselines(self) -> dict[str, FloatArray]:
        """What any score has to beat; chance is a score that is the same everywhere."""
        found = {RANDOM: np.zeros(len(self.logs)), OBJECT_COUNT: self._counts}
        return found if self._lengths is None else found | {SCENE_LENGTH: self._lengths}

    def judge(self, columns: Mapping[str, FloatArray]) -> dict[str, Judged]:
        """Judge each of the (N,) scores on the rows where it is finite, by name."""
        valid = {name: np.isfinite(values) for name, values in columns.items()}
        alike: dict[bytes, list[str]] = {}
        for name, mask in valid.items():
            alike.setdefault(mask.tobytes(), []).append(name)
        found: dict[str, Judged] = {}
        for names in alike.values():
            mask = valid[names[0]]
            *own, count = self._statistics([*(columns[name][mask] for name in names), self._counts[mask]], mask)
            found |= {name: Judged(mask, own[i], own[i][2:] - count[2:]) for i, name in enumerate(names)}
        return {name: found[name] for name in columns}

    def found(self, values: FloatArray, shares: Sequence[float]) -> FloatArray:
        """(K,1+B) errors found at (K,) shares of the cost by (N,) values, on the rows where they are finite."""
        mask = np.isfinite(values)
        if not mask.any():
            return np.full((len(shares), self._draws.shape[1]), np.nan)
        return np.concatenate([s.found(values[mask], shares) for s in self._samples(mask)], axis=1)

    def _statistics(self, columns: list[FloatArray], mask: BoolArray) -> FloatArray:
        """(S,N_STATISTICS,1+B) statistics of (n,) scores on the rows of a mask."""
        if not mask.any():
            return np.full((len(columns), N_STATISTICS, self._draws.shape[1]), np.nan)
        return np.concatenate([[s.judge(c) for c in columns] for s in self._samples(mask)], axis=2)

    def _samples(self, mask: BoolArray) -> Iterator[Sample]:
        """The rows of a mask, under some of the resamples at a time."""
        levels, counts, errors, costs = (a[mask] for a in (self._levels, self._counts, self._errors, self._costs))
        size = max(_BLOCK // int(mask.sum()), 1)
        for start in range(0, self._draws.shape[1], size):
            weights = self._draws[:, start : start + size][self.logs[mask]]
            yield Sample(levels, counts, errors, costs, weights)

    def _known(self, values: npt.ArrayLike, name: str) -> FloatArray:
        array = self.column(values, name)
        if not np.isfinite(array).all():
            raise ValueError(f"{name} must be finite; leave out the rows where it is not known")
        return array

    def _amounts(self, values: npt.ArrayLike, name: str) -> FloatArray:
        array = self._known(values, name)
        if (array < 0).any():
            raise ValueError(f"{name} must be 0 or more; got {array.min():g}")
        return array


def _draw(n_logs: int, n_bootstrap: int, rng: np.random.Generator) -> FloatArray:
    """(L,1+B) how often each log counts: once in the sample itself, which comes first, then as drawn."""
    if not n_logs:
        return np.empty((0, 1 + n_bootstrap))
    drawn = rng.multinomial(n_logs, np.full(n_logs, 1 / n_logs), size=n_bootstrap)
    return np.concatenate([np.ones((n_logs, 1)), drawn.T], axis=1)
