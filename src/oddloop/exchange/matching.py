"""Greedy matching of detections to labels, for all frames and classes at once.

Detections are taken in descending score; each takes the unmatched label of its group that it overlaps most, provided
that IoU > `iou_floor`. A detection left over is ignored where it overlaps an ignored box by IoU > `ignore_floor`, and
else a false positive; a label left over is a miss. Ties: of equal scores the earlier detection is first, of equal IoU
the earlier label is taken.

Greedy matching is sequential by nature, but it is also the one stable matching in which every label prefers the higher
score, so it is found by deferred acceptance: all detections ask at once, each label keeps its best, the others ask
again. A round is a few sorts; the rounds are as many as detections push one another on, a handful in practice.

Sources: the greedy rule of PASCAL VOC (Everingham et al. 2010, section 4.2), with the difference that a detection
whose best label is taken tries the next one; ignored regions as in KITTI (Geiger et al. 2012); deferred acceptance:
Gale and Shapley (1962).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.errors import TableError
from oddloop.exchange.boxes import BoolArray, Boxes, FloatArray, IntArray, Pairs, overlapping


@dataclass(frozen=True, eq=False)
class Matching:
    """What became of N detections and M labels.

    Attributes:
        detection: (K,) int64, matched detections, rising.
        label: (K,) int64, the label of each.
        iou: (K,) float64, their overlap, above the floor.
        is_false_positive: (N,) bool; detections below the score floor and ignored ones are not.
        is_miss: (M,) bool.
    """

    detection: IntArray
    label: IntArray
    iou: FloatArray
    is_false_positive: BoolArray
    is_miss: BoolArray


def match_boxes(
    detections: Boxes,
    scores: FloatArray,
    labels: Boxes,
    ignored: Boxes | None = None,
    *,
    iou_floor: float = 0.5,
    score_floor: float = 0.5,
    ignore_floor: float = 0.3,
) -> Matching:
    """Match detections to labels greedily within each group.

    Args:
        detections: N boxes.
        scores: (N,) float64; detections below `score_floor` count as not made.
        labels: M boxes.
        ignored: boxes where a detection is neither right nor wrong; None is none.
        iou_floor: a match needs more overlap than this.
        score_floor: a detection needs this score or more.
        ignore_floor: a left-over detection is ignored where it overlaps an ignored box by more than this.

    Without detections all labels are misses; without labels all detections are false positives or ignored.

    Raises:
        TableError: a score is NaN.

    >>> box = lambda *x: Boxes(np.zeros(len(x), np.int64), np.array([[v, 0.0, v + 10.0, 10.0] for v in x]))
    >>> found = match_boxes(box(0.0, 1.0, 50.0), np.array([0.6, 0.9, 0.8]), box(1.0, 90.0))
    >>> found.detection.tolist(), found.is_false_positive.tolist(), found.is_miss.tolist()
    ([1], [True, False, True], [False, True])
    """
    if np.isnan(scores).any():
        raise TableError(f"detection {np.flatnonzero(np.isnan(scores))[0]} has the score NaN; leave it out")
    is_made = scores >= score_floor
    pairs = _only(overlapping(detections, labels, floor=iou_floor), is_made)
    kept = _deferred_acceptance(pairs, _rank(scores))
    matching = Pairs(pairs.left[kept], pairs.right[kept], pairs.iou[kept])
    is_wrong = is_made & ~_flags(len(detections), matching.left)
    if ignored is not None:
        is_wrong &= ~_flags(len(detections), overlapping(detections, ignored, floor=ignore_floor).left)
    is_miss = ~_flags(len(labels), matching.right)
    return Matching(matching.left, matching.right, matching.iou, is_wrong, is_miss)


@dataclass(frozen=True, eq=False)
class Counts:
    """True positives, false positives and misses per group: (G,) int64 each; they add up over groups."""

    n_tp: IntArray
    n_fp: IntArray
    n_fn: IntArray


def count_errors(matching: Matching, detections: Boxes, labels: Boxes, *, n_groups: int) -> Counts:
    """Count a matching's outcomes in each of the groups 0 .. n_groups - 1; groups without boxes get zeros.

    >>> there = Boxes(np.array([1]), np.array([[0.0, 0.0, 10.0, 10.0]]))
    >>> counts = count_errors(match_boxes(there, np.array([0.9]), there), there, there, n_groups=2)
    >>> counts.n_tp.tolist(), counts.n_fp.tolist(), counts.n_fn.tolist()
    ([0, 1], [0, 0], [0, 0])
    """
    return Counts(
        np.bincount(detections.group[matching.detection], minlength=n_groups),
        np.bincount(detections.group[matching.is_false_positive], minlength=n_groups),
        np.bincount(labels.group[matching.is_miss], minlength=n_groups),
    )


def _deferred_acceptance(pairs: Pairs, rank: IntArray) -> IntArray:
    """Indices of the matched pairs, by detection; a label prefers the smallest `rank` (N,)."""
    alive = np.lexsort((pairs.right, -pairs.iou, pairs.left))
    best = np.full(pairs.right.max(initial=-1) + 1, len(rank), np.int64)
    while True:
        asking = alive[_is_first(pairs.left[alive])]
        np.minimum.at(best, pairs.right[asking], rank[pairs.left[asking]])
        if (rank[pairs.left[asking]] == best[pairs.right[asking]]).all():
            return asking
        # A label only ever trades up, so whoever ranks below the one it holds need not ask it again.
        alive = alive[rank[pairs.left[alive]] <= best[pairs.right[alive]]]


def _only(pairs: Pairs, is_made: BoolArray) -> Pairs:
    kept = is_made[pairs.left]
    return Pairs(pairs.left[kept], pairs.right[kept], pairs.iou[kept])


def _rank(scores: FloatArray) -> IntArray:
    rank = np.empty(len(scores), np.int64)
    rank[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return rank


def _is_first(values: IntArray) -> BoolArray:
    """Where a sorted array begins a new value."""
    first = np.ones(len(values), np.bool_)
    first[1:] = values[1:] != values[:-1]
    return first


def _flags(n: int, index: IntArray) -> BoolArray:
    flags = np.zeros(n, np.bool_)
    flags[index] = True
    return flags
