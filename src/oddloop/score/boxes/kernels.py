"""The compiled loops over boxes: imported by `calls` when the first of them runs, since numba is slow to import.

Without numba they run as they stand, and give the same. Boxes are x_min, y_min, x_max, y_max; all loops compute in
float64, release the interpreter's lock, and take any number of frames, given as offsets + values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np

from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray, IntArray

try:
    from numba import njit
except ImportError:
    njit = None

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
Sides = tuple[AnyFloats, AnyFloats, AnyFloats, AnyFloats]
"""(N,) each: x_min, y_min, x_max, y_max."""


def _compiled(loop: _Loop) -> _Loop:
    """Compile at first use where numba is installed; keep the machine code where a folder can be written."""
    if njit is None:
        return loop
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(_Loop, njit(cache=True, **options)(loop))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast(_Loop, njit(**options)(loop))


@_compiled
def side(values: AnyFloats, i: int) -> float:
    """A number, in double precision."""
    return np.float64(values[i])


@_compiled
def area(boxes: Sides, i: int) -> float:
    """Area of a box."""
    return (side(boxes[2], i) - side(boxes[0], i)) * (side(boxes[3], i) - side(boxes[1], i))


@_compiled
def iou(a: Sides, i: int, b: Sides, j: int) -> float:
    """Shared over joint area of two boxes that have one."""
    width = min(side(a[2], i), side(b[2], j)) - max(side(a[0], i), side(b[0], j))
    height = min(side(a[3], i), side(b[3], j)) - max(side(a[1], i), side(b[1], j))
    if width <= 0.0 or height <= 0.0:
        return 0.0
    shared = width * height
    return min(shared / (area(a, i) + area(b, j) - shared), 1.0)


@_compiled
def is_before(boxes: Sides, scores: AnyFloats, labels: IntArray, members: IntArray, i: int, j: int) -> bool:
    """Whether box i is stronger than box j: by score, else by what it is, and last by its place."""
    if scores[i] != scores[j]:
        return bool(scores[i] > scores[j])
    for s in range(4):
        if boxes[s][i] != boxes[s][j]:
            return bool(boxes[s][i] < boxes[s][j])
    if labels[i] != labels[j]:
        return bool(labels[i] < labels[j])
    if members[i] != members[j]:
        return bool(members[i] < members[j])
    return i < j


@_compiled
def sort_boxes(boxes: Sides, scores: AnyFloats, labels: IntArray, members: IntArray, ranked: IntArray) -> None:
    """Sort box numbers in place, the strongest first, by Shell's method."""
    n, gap = len(ranked), 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for a in range(gap, n):
            box, b = ranked[a], a
            while b >= gap and is_before(boxes, scores, labels, members, box, ranked[b - gap]):
                ranked[b] = ranked[b - gap]
                b -= gap
            ranked[b] = box
        gap //= 3


@_compiled
def find_partners(
    boxes: Sides,
    labels: IntArray,
    members: IntArray,
    ranked: IntArray,
    is_free: BoolArray,
    first: int,
    rule: tuple[float, bool],
    found: IntArray,
    overlaps: FloatArray,
) -> int:
    """The places in `ranked` of the boxes that join that at `first`, one per member at most; returns how many.

    Of several boxes of one member, the one of the same class is preferred, then the one that overlaps more, then the
    stronger one.
    """
    n_found, seed = 0, ranked[first]
    for place in range(first + 1, len(ranked)):
        box = ranked[place]
        if not is_free[place] or members[box] == members[seed]:
            continue
        is_same = labels[box] == labels[seed]
        if not (is_same or rule[1]):
            continue
        overlap = iou(boxes, seed, boxes, box)
        if overlap < rule[0]:
            continue
        # The same class beats any overlap, which is at most 1.
        worth = overlap + 2.0 * is_same
        slot = 0
        while slot < n_found and members[ranked[found[slot]]] != members[box]:
            slot += 1
        if slot == n_found:
            n_found += 1
            overlaps[slot] = -1.0
        if worth > overlaps[slot]:
            found[slot], overlaps[slot] = place, worth
    return n_found


@_compiled
def group_frame(
    boxes: Sides,
    labels: IntArray,
    members: IntArray,
    ranked: IntArray,
    rule: tuple[float, bool],
    at: int,
    n_groups: int,
    order: IntArray,
    bounds: IntArray,
) -> int:
    """Group ranked boxes: into `order` from place `at`, the end of each group into `bounds`; returns all groups."""
    n = len(ranked)
    is_free, found, overlaps = np.ones(n, np.bool_), np.empty(n, np.int64), np.empty(n)
    for first in range(n):
        if not is_free[first]:
            continue
        order[at] = ranked[first]
        at += 1
        for slot in range(find_partners(boxes, labels, members, ranked, is_free, first, rule, found, overlaps)):
            order[at] = ranked[found[slot]]
            is_free[found[slot]] = False
            at += 1
        n_groups += 1
        bounds[n_groups] = at
    return n_groups


@_compiled
def pick_whole(is_whole: BoolArray, members: IntArray, start: int, stop: int, order: IntArray) -> tuple[int, bool]:
    """Write a frame's whole boxes to `order[start:]`; returns how many, and whether they are of several members."""
    n_whole, is_mixed = 0, False
    for box in range(start, stop):
        if is_whole[box]:
            order[start + n_whole] = box
            is_mixed |= members[box] != members[order[start]]
            n_whole += 1
    return n_whole, is_mixed


