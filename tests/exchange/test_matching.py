"""Greedy matching: worked cases, a slow and plain second opinion, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.exchange.boxes import Boxes, overlapping
from oddloop.exchange.matching import Matching, count_errors, match_boxes

# Boxes of width 10 and height 10 at a given x: their IoU is (10 - d) / (10 + d) for a distance d of up to 10.
# d: 0 -> 1, 1 -> 9/11 = .818, 2 -> 8/12 = .667, 3 -> 7/13 = .538, 4 -> 6/14 = .429, 5 -> 5/15 = .333, 6 -> .25


def at(*xs: float, group: int = 0) -> Boxes:
    corners = [[x, 0.0, x + 10.0, 10.0] for x in xs]
    return Boxes(np.full(len(xs), group), np.array(corners, np.float64).reshape(-1, 4))


CASES = [
    # name, detections at x, scores, labels at x, ignored at x; matched (detection, label) pairs, FP, misses
    ("one right", [0], [0.9], [0], [], [(0, 0)], [], []),
    ("overlap is above the floor", [3], [0.9], [0], [], [(0, 0)], [], []),
    ("overlap is below the floor", [4], [0.9], [0], [], [], [0], [0]),
    ("nothing detected", [], [], [0, 50], [], [], [], [0, 1]),
    ("nothing labelled", [0, 50], [0.9, 0.8], [], [], [], [0, 1], []),
    ("nothing at all", [], [], [], [], [], [], []),
    # two want one label
    ("higher score first, though it overlaps less", [0, 2], [0.6, 0.9], [0], [], [(1, 0)], [0], []),
    ("equal scores: the earlier one", [2, 0], [0.9, 0.9], [0], [], [(0, 0)], [1], []),
    # one of two labels
    ("the label of most overlap", [2], [0.9], [0, 3], [], [(0, 1)], [], [0]),
    ("equal overlap: the earlier label", [2], [0.9], [0, 4], [], [(0, 0)], [], [1]),
    ("best label taken: the next one", [1, 1], [0.6, 0.9], [0, 3], [], [(0, 1), (1, 0)], [], []),
    # pushed on twice: the 0.9 takes label 0, so the 0.8 takes label 1, so the 0.7 has none left
    ("a chain", [2, 1, 0], [0.7, 0.8, 0.9], [0, 3], [], [(1, 1), (2, 0)], [0], []),
    # scores below the floor of 0.5 count as not made
    ("score on the floor", [0], [0.5], [0], [], [(0, 0)], [], []),
    ("score below the floor", [0, 50], [0.49, 0.49], [0], [], [], [], [0]),
    # ignored: IoU > 0.3
    ("left over on an ignored box", [5], [0.9], [], [0], [], [], []),
    ("too little on an ignored box", [6], [0.9], [], [0], [], [0], []),
    ("a match counts also on an ignored box", [0], [0.9], [0], [0], [(0, 0)], [], []),
]


@pytest.mark.parametrize(
    ("detections", "scores", "labels", "ignored", "pairs", "wrong", "missed"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_worked_cases(detections, scores, labels, ignored, pairs, wrong, missed) -> None:
    found = match_boxes(at(*detections), np.array(scores, np.float64), at(*labels), at(*ignored))
    assert list(zip(found.detection.tolist(), found.label.tolist(), strict=True)) == pairs
    assert np.flatnonzero(found.is_false_positive).tolist() == wrong
    assert np.flatnonzero(found.is_miss).tolist() == missed


def test_boxes_of_other_groups_do_not_meet() -> None:
    found = match_boxes(at(0, group=1), np.array([0.9]), at(0, group=2), at(0, group=3))
    assert found.is_false_positive.tolist() == [True]
    assert found.is_miss.tolist() == [True]


def test_floors_are_arguments() -> None:
    # d = 4: IoU .429; the score .2
    found = match_boxes(at(4), np.array([0.2]), at(0), iou_floor=0.4, score_floor=0.1)
    assert found.iou == pytest.approx([6 / 14])
    # d = 5: IoU .333 is not above .34
    found = match_boxes(at(5), np.array([0.9]), at(), at(0), ignore_floor=0.34)
    assert found.is_false_positive.tolist() == [True]


def test_counts_are_per_group_and_zero_where_there_is_nothing() -> None:
    detections = Boxes(np.array([0, 0, 2]), at(0, 50, 0).corners)
    labels = Boxes(np.array([0, 2, 3]), at(0, 50, 0).corners)
    found = match_boxes(detections, np.array([0.9, 0.9, 0.9]), labels)
    counts = count_errors(found, detections, labels, n_groups=5)
    assert counts.n_tp.tolist() == [1, 0, 0, 0, 0]
    assert counts.n_fp.tolist() == [1, 0, 1, 0, 0]
    assert counts.n_fn.tolist() == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_corner_that_is_no_number_is_refused(bad: float) -> None:
    with pytest.raises(
        TableError, match=r"1 of 2 boxes have a corner that is null, NaN or infinite, the first is box 1"
    ):
        Boxes(np.zeros(2, np.int64), np.array([[0, 0, 1, 1], [0, 0, bad, 1]]))


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(TableError, match="detection 1 has the score NaN"):
        match_boxes(at(0, 1), np.array([0.5, np.nan]), at(0))


# A grid of few places and scores, so that ties, repeated boxes and boxes without area (side 0) are common.
sides = st.integers(0, 6)
box = st.tuples(sides, sides, sides, sides).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
rows = st.lists(st.tuples(st.integers(0, 3), box), max_size=14)
scored = st.lists(st.tuples(st.integers(0, 3), box, st.sampled_from([0.2, 0.5, 0.6, 0.9])), max_size=14)


@settings(max_examples=300, deadline=None)
@given(detections=scored, labels=rows, ignored=rows, iou_floor=st.sampled_from([0.0, 0.2, 0.5]))
def test_agrees_with_the_plain_way(detections, labels, ignored, iou_floor) -> None:
    scores = np.array([score for _, _, score in detections], np.float64)
    found = match_boxes(_boxes(detections), scores, _boxes(labels), _boxes(ignored), iou_floor=iou_floor)
    pairs, wrong = _plainly(detections, labels, ignored, iou_floor)
    assert dict(zip(found.detection.tolist(), found.label.tolist(), strict=True)) == pairs
    assert np.flatnonzero(found.is_false_positive).tolist() == wrong
    assert set(np.flatnonzero(~found.is_miss).tolist()) == set(pairs.values())


@settings(max_examples=50, deadline=None)
@given(detections=scored, labels=rows)
def test_the_order_of_the_frames_does_not_matter(detections, labels) -> None:
    scores = np.array([score for _, _, score in detections], np.float64)
    by_group = np.argsort([group for group, _, _ in detections], kind="stable")
    left, right = _boxes(detections), _boxes(labels)
    found, moved = match_boxes(left, scores, right), match_boxes(left[by_group], scores[by_group], right)
    assert _summary(found) == _summary(moved)


def test_a_box_overlaps_itself_wholly_and_a_box_without_area_nothing() -> None:
    assert overlapping(at(0), at(0), floor=0.0).iou.tolist() == [1.0]
    point = Boxes(np.array([0]), np.array([[5.0, 5.0, 5.0, 5.0]]))
    assert overlapping(point, at(0), floor=0.0).iou.tolist() == []
    assert overlapping(point, point, floor=0.0).iou.tolist() == []


def _summary(found: Matching) -> tuple[list[int], list[float], int]:
    return sorted(found.label.tolist()), sorted(found.iou.tolist()), int(found.is_false_positive.sum())


def _boxes(rows) -> Boxes:
    corners = np.array([row[1] for row in rows], np.float64).reshape(-1, 4)
    return Boxes(np.array([row[0] for row in rows], np.int64), corners)


def _plainly(detections, labels, ignored, iou_floor):
    """The definition in three loops: detections by score, labels, ignored boxes."""
    pairs, wrong = {}, []
    for i in sorted(range(len(detections)), key=lambda i: -detections[i][2]):
        group, mine, score = detections[i]
        if score < 0.5:
            continue
        best, best_iou = None, iou_floor
        for j, (label_group, theirs) in enumerate(labels):
            if label_group == group and j not in pairs.values() and _iou(mine, theirs) > best_iou:
                best, best_iou = j, _iou(mine, theirs)
        if best is not None:
            pairs[i] = best
        elif not any(g == group and _iou(mine, theirs) > 0.3 for g, theirs in ignored):
            wrong.append(i)
    return pairs, sorted(wrong)


def _iou(a, b) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
