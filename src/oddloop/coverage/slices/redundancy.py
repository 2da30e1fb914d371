"""Of slices that overlap, those that tell something of their own.

A bad slice makes every segment bad that shares many of its scenes: parents, children, neighbours. So the strongest is
taken first. Each other stays only where it is worse than the rest still, without the scenes of all that were taken; or
where it is a part of one that was taken, and worse than the rest of that, without what was taken of it since. Worse
means that of all segments, chance alone would put no more than q (1 - q) x (slices taken + 1) at such a p-value: a
hundred repetitions of one slice do not make room for chance's finds beside it. Then the strongest that stays is taken.

Time grows with slices taken x sets of attributes that still have a segment x scenes, memory with the scenes.
"""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.cells import decode, gather
from oddloop.coverage.cube.counting import count_cells
from oddloop.coverage.slices.candidates import Candidates
from oddloop.coverage.slices.expected import ExpectedByChance
from oddloop.coverage.slices.rows import scenes_of
from oddloop.coverage.slices.tails import inflate, log_upper_tail


class Overlap:
    """The slices that stood out, as they are taken one by one.

    Attributes:
        left: (P,) places among the candidates of those that may still be taken, strongest first.
        taken: those that were taken, in that order.
    """

    def __init__(
        self,
        encoded: Encoded,
        candidates: Candidates,
        logs: IntArray,
        amounts: FloatArray,
        strongest_first: IntArray,
        design_effect: FloatArray,
        expected: ExpectedByChance,
        q: float,
    ) -> None:
        """Begin with all.

        Args:
            encoded: the attributes of N scenes.
            candidates: all S segments.
            logs: (N,) log of each scene.
            amounts: (N,2) trials and errors.
            strongest_first: (P,) places of the slices that stood out.
            design_effect: (S,) of all segments.
            expected: how many segments chance alone puts at a p-value.
            q: false discovery rate.
        """
        self.left, self.taken = strongest_first, list[int]()
        self._encoded, self._candidates, self._logs, self._amounts = encoded, candidates, logs, amounts
        self._design_effect, self._expected, self._q = design_effect, expected, q
        # Of each scene: the smallest slice taken that holds it, from 1 on; 0 where none does.
        self._within = np.zeros(encoded.n_scenes, np.int64)
        self._sizes = [encoded.n_scenes]

    def take(self) -> None:
        """Take the strongest slice that is left; drop those that tell nothing beyond what was taken."""
        taken, self.left = int(self.left[0]), self.left[1:]
        self.taken.append(taken)
        is_in = scenes_of(self._encoded, self._candidates, taken)
        size = int(is_in.sum())
        self._within[is_in & (np.array(self._sizes)[self._within] >= size)] = len(self.taken)
        self._sizes.append(size)
        if len(self.left):
            self.left = self.left[(self._is_worse() & self._is_part()).any(axis=1)]

    def _is_worse(self) -> BoolArray:
        """(P,T+1) whether each slice that is left is worse than the rest, among the scenes of each slice taken."""
        trials, errors = self._count()
        n_groups = len(self._sizes)
        total = [np.bincount(self._within, weights, n_groups) for weights in self._amounts.T]
        tail = log_upper_tail(errors, trials, np.floor(total[1] + 1e-6), np.rint(total[0]))
        by_chance = self._expected(inflate(tail, self._design_effect[self.left, None]))
        return np.asarray(by_chance <= self._q * (1 - self._q) * n_groups)

    def _is_part(self) -> BoolArray:
        """(P,T+1) whether each slice that is left is a part of each slice taken; the first column is everything."""
        of_left, of_taken = self._codes(self.left), self._codes(np.array(self.taken))
        parts = ((of_left[:, None] == of_taken) | (of_taken < 0)).all(axis=2)
        return np.column_stack([np.ones(len(parts), np.bool_), parts])

    def _codes(self, segments: IntArray) -> IntArray:
        """(P,A) value code of each attribute; -1 where a segment does not name it."""
        candidates, attributes = self._candidates, self._encoded.attributes
        codes = np.full((len(segments), len(attributes)), -1)
        for place in np.unique(candidates.set_of[segments]):
            mine, chosen = np.flatnonzero(candidates.set_of[segments] == place), candidates.sets[place]
            n_values = tuple(len(attributes[a].values) for a in chosen)
            codes[np.ix_(mine, chosen)] = decode(candidates.numbers[segments[mine]], n_values)
        return codes

    def _count(self) -> tuple[FloatArray, FloatArray]:
        """(P,T+1) trials and errors of the slices that are left, among the scenes of each slice taken."""
        candidates, n_groups = self._candidates, len(self._sizes)
        set_of = candidates.set_of[self.left]
        alive = np.unique(set_of)
        sums = np.empty((len(self.left), n_groups, 2))
        scenes = gather(self._encoded, self._logs, self._within, n_groups, self._amounts)
        for place, cells in zip(alive, count_cells(scenes, 0, [candidates.sets[p] for p in alive]), strict=True):
            mine = np.flatnonzero(set_of == place)
            sums[mine] = cells.sums[np.searchsorted(cells.numbers, candidates.numbers[self.left[mine]])]
        return np.rint(sums[:, :, 0]), np.floor(sums[:, :, 1] + 1e-6)
