"""How sure a distance of two distributions is: resamples of whole logs, and logs swapped between the sides.

**Interval**: logs are drawn with replacement. Without drift PSI and KS² are above 0 by chance, by some excess; a
resample of the samples is above by the same excess twice. So the interval is from the 2.5 % to the 97.5 % quantile of
the resampled PSI, or KS², less twice the mean by which the resamples exceed the value found, cut at 0. It is an
interval of the drift without the excess, and the value found may lie above it. In simulations with 8 to 50 logs a side
it held the true value in 93 to 100 % (PSI) and 88 to 100 % (KS), where plain quantiles never hold 0.

**Without drift**: the mean over random swaps, and the share of swaps that come out at least as far apart. Where both
sides are of the same scenes, each log's scenes keep or change sides together; else logs are dealt to the sides anew, as
many as before. So scenes of a log may be as alike as they want.

Resampled distances are taken from counts per log: of the PSI's own bins, and for KS at up to 512 values of both sides
together, as many on either side of each: where there are more, that KS may lie below by 1/256 for sides of equal size.

More than 1,024 logs a side are put into so many bundles, which are drawn and swapped as logs are.

Time grows with scenes, and with resamples x logs x 512 up to there; memory with scenes, and logs x 512 up to there.

References:
    Davison and Hinkley, Bootstrap methods and their application, 1997, sections 2.1 (bias), 3.8 and 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.drift.measures import bin_edges, ks_of_counts, psi_of_counts

_GRID = 512
_MAX_LOGS = 1_024
_BLOCK = 64
"""Resamples that are computed at a time."""


@dataclass(frozen=True)
class Side:
    """One of two samples.

    Attributes:
        values: (n,) finite scores.
        logs: (n,) number of each one's log, from 0.
    """

    values: FloatArray
    logs: IntArray


@dataclass(frozen=True)
class Resamples:
    """PSI and KS over resamples.

    Attributes:
        drawn: (2,R) of logs drawn with replacement.
        swapped: (2,R) of logs swapped at random.
    """

    drawn: FloatArray
    swapped: FloatArray


class LogCounts:
    """Counts per log and bin of both sides, and the resamples of them.

    Attributes:
        n_filled: bins of the PSI that hold a value of either side.
        found: PSI and KS of the counts themselves.
    """

    def __init__(self, reference: Side, current: Side, n_bins: int, *, is_paired: bool) -> None:
        """Count; where `is_paired`, a log has one number on both sides, else numbers have nothing to do with others."""
        edges = bin_edges(reference.values, n_bins)
        grid = _grid(np.concatenate([reference.values, current.values]))
        self._n_bins = len(edges) + 1
        self._is_paired = is_paired
        n_logs = [min(int(side.logs.max(initial=-1)) + 1, _MAX_LOGS) for side in (reference, current)]
        if is_paired:
            n_logs = [max(n_logs)] * 2
        self._counts = [
            np.concatenate([_count(side, edges, n), _count(side, grid, n)], axis=1)
            for side, n in zip((reference, current), n_logs, strict=True)
        ]
        held = sum(counts[:, : self._n_bins].sum(axis=0) for counts in self._counts)
        self.n_filled = int(np.count_nonzero(held))
        self.found = self._measure(*(counts.sum(axis=0, keepdims=True) for counts in self._counts))[:, 0].tolist()

    def resample(self, n_resamples: int, rng: np.random.Generator) -> Resamples:
        """Draw and swap."""
        drawn = [self._measure(*self._weighted(self._draw(n, rng))) for n in _blocks(n_resamples)]
        swapped = [self._measure(*self._swap(n, rng)) for n in _blocks(n_resamples)]
        return Resamples(*(np.concatenate(parts, axis=1) for parts in (drawn, swapped)))

    def _draw(self, n: int, rng: np.random.Generator) -> list[FloatArray]:
        """(n,L) how often each log of each side was drawn."""
        if self._is_paired:
            return [_multinomial(len(self._counts[0]), n, rng)] * 2
        return [_multinomial(len(counts), n, rng) for counts in self._counts]

    def _weighted(self, weights: list[FloatArray]) -> tuple[FloatArray, FloatArray]:
        return weights[0] @ self._counts[0], weights[1] @ self._counts[1]

    def _swap(self, n: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """(n,K) counts of both sides, logs on either side at random."""
        ours, theirs = self._counts
        if self._is_paired:
            stay = rng.integers(2, size=(n, len(ours))).astype(np.float64)
            mine = stay @ ours + (1.0 - stay) @ theirs
            return mine, ours.sum(axis=0) + theirs.sum(axis=0) - mine
        everything = np.concatenate([ours, theirs])
        order = rng.permuted(np.tile(np.arange(len(everything)), (n, 1)), axis=1)
        mine = (order < len(ours)).astype(np.float64) @ everything
        return mine, everything.sum(axis=0) - mine

    def _measure(self, reference: FloatArray, current: FloatArray) -> FloatArray:
        """(2,n) PSI and KS; NaN where a side has nothing."""
        n_bins = self._n_bins
        filled = (reference[:, :n_bins].sum(axis=1) > 0) & (current[:, :n_bins].sum(axis=1) > 0)
        result = np.full((2, len(reference)), np.nan)
        ours, theirs = reference[filled], current[filled]
        if len(ours):
            result[0, filled] = psi_of_counts(ours[:, :n_bins], theirs[:, :n_bins])
            result[1, filled] = ks_of_counts(ours[:, n_bins:], theirs[:, n_bins:])
        return result


def interval_of(value: float, drawn: FloatArray, power: int) -> tuple[float, float] | None:
    """95 % interval, 0 or more, of a distance by (R,) resamples; None where there are none.

    Args:
        value: the distance found.
        drawn: (R,) the distances in the resamples; NaN has none.
        power: 1 for PSI, 2 for KS: the excess is that of the distance to this power.

    >>> interval_of(0.5, np.array([0.5, 0.6, 0.7]), 1)  # 0.505 to 0.695, less twice 0.6 - 0.5
    (0.305, 0.495)
    """
    known = drawn[np.isfinite(drawn)] ** power
    if not len(known):
        return None
    excess = known.mean() - value**power
    low, high = (max(end - 2 * excess, 0.0) ** (1 / power) for end in np.quantile(known, [0.025, 0.975]))
    return round(float(low), 12), round(float(high), 12)


def _grid(values: FloatArray) -> FloatArray:
    """Up to 512 of the values, rising, the same number of values between any two."""
    found = np.unique(values)
    if len(found) <= _GRID:
        return found
    return np.unique(np.quantile(values, np.arange(1, _GRID) / _GRID, method="inverted_cdf"))


def _count(side: Side, edges: FloatArray, n_logs: int) -> FloatArray:
    """(L,B) values per log and bin."""
    width = len(edges) + 1
    cells = side.logs % n_logs * width + np.searchsorted(edges, side.values)
    return np.bincount(cells, minlength=n_logs * width).reshape(n_logs, width).astype(np.float64)


def _multinomial(n_logs: int, n: int, rng: np.random.Generator) -> FloatArray:
    return rng.multinomial(n_logs, np.full(n_logs, 1 / n_logs), size=n).astype(np.float64)


def _blocks(n: int) -> Iterator[int]:
    for start in range(0, n, _BLOCK):
        yield min(_BLOCK, n - start)
