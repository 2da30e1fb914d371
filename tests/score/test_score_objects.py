"""Measures of objects: worked numbers, a loop over boxes, bounds, and what adding members changes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy

from oddloop.score.boxes import OBJECT_MEASURES, group_boxes, make_detections, measure_objects
from score.boxes_reference import FRAMES, Box, group, measure, random_frame

LN2 = math.log(2)
DISAGREEMENTS = [name for name in OBJECT_MEASURES if "_" in name and name != "least_confidence"]
SQUARE, LOWER = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 8.0)


def measures_of(frame, n_members=None, *, as_score_only=False, **how):
    """Measures of a frame's objects, sorted by value, so that two ways can be compared."""
    with_probs = bool(frame) and frame[0].probs is not None and not as_score_only
    found = make_detections(
        np.array([b.sides for b in frame], np.float32).reshape(-1, 4),
        np.array([b.score for b in frame], np.float32),
        [0, len(frame)],
        labels=[b.label for b in frame],
        members=np.array([b.member for b in frame], np.int64),
        n_members=n_members,
        probs=np.array([b.probs for b in frame], np.float32) if with_probs else None,
    )
    return measure_objects(found, group_boxes(found, **how))


def only(frame, n_members=None, **how):
    """The measures of the only object of a frame."""
    return {name: float(value) for name, (value,) in measures_of(frame, n_members, **how).items()}


measures_of([Box(SQUARE, 0.5), Box(LOWER, 0.5, member=1)])  # compiles at import: no property test pays for it
measures_of([Box(SQUARE, 0.5, "car", m, (0.5, 0.5)) for m in (0, 1)])


def test_worked_numbers_of_scores():
    # GIVEN a car of 0.9 and a van of 0.5 in boxes of IoU 0.8, which two of four members found
    found = only([Box(SQUARE, 0.9), Box(LOWER, 0.5, "van", 1)], n_members=4)
    # THEN q is car 0.45, van 0.25, neither (0.1 + 0.5) / 2 = 0.3
    q = [0.45, 0.25, 0.3]
    assert found["entropy"] == pytest.approx(entropy(q), rel=1e-6)
    assert found["least_confidence"] == pytest.approx(0.55, rel=1e-6)
    assert found["margin"] == pytest.approx(1 - 0.15, rel=1e-6)
    # BALD: the mean of KL(p_i | q)
    kl = entropy([0.9, 0, 0.1], q), entropy([0, 0.5, 0.5], q)
    assert found["class_disagreement"] == pytest.approx(sum(kl) / 2, rel=1e-6)
    # two draws with replacement meet the other box half of the time
    assert found["box_disagreement"] == pytest.approx(0.2 / 2)
    # the lower side is 10 or 8, 1 off their mean 9, which is the height: sqrt((1/9)² / 4)
    assert found["box_spread"] == pytest.approx(1 / 18)
    assert found["existence_disagreement"] == pytest.approx(LN2)


def test_worked_numbers_of_probs():
    # GIVEN two members of three that are sure of another class, in one box
    sure = [Box(SQUARE, 0.9, "car", m, tuple(np.eye(3)[m])) for m in (0, 2)]
    found = only(sure, n_members=3)
    assert found["entropy"] == found["class_disagreement"] == pytest.approx(LN2)
    assert found["margin"] == pytest.approx(1.0)
    assert (found["box_disagreement"], found["box_spread"]) == (0.0, 0.0)
    assert found["existence_disagreement"] == pytest.approx(entropy([1 / 3, 2 / 3]))


def test_members_that_agree_on_an_open_question_do_not_disagree():
    found = only([Box(SQUARE, 0.5, "car", m, (0.5, 0.5)) for m in range(3)])
    assert found["entropy"] == pytest.approx(LN2)
    assert {found[name] for name in DISAGREEMENTS} == {0.0}


def test_one_member_gives_zero_with_or_without_sides():
    for sides in (SQUARE, (math.nan,) * 4):
        found = only([Box(sides, 0.5)])
        assert found["entropy"] == pytest.approx(LN2)
        assert {found[name] for name in DISAGREEMENTS} == {0.0}


def test_classes_kept_apart_are_doubtful_in_existence_instead():
    """Which is why they meet by default."""
    frame = [Box(SQUARE, 0.9), Box(SQUARE, 0.9, "van", 1)]
    apart = measures_of(frame, across_classes=False)
    assert apart["class_disagreement"].tolist() == [0.0, 0.0]
    assert apart["existence_disagreement"] == pytest.approx([LN2, LN2])
    met = only(frame)
    assert met["class_disagreement"] > 0.5
    assert met["existence_disagreement"] == 0.0


@pytest.mark.parametrize("across", [True, False])
@pytest.mark.parametrize("with_probs", [True, False])
def test_agrees_with_a_loop_over_boxes(with_probs, across):
    rng = np.random.default_rng(3)
    for i in range(200):
        n_members = 1 + i % 5
        frame = random_frame(rng, n_members=n_members, on_grid=bool(i % 2), with_probs=with_probs)
        found = measures_of(frame, n_members, across_classes=across)
        expected = [measure(boxes, n_members) for boxes in group(frame, across=across)]
        for name in OBJECT_MEASURES:
            values = sorted(e[name] for e in expected)
            # A spread of equal sides is 1e-7, not 0, in the loop of rounded means.
            assert sorted(found[name]) == pytest.approx(values, rel=1e-6, abs=1e-6 if "spread" in name else 1e-12), name


