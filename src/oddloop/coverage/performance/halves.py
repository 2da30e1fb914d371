"""Two arms in each segment: the values of their models trained on halves, and the variance of the difference.

What is computed is `intervals.difference_of_halves`; only scenes that all models of both arms have measured count. Time
grows with segments x logs x models, memory with a block of segments and the memberships of one set of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from oddloop.coverage.arrays import FloatArray, IntArray
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.performance.by_log import sums_by_log
from oddloop.coverage.segments import iterate_groupings, name_segments
from oddloop.intervals import HalfSums, HalvesDifference, difference_of_halves

_BLOCK = 1 << 21


@dataclass(frozen=True, eq=False)
class HalfValues:
    """What an arm's models have measured on N scenes.

    Attributes:
        values: (J,2,N) value x support of the model on each half of each split.
        supports: (J,2,N) its support; above 0.
    """

    values: FloatArray
    supports: FloatArray

    def towards(self, other: HalfValues, share: float) -> HalfValues:
        """Between this round of the arm and another, on the same scenes: `share` of the other, the rest of this.

        A scene must be in the same half of a split in both rounds, or the luck that they share would seem to cancel.

        >>> one, two = (HalfValues(np.full((1, 2, 1), v), np.ones((1, 2, 1))) for v in (4.0, 2.0))
        >>> one.towards(two, 0.25).values.ravel().tolist()
        [3.5, 3.5]
        """
        values, supports = (
            (1 - share) * mine + share * theirs
            for mine, theirs in ((self.values, other.values), (self.supports, other.supports))
        )
        return HalfValues(values, supports)


@dataclass(frozen=True, eq=False)
class SegmentHalves:
    """The comparison of S segments, in the order of the groupings.

    Attributes:
        segment_ids: (S,) the segments.
        n_scenes: (S,) scenes of each.
        compared: (S,) values, variances and degrees of freedom.
    """

    segment_ids: pa.Array
    n_scenes: IntArray
    compared: HalvesDifference


def compare_halves(
    ours: HalfValues, theirs: HalfValues, logs: IntArray, n_logs: int, encoded: Encoded, max_way: int
) -> SegmentHalves:
    """Compare two arms in each segment of the scenes that both have measured.

    Args:
        ours: one arm, on N scenes.
        theirs: the other, on the same scenes in the same order.
        logs: (N,) log number of each scene, from 0.
        n_logs: number of logs.
        encoded: the attributes of these scenes.
        max_way: attributes in a segment, at most.

    >>> arm = HalfValues(np.array([[[1.0, 3.0], [2.0, 2.0]]]), np.ones((1, 2, 2)))
    >>> found = compare_halves(arm, arm, np.array([0, 1]), 2, Encoded(2, (), pa.table({})), 0)
    >>> found.segment_ids.to_pylist(), found.compared.ours.tolist(), found.compared.difference.tolist()
    (['all'], [2.0], [0.0])
    """
    amounts = [*_rows(ours.values), *_rows(ours.supports), *_rows(theirs.values), *_rows(theirs.supports)]
    n_rows = max(_BLOCK // max(n_logs * len(amounts), 1), 1)
    ids, scenes = [], []
    parts: list[HalvesDifference] = []
    for grouping in iterate_groupings(encoded, max_way):
        ids.append(name_segments(grouping)["segment_id"])
        scenes.append(np.bincount(grouping.segments, minlength=grouping.n_segments))
        blocks = sums_by_log(grouping, np.arange(grouping.n_segments), logs, n_logs, amounts, n_rows)
        parts += [difference_of_halves(*_arms(block, len(ours.values))) for block in blocks]
    columns = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(HalvesDifference)}
    return SegmentHalves(pa.concat_arrays(ids), np.concatenate(scenes), HalvesDifference(**columns))


def _rows(amounts: FloatArray) -> list[FloatArray]:
    return list(amounts.reshape(-1, amounts.shape[-1]))


def _arms(block: tuple[FloatArray, ...], n_splits: int) -> tuple[HalfSums, HalfSums]:
    """Both arms' sums, from the blocks of values and supports of the first and of the second."""
    sums = np.stack(block)
    first, second = sums[: 4 * n_splits], sums[4 * n_splits :]
    return _arm(first), _arm(second)


def _arm(sums: FloatArray) -> HalfSums:
    values, supports = sums.reshape(2, -1, 2, *sums.shape[1:])
    return HalfSums(values, supports)