@_compiled
def stand_alone(is_in: BoolArray, start: int, stop: int, at: int, n: int, order: IntArray, bounds: IntArray) -> int:
    """A group for each box of a frame that is in, in their order; returns all groups."""
    for box in range(start, stop):
        if is_in[box]:
            order[at] = box
            at += 1
            n += 1
            bounds[n] = at
    return n


@_compiled
def group_frames(
    boxes: Sides,
    scores: AnyFloats,
    labels: IntArray,
    members: IntArray,
    is_whole: BoolArray,
    offsets: IntArray,
    rule: tuple[float, bool],
    order: IntArray,
    bounds: IntArray,
    frames: IntArray,
) -> None:
    """Group the boxes of each frame; see `grouping.group_boxes`."""
    n_groups, is_part, is_any = 0, ~is_whole, np.ones(len(is_whole), np.bool_)
    for frame in range(len(offsets) - 1):
        start, stop = offsets[frame], offsets[frame + 1]
        n_whole, is_mixed = pick_whole(is_whole, members, start, stop, order)
        if is_mixed:
            ranked = order[start : start + n_whole].copy()
            sort_boxes(boxes, scores, labels, members, ranked)
            n_groups = group_frame(boxes, labels, members, ranked, rule, start, n_groups, order, bounds)
            n_groups = stand_alone(is_part, start, stop, start + n_whole, n_groups, order, bounds)
        else:
            # Nothing to group: the boxes keep their order, so that sums over them do too.
            n_groups = stand_alone(is_any, start, stop, start, n_groups, order, bounds)
        frames[frame + 1] = n_groups


@_compiled
def box_disagreements(boxes: Sides, order: IntArray, bounds: IntArray, out: FloatArray) -> None:
    """1 - the mean IoU of two boxes drawn from each group, with replacement."""
    for group in range(len(bounds) - 1):
        start, stop = bounds[group], bounds[group + 1]
        n, total = stop - start, 0.0
        for a in range(start, stop):
            for b in range(a + 1, stop):
                total += 1.0 - iou(boxes, order[a], boxes, order[b])
        out[group] = 2.0 * total / (n * n)


@_compiled
def box_spreads(boxes: Sides, order: IntArray, bounds: IntArray, out: FloatArray) -> None:
    """Root mean square distance of the four sides from their means, each as a share of the mean box's own size."""
    for group in range(len(bounds) - 1):
        start, stop = bounds[group], bounds[group + 1]
        n, total = stop - start, 0.0
        means = np.zeros(4)
        for a in range(start, stop):
            for s in range(4):
                means[s] += side(boxes[s], order[a]) / n
        for a in range(start, stop):
            for s in range(4):
                off = (side(boxes[s], order[a]) - means[s]) / (means[2 + s % 2] - means[s % 2])
                total += off * off
        out[group] = np.sqrt(total / (4 * n)) if n > 1 else 0.0


@_compiled
def count_outcomes(
    labels: IntArray, classes: IntArray, order: IntArray, bounds: IntArray, chosen: IntArray, out: IntArray
) -> None:
    """How long the mean distribution of each chosen group is; 0 where its boxes have none in common.

    `classes` are the bounds of each box's class probabilities: none means that the box has a score only, and its
    outcomes are its label and the rest.
    """
    for i in range(len(chosen)):
        start, stop = bounds[chosen[i]], bounds[chosen[i] + 1]
        n_classes = classes[order[start] + 1] - classes[order[start]]
        n_labels = 0
        for a in range(start, stop):
            box = order[a]
            if classes[box + 1] - classes[box] != n_classes:
                n_classes = -1
                break
            is_new = True
            for b in range(start, a):
                is_new &= labels[order[b]] != labels[box]
            n_labels += is_new
        out[i] = 0 if n_classes < 0 else n_classes if n_classes > 0 else n_labels + 1


@_compiled
def mean_probs(probs: AnyFloats, classes: IntArray, order: IntArray, start: int, stop: int, out: FloatArray) -> None:
    """Mean of boxes' class probabilities, each divided by its sum, into `out`."""
    out[:] = 0.0
    for a in range(start, stop):
        first, total = classes[order[a]], 0.0
        for k in range(len(out)):
            total += side(probs, first + k)
        for k in range(len(out)):
            out[k] += side(probs, first + k) / total / (stop - start)


@_compiled
def mean_scores(scores: AnyFloats, labels: IntArray, order: IntArray, start: int, stop: int, out: FloatArray) -> None:
    """Mean of boxes' scores by label into `out`, in the order in which labels occur; last what is left to 1."""
    out[:] = 0.0
    found, n_labels = np.empty(len(out), np.int64), 0
    for a in range(start, stop):
        score, slot = side(scores, order[a]), 0
        while slot < n_labels and found[slot] != labels[order[a]]:
            slot += 1
        if slot == n_labels:
            found[slot] = labels[order[a]]
            n_labels += 1
        out[slot] += score / (stop - start)
        out[len(out) - 1] += (1.0 - score) / (stop - start)


@_compiled
def mean_outcomes(
    scores: AnyFloats,
    labels: IntArray,
    probs: AnyFloats,
    classes: IntArray,
    order: IntArray,
    bounds: IntArray,
    chosen: IntArray,
    offsets: IntArray,
    out: FloatArray,
) -> None:
    """The mean distribution of each chosen group into `out`, bounded by `offsets` (of `count_outcomes`)."""
    for i in range(len(chosen)):
        start, stop = bounds[chosen[i]], bounds[chosen[i] + 1]
        row = out[offsets[i] : offsets[i + 1]]
        if len(row) == 0:
            continue
        if classes[order[start] + 1] > classes[order[start]]:
            mean_probs(probs, classes, order, start, stop, row)
        else:
            mean_scores(scores, labels, order, start, stop, row)
