"""Which boxes are one object: against a loop over boxes, also where scores and overlaps are equal; in any order."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.score.boxes import box_iou, group_boxes, make_detections
from score.boxes_reference import BOXES, FRAMES, Box, group, random_frame

SETTINGS = [(0.5, True), (0.5, False), (0.7, True), (0.7, False)]


def detections(frames, **more):
    boxes = [box for frame in frames for box in frame]
    return make_detections(
        np.array([b.sides for b in boxes], np.float32).reshape(-1, 4),
        np.array([b.score for b in boxes], np.float32),
        np.cumsum([0, *map(len, frames)]),
        labels=[b.label for b in boxes],
        members=np.array([b.member for b in boxes], np.int64),
        **more,
    )


def objects(frames, floor=0.5, across=True):
    """The objects of each frame as lists of boxes."""
    boxes = [box for frame in frames for box in frame]
    groups = group_boxes(detections(frames), iou_floor=floor, across_classes=across)
    found = [[boxes[i] for i in part] for part in np.split(groups.order, groups.bounds[1:-1])] if boxes else []
    return [found[a:b] for a, b in zip(groups.frames[:-1], groups.frames[1:], strict=True)]


def as_sets(objects):
    """Objects with their strongest box apart, in a fixed order."""
    return sorted((boxes[0], sorted(boxes, key=str)) for boxes in objects)


objects([[Box((0.0, 0.0, 1.0, 1.0), 0.5)] * 2])  # compiles at import: no property test pays for it


@pytest.mark.parametrize(("floor", "across"), SETTINGS)
@pytest.mark.parametrize("on_grid", [False, True], ids=["floats", "ties"])
def test_agrees_with_a_loop_over_boxes(floor, across, on_grid):
    rng = np.random.default_rng(1)
    frames = [random_frame(rng, n_members=1 + i % 5, on_grid=on_grid, with_probs=False) for i in range(200)]
    found = objects(frames, floor, across)
    for frame, ours in zip(frames, found, strict=True):
        assert as_sets(ours) == as_sets(group(frame, floor, across))
    assert max(len(boxes) for ours in found for boxes in ours) >= 3


def test_a_large_frame():
    rng = np.random.default_rng(2)
    frame = [box for _ in range(60) for box in random_frame(rng, n_members=5, on_grid=True, with_probs=False)]
    assert as_sets(objects([frame])[0]) == as_sets(group(frame))


CAR, VAN = Box((0.0, 0.0, 10.0, 10.0), 0.9), Box((0.0, 0.0, 10.0, 8.0), 0.6, "van", 1)


@pytest.mark.parametrize(
    ("frame", "floor", "across", "expected"),
    [
        # nothing, and one
        ([], 0.5, True, []),
        ([CAR], 0.5, True, [[CAR]]),
        # two members, IoU 0.8: one object, the surer box first; two where classes are kept apart, or more is asked
        ([VAN, CAR], 0.5, True, [[CAR, VAN]]),
        ([VAN, CAR], 0.5, False, [[CAR], [VAN]]),
        ([VAN, CAR], 0.8, True, [[CAR, VAN]]),
        ([VAN, CAR], 0.81, True, [[CAR], [VAN]]),
        # one member never has two boxes in an object
        ([CAR, VAN._replace(member=0)], 0.5, True, [[CAR], [VAN._replace(member=0)]]),
        # of two boxes of a member the same class comes first, though it overlaps less
        (
            [CAR, VAN, VAN._replace(label="car", sides=(0.0, 0.0, 10.0, 6.0))],
            0.5,
            True,
            [[CAR, VAN._replace(label="car", sides=(0.0, 0.0, 10.0, 6.0))], [VAN]],
        ),
        # then the larger overlap, though it is less sure
        (
            [CAR, VAN._replace(score=0.1), VAN._replace(sides=(0.0, 0.0, 10.0, 7.0))],
            0.5,
            True,
            [[CAR, VAN._replace(score=0.1)], [VAN._replace(sides=(0.0, 0.0, 10.0, 7.0))]],
        ),
        # overlap is with the strongest box, not with any: 0-10, 4-14 (3/7), 2-12 (2/3 with both)
        (
            [
                Box((2.0, 0.0, 12.0, 1.0), 0.9),
                Box((0.0, 0.0, 10.0, 1.0), 0.5, member=1),
                Box((4.0, 0.0, 14.0, 1.0), 0.4, member=2),
            ],
            0.6,
            True,
            [
                [
                    Box((2.0, 0.0, 12.0, 1.0), 0.9),
                    Box((0.0, 0.0, 10.0, 1.0), 0.5, member=1),
                    Box((4.0, 0.0, 14.0, 1.0), 0.4, member=2),
                ]
            ],
        ),
    ],
)
def test_worked_cases(frame, floor, across, expected):
    assert objects([frame], floor, across) == [expected]


@given(st.lists(FRAMES, min_size=1, max_size=3), st.randoms(use_true_random=False), st.sampled_from(SETTINGS))
def test_neither_the_order_of_boxes_nor_of_frames_matters(frames, random, how):
    shuffled = [random.sample(frame, len(frame)) for frame in frames]
    expected = [as_sets(found) for found in objects(frames, *how)]
    assert [as_sets(found) for found in objects(shuffled, *how)] == expected
    assert [as_sets(found) for found in objects(frames[::-1], *how)] == expected[::-1]


@given(FRAMES, st.permutations(range(4)))
def test_the_numbers_of_the_members_do_not_matter(frame, numbers):
    renamed = [box._replace(member=numbers[box.member]) for box in frame]
    unnamed = [sorted((b._replace(member=0) for b in boxes), key=str) for boxes in objects([frame])[0]]
    assert sorted(unnamed) == sorted(
        sorted((b._replace(member=0) for b in boxes), key=str) for boxes in objects([renamed])[0]
    )


@given(FRAMES, st.sampled_from(SETTINGS))
@settings(max_examples=200)
def test_every_box_is_in_one_object_and_every_member_at_most_once(frame, how):
    (found,) = objects([frame], *how)
    assert sorted(box for boxes in found for box in boxes) == sorted(frame)
    for boxes in found:
        assert len({box.member for box in boxes}) == len(boxes)
        assert boxes[0].score == max(box.score for box in boxes)


BAD = [
    (float("nan"), 0.0, 9.0, 9.0),
    (9.0, 0.0, 0.0, 9.0),
    (0.0, 0.0, 0.0, 9.0),
    (0.0, 0.0, float("inf"), 9.0),
    (float("nan"),) * 4,
]


@pytest.mark.parametrize("sides", BAD)
def test_a_box_that_is_not_whole_stands_alone_at_the_end(sides):
    bad = CAR._replace(sides=sides, member=2, score=1.0)
    (found,) = objects([[bad, CAR, VAN]])
    assert [len(boxes) for boxes in found] == [2, 1]
    assert found[1][0].member == 2


@pytest.mark.parametrize("change", [{"score": 1.5}, {"score": float("nan")}, {"member": -1}])
def test_so_does_one_of_no_score_or_no_member(change):
    assert [len(boxes) for boxes in objects([[CAR._replace(**change), VAN, CAR._replace(member=2)]])[0]] == [2, 1]


def test_boxes_of_one_member_keep_their_order():
    frame = [CAR._replace(score=s) for s in (0.2, 0.9, 0.5)]
    assert objects([frame]) == [[[box] for box in frame]]


def test_huge_and_tiny_boxes():
    huge = [Box((-1e38, -1e38, 1e38, 1e38), 0.5), Box((-1e38, -1e38, 1e38, 1e38), 0.4, member=1)]
    tiny = [Box((0.0, 0.0, 1e-38, 1e-38), 0.5), Box((0.0, 0.0, 1e-38, 1e-38), 0.4, member=1)]
    assert objects([huge, tiny]) == [[huge], [tiny]]


def cells(box):
    return {(x, y) for x in range(int(box[0]), int(box[2])) for y in range(int(box[1]), int(box[3]))}


@given(BOXES, BOXES)
def test_iou_counts_cells(a, b):
    one, two = cells(a.sides), cells(b.sides)
    found = box_iou(a.sides, b.sides)
    assert found == pytest.approx(len(one & two) / len(one | two), rel=1e-12)
    assert box_iou(b.sides, a.sides) == found
    assert box_iou(a.sides, a.sides) == 1.0


def test_iou_broadcasts_and_is_nan_where_there_is_no_area():
    boxes = np.array([CAR.sides, VAN.sides, *BAD], np.float32)
    found = box_iou(boxes[:, None], boxes)
    assert found.shape == (7, 7)
    assert found[:2, :2].tolist() == [[1.0, 0.8], [0.8, 1.0]]
    assert np.isnan(found[2:]).all()
    assert np.isnan(found[:, 2:]).all()
    with pytest.raises(ValueError, match=r"a last axis of 4 sides; got \(3,\)"):
        box_iou([0.0, 0.0, 1.0], CAR.sides)


GOOD = {"corners": np.zeros((2, 4)), "scores": np.zeros(2), "offsets": [0, 2]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corners": np.zeros((2, 3))}, r"corners must have shape \(N, 4\); got \(2, 3\)"),
        ({"corners": np.zeros((2, 4), int)}, "must be float16, float32 or float64"),
        ({"scores": np.zeros(3)}, r"of 2 boxes, these have another shape: scores \(3,\)"),
        ({"offsets": [0, 3]}, "offsets must rise from 0 to 2, the number of boxes"),
        ({"offsets": [0.0, 2.0]}, "offsets must be integers on one axis; got float64"),
        ({"members": [0]}, r"these have another shape: members \(1,\)"),
        ({"members": [0.0, 1.0]}, "members must be integers"),
        ({"labels": ["car"]}, r"these have another shape: labels \(1,\)"),
        ({"probs": np.zeros((3, 2))}, r"probs must have shape \(2, K\); got \(3, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make_detections(**{**GOOD, **change})


def test_an_impossible_floor_is_refused():
    with pytest.raises(ValueError, match="iou_floor must be above 0 and at most 1; got 0"):
        group_boxes(make_detections(**GOOD), iou_floor=0)


def test_the_callers_arrays_stay_as_they_were():
    corners, scores = np.array([CAR.sides, VAN.sides], np.float32), np.array([0.9, 0.6], np.float32)
    members = np.array([0, 1])
    before = [x.copy() for x in (corners, scores, members)]
    group_boxes(make_detections(corners, scores, [0, 2], members=members))
    for array, old in zip((corners, scores, members), before, strict=True):
        assert array.flags.writeable
        assert np.array_equal(array, old)
