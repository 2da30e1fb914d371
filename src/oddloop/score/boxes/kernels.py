"""The compiled loops over boxes: imported by `calls` when the first of them runs, since numba is slow to import.

Without numba they run as they stand, and give the same. Boxes are x_min, y_min, x_max, y_max; all loops compute in
float64, release the interpreter's lock, and take any number of frames, given as offsets + values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from oddloop.compiled import compile_loop
from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray, IntArray

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
Sides = tuple[AnyFloats, AnyFloats, AnyFloats, AnyFloats]
"""(N,) each: x_min, y_min, x_max, y_max."""
Rows = tuple[FloatArray, IntArray]
"""Boxes of a frame: (6, n) sides, area and score, and (2, n) label and member."""


def _compiled(loop: _Loop) -> _Loop:
    """Compile where numba is installed; a greedy search has no NumPy twin, so that elsewhere it runs as it stands."""
    try:
        return compile_loop(loop)
    except ImportError:
        return loop


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
def lay_out(boxes: Sides, scores: AnyFloats, labels: IntArray, members: IntArray, chosen: IntArray, rows: Rows) -> None:
    """Copy what a search reads of some boxes to where it is read one after the other."""
    values, names = rows
    for i in range(len(chosen)):
        box = chosen[i]
        values[0, i] = side(boxes[0], box)
        values[1, i] = side(boxes[1], box)
        values[2, i] = side(boxes[2], box)
        values[3, i] = side(boxes[3], box)
        values[4, i] = area(boxes, box)
        values[5, i] = side(scores, box)
        names[0, i], names[1, i] = labels[box], members[box]


@_compiled
def is_before(rows: Rows, i: int, j: int) -> bool:
    """Whether row i is stronger than row j: by score, else by what it is, and last by its place."""
    values, names = rows
    if values[5, i] != values[5, j]:
        return bool(values[5, i] > values[5, j])
    for s in range(4):
        if values[s, i] != values[s, j]:
            return bool(values[s, i] < values[s, j])
    for s in range(2):
        if names[s, i] != names[s, j]:
            return bool(names[s, i] < names[s, j])
    return i < j


@_compiled
def sort_rows(rows: Rows, n: int, ranked: IntArray) -> None:
    """The numbers of n rows into `ranked`, the strongest first, by Shell's method."""
    gap = 1
    for i in range(n):
        ranked[i] = i
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for a in range(gap, n):
            row, b = ranked[a], a
            while b >= gap and is_before(rows, row, ranked[b - gap]):
                ranked[b] = ranked[b - gap]
                b -= gap
            ranked[b] = row
        gap //= 3


@_compiled
def find_partners(
    rows: Rows, free: IntArray, n_free: int, rule: tuple[float, bool], found: IntArray, worths: FloatArray
) -> int:
    """Which of the free rows join the first of them, one per member at most, into `found`; returns how many.

    Of several rows of one member, the one of the same class is preferred, then the one that overlaps more, then the
    stronger one.
    """
    values, names = rows
    seed, n_found = free[0], 0
    x_min, y_min, x_max, y_max = values[0, seed], values[1, seed], values[2, seed], values[3, seed]
    # What overlaps by the floor shares about as much of the seed: one test that fails for nearly all.
    least = 0.999 * rule[0] * values[4, seed]
    for i in range(1, n_free):
        row = free[i]
        width = max(min(x_max, values[2, row]) - max(x_min, values[0, row]), 0.0)
        height = max(min(y_max, values[3, row]) - max(y_min, values[1, row]), 0.0)
        shared = width * height
        if shared < least:
            continue
        overlap = min(shared / (values[4, seed] + values[4, row] - shared), 1.0)
        is_same = names[0, row] == names[0, seed]
        if overlap < rule[0] or names[1, row] == names[1, seed] or not (is_same or rule[1]):
            continue
        slot = 0
        while slot < n_found and names[1, found[slot]] != names[1, row]:
            slot += 1
        if slot == n_found:
            n_found += 1
            worths[slot] = -1.0
        # The same class beats any overlap, which is at most 1.
        worth = overlap + 2.0 * is_same
        if worth > worths[slot]:
            found[slot], worths[slot] = row, worth
    return n_found


@_compiled
def take_group(free: IntArray, n_free: int, found: IntArray, n_found: int) -> int:
    """Take the first row and those found out of the free ones, which keep their order; returns how many are left."""
    for slot in range(n_found):
        i = 1
        while free[i] != found[slot]:
            i += 1
        free[i] = -1
    n_left = 0
    for i in range(1, n_free):
        free[n_left] = free[i]
        n_left += free[i] >= 0
    return n_left


@_compiled
def group_frame(
    rows: Rows,
    chosen: IntArray,
    rule: tuple[float, bool],
    room: tuple[IntArray, IntArray, FloatArray],
    at: int,
    n_groups: int,
    order: IntArray,
    bounds: IntArray,
) -> int:
    """Group boxes that are laid out: into `order` from `at`, the end of each into `bounds`; returns all groups."""
    free, found, worths = room
    n_free = len(chosen)
    sort_rows(rows, n_free, free)
    while n_free > 0:
        n_found = find_partners(rows, free, n_free, rule, found, worths)
        order[at] = chosen[free[0]]
        for slot in range(n_found):
            order[at + 1 + slot] = chosen[found[slot]]
        at += 1 + n_found
        n_groups += 1
        bounds[n_groups] = at
        n_free = take_group(free, n_free, found, n_found)
    return n_groups


@_compiled
def pick_whole(is_whole: BoolArray, members: IntArray, start: int, stop: int, chosen: IntArray) -> tuple[int, bool]:
    """Write a frame's whole boxes to `chosen`; returns how many, and whether they are of several members."""
    n_whole, is_mixed = 0, False
    for box in range(start, stop):
        if is_whole[box]:
            chosen[n_whole] = box
            is_mixed |= members[box] != members[chosen[0]]
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
    most = 1
    for frame in range(len(offsets) - 1):
        most = max(most, offsets[frame + 1] - offsets[frame])
    chosen, rows = np.empty(most, np.int64), (np.empty((6, most)), np.empty((2, most), np.int64))
    room = (np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most))
    n_groups, is_part, is_any = 0, ~is_whole, np.ones(len(is_whole), np.bool_)
    for frame in range(len(offsets) - 1):
        start, stop = offsets[frame], offsets[frame + 1]
        n_whole, is_mixed = pick_whole(is_whole, members, start, stop, chosen)
        if is_mixed:
            lay_out(boxes, scores, labels, members, chosen[:n_whole], rows)
            n_groups = group_frame(rows, chosen[:n_whole], rule, room, start, n_groups, order, bounds)
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
