"""Values of small segments drawn towards their parent's, by as much as they are noise: empirical Bayes, from the top.

The parent of a segment is a segment of one attribute less, that holds it; the parent of a single attribute's value is
the total. All segments of one set of attributes leave out the same attribute, the one that tells least: so that they
differ least from their parents beyond chance. With y the value, m the parent's shrunk value:

    shrunk = (1 - B) y + B m        B = v / (t + v)

v is what chance adds to y: dispersion x (1 + (scenes per log - 1) x correlation) / support, with the dispersion of a
scene's value for support 1 and the correlation of scenes of one log, both estimated over all scenes of the metric
(`Noise`), since a segment of three scenes cannot tell its own. t is how much segments of one set of attributes differ
from their parents beyond chance, by the moments of DerSimonian and Laird, with a child's share in its parent taken off:

    t = max(0, (sum (y - m)² / v - sum (1 - support / parent's support)) / sum 1 / v)

To shrink to a mean over all segments, which overlap, would drive t to 0 and all values to one.

Time and memory grow with the segments.

References:
    Efron and Morris, Data analysis using Stein's estimator and its generalizations, 1975; DerSimonian and Laird,
    Meta-analysis in clinical trials, 1986.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.cube.cells import Cells, decode, encode
from oddloop.coverage.performance.metrics import Metric

_ROUNDING = 1e-10


@dataclass(frozen=True)
class Noise:
    """How far chance moves a metric's value.

    Attributes:
        dispersion: variance of a scene's value for support 1.
        correlation: of the values of two scenes of one log, in [0, 1].
    """

    dispersion: float
    correlation: float

    def variance(self, support: FloatArray, n_scenes: FloatArray, n_logs: FloatArray) -> FloatArray:
        """(S,) variance of segments' values."""
        return self.dispersion * (1 + (n_scenes / n_logs - 1) * self.correlation) / support


def estimate_noise(metric: Metric) -> Noise:
    """Estimate dispersion and correlation from the residuals about the overall value, by moments.

    One scene has no dispersion; where no log has several scenes, their correlation is taken to be 0.
    """
    support = metric.support
    residuals = metric.total - metric.total.sum() / support.sum() * support
    dispersion = float((residuals**2 / support).sum() / max(len(support) - 1, 1))
    n_logs = int(metric.logs.max()) + 1
    by_log, n_scenes = np.bincount(metric.logs, residuals, n_logs), np.bincount(metric.logs, minlength=n_logs)
    per_log = float((np.bincount(metric.logs, support, n_logs) * n_scenes).sum() / support.sum())
    if dispersion == 0 or per_log <= 1:
        return Noise(dispersion, 0.0)
    inflation = float((by_log**2).sum()) / (dispersion * support.sum())
    return Noise(dispersion, min(max((inflation - 1) / (per_log - 1), 0.0), 1.0))


@dataclass(frozen=True, eq=False)
class Shrunk:
    """Shrunk values of S segments, in the order of their sets of attributes.

    Attributes:
        values: (S,) shrunk values.
        parents: (S,) place of each segment's parent; the total's is -1.
    """

    values: FloatArray
    parents: IntArray


def shrink(counted: list[Cells], n_values: tuple[int, ...], noise: Noise) -> Shrunk:
    """Shrink the values of all segments.

    Args:
        counted: cells of every set of attributes in one group, whose first sums are support and value x support.
        n_values: number of values of each attribute.
        noise: how far chance moves a value.
    """
    support = np.concatenate([cells.sums[:, 0, 0] for cells in counted])
    raw = np.concatenate([cells.sums[:, 0, 1] for cells in counted]) / support
    n_scenes, n_logs = (np.concatenate([getattr(c, n)[:, 0] for c in counted]) for n in ("n_scenes", "n_logs"))
    # Without any noise there is nothing to shrink, and nothing to divide by either.
    variance = np.maximum(noise.variance(support, n_scenes, n_logs), 1e-200)
    values, parents = raw.copy(), np.full(len(raw), -1)
    largest = np.abs(raw).max(initial=0.0)
    for own, candidates in _families(counted, n_values):
        shares, differences = support[own] / support[candidates], raw[own] - values[candidates]
        differences[np.abs(differences) <= _ROUNDING * largest] = 0.0
        excess = (differences**2 / variance[own]).sum(axis=1) - (1 - shares).sum(axis=1)
        nearest = _first_least(excess)
        spread = max(float(excess[nearest] / (1 / variance[own]).sum()), 0.0)
        weight = variance[own] / (spread + variance[own])
        parents[own] = candidates[nearest]
        values[own] = raw[own] - weight * differences[nearest]
    return Shrunk(values, parents)


def _first_least(values: FloatArray) -> int:
    """The first of those that differ from the least by no more than rounding, which depends on the order of rows."""
    least = values.min()
    return int(np.argmax(values <= least + _ROUNDING * (abs(least) + len(values))))


def _families(counted: list[Cells], n_values: tuple[int, ...]) -> Iterator[tuple[slice, IntArray]]:
    """Per set of attributes: the places of its segments, and (W,S) those of the parents that lack each attribute."""
    starts = np.cumsum([0, *(len(cells.numbers) for cells in counted)]).tolist()
    place_of = {cells.chosen: place for place, cells in enumerate(counted)}
    for own, cells in zip(itertools.starmap(slice, itertools.pairwise(starts)), counted, strict=True):
        codes = decode(cells.numbers, tuple(n_values[a] for a in cells.chosen))
        parents = []
        for left_out in range(len(cells.chosen)):
            chosen = cells.chosen[:left_out] + cells.chosen[left_out + 1 :]
            place = place_of[chosen]
            numbers = encode(np.delete(codes, left_out, axis=1), tuple(n_values[a] for a in chosen))
            parents.append(starts[place] + np.searchsorted(counted[place].numbers, numbers))
        if parents:
            yield own, np.stack(parents)
