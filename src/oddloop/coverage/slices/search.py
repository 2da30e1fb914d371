"""The slice search: segments of up to three attributes in which a model does worse than elsewhere.

1. All segments are counted, in two halves of the logs (`candidates`).
2. Each is tested against the rest by Fisher's exact test, which allows for how alike errors of one log are (`noise`).
3. A slice must be discovered in one half of the logs and confirmed in the other: each half has to reach `each_half` on
   its own. The decision is then taken on both together, for all segments at once, by the false discovery rate
   (`decide`). To judge the second half alone would find fewer: what is planted in 100 scenes has 50 left.
4. Of slices that overlap, those stay that tell something of their own (`redundancy`).

Each rate that is reported was chosen for being high, so it is rather too high than too low; the two halves' rates show
how much it moves.

Time grows with scenes x sets of attributes, once for the count and once for each slice that is listed, memory with the
scenes and segments.

References:
    Skol et al., Joint analysis is more efficient than replication-based analysis for two-stage genome-wide association
    studies, 2006; Chung et al., Slice Finder, 2019; Sagadeeva and Boehm, SliceLine, 2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.config import SlicesConfig
from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.slices.candidates import HALVES, Candidates, count_candidates
from oddloop.coverage.slices.decide import adjust
from oddloop.coverage.slices.expected import ExpectedByChance, expect_by_chance
from oddloop.coverage.slices.noise import Likeness
from oddloop.coverage.slices.redundancy import Overlap
from oddloop.coverage.slices.rows import scenes_per_log
from oddloop.coverage.slices.tails import inflate, log_upper_tail

_CLEARLY_ABOVE = 1.0
"""Standard deviations of chance above which a p-value is worked out; below, it is taken as 1."""


@dataclass(frozen=True, eq=False)
class Tested:
    """What is known of all S segments.

    Attributes:
        candidates: their counts.
        rows: (T,) places of those that were tested.
        design_effect: (S,) 1 or more.
        log_p: (S,) log p-values, 0 where not tested.
        adjusted: (S,) adjusted p-values, 1 where not tested.
        chance: how many segments chance alone puts at a p-value.
    """

    candidates: Candidates
    rows: IntArray
    design_effect: FloatArray
    log_p: FloatArray
    adjusted: FloatArray
    chance: ExpectedByChance

    def stand_out(self, q: float) -> IntArray:
        """(P,) places of the slices that stand out, strongest first."""
        found = np.flatnonzero(self.adjusted <= q)
        return found[np.lexsort((found, -self.candidates.n_scenes[found].sum(axis=1), self.log_p[found]))]


def search(
    encoded: Encoded,
    logs: IntArray,
    trials: FloatArray,
    errors: FloatArray,
    likeness: Likeness,
    settings: SlicesConfig,
    rng: np.random.Generator,
) -> tuple[Tested, list[int]]:
    """Test all segments, and take those that tell something of their own.

    Args:
        encoded: the attributes of N scenes, one at least.
        logs: (N,) log of each scene, 0 or more.
        trials: (N,) trials, above 0.
        errors: (N,) errors, in [0, trials].
        likeness: how alike errors are.
        settings: what is tested, and how strictly.
        rng: draws the halves of the logs.

    Returns:
        what is known of the segments, and the places of the slices taken, strongest first.
    """
    trials, errors = trials / likeness.divisor, errors / likeness.divisor
    halves = (rng.permutation(int(logs.max()) + 1) % HALVES)[logs]
    candidates = count_candidates(encoded, logs, halves, trials, errors, settings.max_way)
    tested = _test(candidates, likeness, settings)
    if likeness.in_log:
        met = _met_by_survivors(encoded, tested, logs, trials, settings)
        tested = _test(candidates, likeness, settings, met)
    amounts = np.stack([trials, errors], axis=1)
    return tested, _take(encoded, tested, logs, amounts, settings)


def _test(candidates: Candidates, likeness: Likeness, settings: SlicesConfig, met: FloatArray | None = None) -> Tested:
    """Test all; `met` are the (S,) scenes of its log that a trial meets, where that is known."""
    # Without the segment's own spread over logs, scenes per log is the least that it can be.
    least = candidates.n_scenes.sum(axis=1) / candidates.n_logs.sum(axis=1)
    lower = likeness.design_effect(least)
    effect = lower if met is None else likeness.design_effect(np.maximum(met, least))
    rows = np.flatnonzero(candidates.is_tested(settings))
    counts = candidates.trials, candidates.errors
    both = _log_p(counts[0].sum(axis=1), counts[1].sum(axis=1), effect, rows)
    halves = [_log_p(counts[0][:, half], counts[1][:, half], effect, rows) for half in range(HALVES)]
    worst_half = np.maximum(halves[0], halves[1])
    log_p = np.where(worst_half <= np.log(settings.each_half), both, 0.0)
    trials, errors = (c[0].sum() for c in counts)
    chance = expect_by_chance(candidates.trials[rows].sum(axis=1), errors, trials, lower[rows], settings.q)
    adjusted = np.ones(len(log_p))
    adjusted[rows] = adjust(log_p[rows], chance, settings.q)
    return Tested(candidates, rows, effect, log_p, adjusted, chance)


def _log_p(trials: FloatArray, errors: FloatArray, effect: FloatArray, rows: IntArray) -> FloatArray:
    """(S,) log p-values of these rows against the rest; the first segment is the total."""
    log_p = np.zeros(len(trials))
    mean = trials * errors[0] / max(trials[0], 1)
    rows = rows[errors[rows] > mean[rows] + _CLEARLY_ABOVE * np.sqrt(mean[rows])]
    log_p[rows] = inflate(log_upper_tail(errors[rows], trials[rows], errors[0], trials[0]), effect[rows])
    return log_p


def _met_by_survivors(
    encoded: Encoded, tested: Tested, logs: IntArray, trials: FloatArray, settings: SlicesConfig
) -> FloatArray:
    met = np.ones(len(tested.log_p))
    found = tested.stand_out(settings.q)
    met[found] = scenes_per_log(encoded, tested.candidates, found, logs, trials)
    return met


def _take(encoded: Encoded, tested: Tested, logs: IntArray, amounts: FloatArray, settings: SlicesConfig) -> list[int]:
    found = tested.stand_out(settings.q)
    if not len(found):
        return []
    effect, chance = tested.design_effect, tested.chance
    overlap = Overlap(encoded, tested.candidates, logs, amounts, found, effect, chance, settings.q)
    while len(overlap.left) and len(overlap.taken) < settings.most:
        overlap.take()
    return overlap.taken