@given(FRAMES)
def test_bounds(frame):
    found = measures_of(frame, n_members=4)
    k = np.array([len(boxes) for boxes in group(frame)])
    n_boxes = np.sort(k)[::-1].max(initial=1)
    assert all((found[name] >= 0).all() for name in OBJECT_MEASURES)
    assert (found["class_disagreement"] <= found["entropy"]).all()
    assert (found["class_disagreement"] <= math.log(n_boxes) + 1e-12).all()
    assert (found["box_disagreement"] <= 1 - 1 / n_boxes + 1e-12).all()
    assert (found["existence_disagreement"] <= LN2).all()
    assert np.isfinite([found[name] for name in OBJECT_MEASURES]).all()


@given(FRAMES, st.randoms(use_true_random=False), st.permutations(range(4)))
def test_neither_the_order_of_boxes_nor_of_members_matters(frame, random, numbers):
    renamed = [box._replace(member=numbers[box.member]) for box in random.sample(frame, len(frame))]
    one, two = measures_of(frame, n_members=4), measures_of(renamed, n_members=4)
    for name in OBJECT_MEASURES:
        assert sorted(one[name]) == pytest.approx(sorted(two[name]), rel=1e-9, abs=1e-12)


@given(st.lists(st.sampled_from([0.0, 20.0, 40.0]), unique=True), st.data())
def test_counting_every_member_twice_changes_nothing(things, data):
    """Things stand apart, so that the groups are plain; members see each of them somewhat differently, or not."""
    frame = []
    for thing in things:
        for member in data.draw(st.sets(st.integers(0, 2), min_size=1)):
            shift, score = data.draw(st.integers(0, 2)), data.draw(st.floats(0, 1, width=32))
            sides = (thing + shift, 0.0, thing + shift + 10, 10.0)
            frame.append(Box(sides, score, data.draw(st.sampled_from(["car", "van"])), member))
    twice = frame + [box._replace(member=box.member + 3) for box in frame]
    one, two = measures_of(frame, n_members=3), measures_of(twice, n_members=6)
    for name in OBJECT_MEASURES:
        assert sorted(two[name]) == pytest.approx(sorted(one[name]), rel=1e-6, abs=1e-7)


@given(st.floats(0, 1, width=32), st.integers(2, 6))
def test_an_ensemble_of_equals_is_its_one_member(score, n_members):
    one = only([Box(SQUARE, score)])
    many = only([Box(SQUARE, score, member=m) for m in range(n_members)])
    assert many == pytest.approx(one, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "bad",
    [
        # sides: not a number, turned round, without area, not finite
        *(Box(sides, 0.5) for sides in ((math.nan, 0.0, 9.0, 9.0), (9.0, 0.0, 0.0, 9.0), (0.0, 0.0, 0.0, 9.0))),
        Box((0.0, 0.0, math.inf, 9.0), 0.5),
        # no score; no member
        Box(SQUARE, 1.5),
        Box(SQUARE, math.nan),
        Box(SQUARE, 0.5, member=-1),
        Box(SQUARE, 0.5, member=3),
    ],
)
def test_a_bad_box_has_no_measure_and_spoils_no_other(bad):
    good = [Box(SQUARE, 0.5), Box(LOWER, 0.5, member=1)]
    found = measures_of([*good, bad], n_members=3)
    assert all(np.isnan(found[name]).tolist() == [False, True] for name in OBJECT_MEASURES)
    alone = measures_of([bad], n_members=1)
    assert all(np.isnan(alone[name]).all() for name in DISAGREEMENTS)


def test_every_member_counts_alike_whatever_rounding_left_of_its_sum():
    sums = [Box(SQUARE, 0.5, "car", 0, (0.8 * 1.0008, 0.2 * 1.0008)), Box(SQUARE, 0.5, "car", 1, (0.1, 0.9))]
    assert only(sums)["margin"] == pytest.approx(1 - (0.55 - 0.45), rel=1e-6)


def test_classes_that_do_not_match_have_no_mean():
    # sums of 1.2 and of 0.8 have the mean 1, and are no distributions all the same
    off = [Box(SQUARE, 0.5, "car", m, p) for m, p in enumerate([(0.6, 0.6), (0.4, 0.4)])]
    assert np.isnan(measures_of(off)["entropy"]).all()
    assert np.isnan(measures_of(off)["class_disagreement"]).all()


def test_unknown_measures_are_refused():
    found = make_detections([SQUARE], [0.5], [0, 1])
    with pytest.raises(ValueError, match="no such measure: colour; there are: entropy, "):
        measure_objects(found, group_boxes(found), ["entropy", "colour"])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_width_of_floats(dtype):
    corners, scores = np.array([SQUARE, LOWER], dtype), np.array([0.75, 0.5], dtype)
    probs = np.array([[0.75, 0.25], [0.5, 0.5]], dtype)
    found = make_detections(corners, scores, [0, 2], members=[0, 1], probs=probs)
    assert measure_objects(found, group_boxes(found))["margin"] == pytest.approx([0.75])
