"""Which scenes a segment holds, and how they lie in logs. Time grows with the scenes, per segment or set of them."""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray
from oddloop.coverage.attributes import Encoded, EncodedAttribute
from oddloop.coverage.cube.cells import decode, encode
from oddloop.coverage.performance.by_log import sums_by_log
from oddloop.coverage.segments import group_scenes
from oddloop.coverage.slices.candidates import Candidates

_CELLS = 1 << 22
"""Segments x logs that are held at once."""


def scenes_of(encoded: Encoded, candidates: Candidates, segment: int) -> BoolArray:
    """(N,) whether each scene is in the segment."""
    attributes = [encoded.attributes[place] for place in candidates.sets[candidates.set_of[segment]]]
    codes = decode(candidates.numbers[segment : segment + 1], tuple(len(a.values) for a in attributes))[0]
    is_in = np.ones(encoded.n_scenes, np.bool_)
    for attribute, code in zip(attributes, codes, strict=True):
        is_in &= _has(attribute, int(code), encoded.n_scenes)
    return is_in


def scenes_per_log(
    encoded: Encoded, candidates: Candidates, segments: IntArray, logs: IntArray, trials: FloatArray
) -> FloatArray:
    """(P,) scenes of its own log that a trial of each segment meets, on average: 1 where no log has two of its scenes.

    Args:
        encoded: the attributes of N scenes.
        candidates: all segments.
        segments: (P,) those that are asked for.
        logs: (N,) log of each scene, 0 or more.
        trials: (N,) trials, above 0.
    """
    met = np.ones(len(segments))
    n_logs, ones = int(logs.max(initial=0)) + 1, np.ones(encoded.n_scenes)
    for place in np.unique(candidates.set_of[segments]):
        mine = np.flatnonzero(candidates.set_of[segments] == place)
        grouping = group_scenes(encoded, candidates.sets[place])
        numbers = encode(grouping.codes, tuple(len(a.values) for a in grouping.attributes))
        found = np.searchsorted(numbers, candidates.numbers[segments[mine]])
        n_rows = max(_CELLS // n_logs, 1)
        blocks = sums_by_log(grouping, found, logs, n_logs, (trials, ones), n_rows)
        met[mine] = np.concatenate([(t * n).sum(axis=1) / t.sum(axis=1) for t, n in blocks])
    return met


def _has(attribute: EncodedAttribute, code: int, n_scenes: int) -> BoolArray:
    if attribute.offsets is None:
        return np.asarray(attribute.codes == code)
    is_in = np.zeros(n_scenes, np.bool_)
    is_in[np.repeat(np.arange(n_scenes), np.diff(attribute.offsets))[attribute.codes == code]] = True
    return is_in
