"""The segments that are tested: all of up to three attributes, by errors and trials, in two halves of the logs.

Not tested are the total, segments of too few scenes or logs, and those that hold the very scenes of a segment of one
attribute less: to test the same rows twice would cost the others. None of that looks at the errors.

Time grows with scenes x sets of attributes (`cube.counting`), memory with the segments.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from oddloop.config import SlicesConfig
from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.cells import Cells, decode, encode, gather
from oddloop.coverage.cube.counting import count_cells

HALVES = 2
"""Of the logs: one to discover in, one to confirm in."""
_WHOLE = 1e-6


@dataclass(frozen=True, eq=False)
class Candidates:
    """All S segments that hold a scene.

    Attributes:
        sets: the sets of attributes, by their places in the taxonomy.
        set_of: (S,) place of each segment's set.
        numbers: (S,) number of each segment within its set, by mixed radix (`cube.cells`).
        n_scenes: (S,2) scenes in each half of the logs.
        n_logs: (S,2) distinct logs.
        trials: (S,2) trials.
        errors: (S,2) errors, whole numbers.
        parents: (S,3) place of the segment that lacks each attribute; -1 beyond the segment's number of attributes.
    """

    sets: tuple[tuple[int, ...], ...]
    set_of: IntArray
    numbers: IntArray
    n_scenes: IntArray
    n_logs: IntArray
    trials: FloatArray
    errors: FloatArray
    parents: IntArray

    def is_tested(self, settings: SlicesConfig) -> BoolArray:
        """(S,) whether a segment is tested."""
        n_scenes = self.n_scenes.sum(axis=1)
        with_no_parent = np.append(n_scenes, -1)
        is_parent_again = (with_no_parent[self.parents] == n_scenes[:, None]).any(axis=1)
        is_enough = (n_scenes >= settings.min_scenes) & (self.n_logs.sum(axis=1) >= settings.min_logs)
        return np.asarray(is_enough & ~is_parent_again & (self.set_of > 0))


def count_candidates(
    encoded: Encoded, logs: IntArray, halves: IntArray, trials: FloatArray, errors: FloatArray, max_way: int
) -> Candidates:
    """Count errors and trials of all segments.

    Args:
        encoded: the attributes of N scenes, one at least.
        logs: (N,) log of each scene, 0 or more.
        halves: (N,) half of the logs that each scene is in, 0 or 1.
        trials: (N,) trials.
        errors: (N,) errors, in [0, trials]; sums are cut off to whole numbers, so that no part of an error counts.
        max_way: attributes in a segment, at most.
    """
    amounts = np.stack([trials, errors], axis=1)
    counted = list(count_cells(gather(encoded, logs, halves, HALVES, amounts), max_way))
    n_values = tuple(len(a.values) for a in encoded.attributes)
    sums = np.concatenate([c.sums for c in counted])
    return Candidates(
        sets=tuple(c.chosen for c in counted),
        set_of=np.repeat(np.arange(len(counted)), [len(c.numbers) for c in counted]),
        numbers=np.concatenate([c.numbers for c in counted]),
        n_scenes=np.concatenate([c.n_scenes for c in counted]),
        n_logs=np.concatenate([c.n_logs for c in counted]),
        trials=np.rint(sums[:, :, 0]),
        errors=np.floor(sums[:, :, 1] + _WHOLE),
        parents=_find_parents(counted, n_values),
    )


def _find_parents(counted: list[Cells], n_values: tuple[int, ...]) -> IntArray:
    starts = np.cumsum([0, *(len(cells.numbers) for cells in counted)]).tolist()
    place_of = {cells.chosen: place for place, cells in enumerate(counted)}
    parents = np.full((starts[-1], max(len(cells.chosen) for cells in counted)), -1)
    for own, cells in zip(itertools.starmap(slice, itertools.pairwise(starts)), counted, strict=True):
        codes = decode(cells.numbers, tuple(n_values[a] for a in cells.chosen))
        for left_out in range(len(cells.chosen)):
            chosen = cells.chosen[:left_out] + cells.chosen[left_out + 1 :]
            place = place_of[chosen]
            numbers = encode(np.delete(codes, left_out, axis=1), tuple(n_values[a] for a in chosen))
            parents[own, left_out] = starts[place] + np.searchsorted(counted[place].numbers, numbers)
    return parents
