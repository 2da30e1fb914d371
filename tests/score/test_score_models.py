"""Two models' detections: worked numbers, a loop over boxes, symmetry and bounds, and frames matched by their ids."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.errors import TableError
from oddloop.score import score_columns
from oddloop.score.boxes import (
    MODEL_MEASURES,
    compare_detections,
    difficulty_from_labels,
    make_detections,
    score_model_disagreement,
)
from oddloop.tables import DETECTION
from score.boxes_reference import FRAMES, Box, group, iou, random_frame

SIDES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
SQUARE, LOWER, FAR = (0.0, 0.0, 10.0, 10.0), (0.0, 0.0, 10.0, 8.0), (50.0, 0.0, 60.0, 10.0)


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


def compare(one, two, **how):
    """The measures of two frames' objects."""
    return compare_detections(detections([one]), detections([two]), **how).measures


def of_one_member(frame):
    return [box._replace(member=0) for box in frame]


def expected(one, two, across=True):
    """All measures by the words of the documentation, one object at a time."""
    rows = []
    for boxes in group([*of_one_member(one), *(b._replace(member=1) for b in two)], across=across):
        a, b = boxes[0], boxes[1] if len(boxes) == 2 else None
        if b is None:
            rows.append((a.score, a.score, 0.0, 0.0, 0.0))
            continue
        same, overlap = a.label == b.label, iou(a, b)
        js = jensenshannon([a.score, 1 - a.score], [b.score, 1 - b.score]) ** 2
        rows.append(
            (
                max(a.score, b.score) - same * overlap * min(a.score, b.score),
                0.0,
                1 - overlap,
                0.0 if same else (a.score + b.score) / 2,
                js,
            )
        )
    return (
        dict(zip(MODEL_MEASURES, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(MODEL_MEASURES, ())
    )


compare([Box(SQUARE, 0.5)], [Box(SQUARE, 0.5)])  # compiles at import: no property test pays for it


def test_worked_numbers():
    # GIVEN the same car with 0.9 and 0.6 and IoU 0.8, and a van of 0.5 that the first alone has
    one, two = [Box(SQUARE, 0.9), Box(FAR, 0.5, "van")], [Box(LOWER, 0.6)]
    found = compare(one, two)
    assert found["model_disagreement"] == pytest.approx([0.9 - 0.8 * 0.6, 0.5])
    assert found["model_disagreement_unmatched"] == pytest.approx([0.0, 0.5])
    assert found["model_disagreement_box"] == pytest.approx([0.2, 0.0])
    assert found["model_disagreement_class"].tolist() == [0.0, 0.0]
    # THEN 0.9 and 0.6 against their mean 0.75
    kl = [p * math.log(p / 0.75) + (1 - p) * math.log((1 - p) / 0.25) for p in (0.9, 0.6)]
    assert found["model_disagreement_score"] == pytest.approx([sum(kl) / 2, 0.0], rel=1e-6)


def test_another_class_in_the_same_place_is_no_agreement():
    found = compare([Box(SQUARE, 0.9)], [Box(SQUARE, 0.5, "van")])
    assert found["model_disagreement"] == pytest.approx([0.9])
    assert found["model_disagreement_class"] == pytest.approx([0.7])
    apart = compare([Box(SQUARE, 0.9)], [Box(SQUARE, 0.5, "van")], across_classes=False)
    assert apart["model_disagreement_unmatched"] == pytest.approx([0.9, 0.5])


@pytest.mark.parametrize("across", [True, False])
def test_agrees_with_a_loop_over_boxes(across):
    rng = np.random.default_rng(7)
    for i in range(200):
        draw = {"n_members": 1, "on_grid": bool(i % 2), "with_probs": False}
        one, two = random_frame(rng, **draw), random_frame(rng, **draw)
        found, wanted = compare(one, two, across_classes=across), expected(one, two, across)
        for name in MODEL_MEASURES:
            assert sorted(found[name]) == pytest.approx(sorted(wanted[name]), rel=1e-6, abs=1e-9), name


@given(FRAMES)
def test_a_model_agrees_with_itself(frame):
    frame = of_one_member(frame)
    found = compare(frame, frame, across_classes=False)
    for name in MODEL_MEASURES:
        assert found[name] == pytest.approx(0.0, abs=1e-12)


@given(FRAMES, FRAMES, st.randoms(use_true_random=False))
def test_neither_the_order_of_models_nor_of_boxes_matters(one, two, random):
    one, two = of_one_member(one), of_one_member(two)
    found = compare(one, two)
    swapped = compare(random.sample(two, len(two)), random.sample(one, len(one)))
    for name in MODEL_MEASURES:
        assert sorted(found[name]) == pytest.approx(sorted(swapped[name]), rel=1e-9, abs=1e-12)
        assert ((found[name] >= 0) & (found[name] <= 1)).all()
    assert (found["model_disagreement_score"] <= math.log(2)).all()


def test_of_an_ensemble_the_strongest_box_speaks():
    ensemble = [Box(SQUARE, 0.9), Box(LOWER, 0.2, member=1), Box(FAR, 0.4, member=2)]
    found = compare(ensemble, [Box(SQUARE, 0.9), Box(FAR, 0.4)])
    assert found["model_disagreement"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "bad",
    [
        Box((9.0, 0.0, 0.0, 9.0), 0.5),
        Box((math.nan,) * 4, 0.5),
        Box(SQUARE, math.nan),
        Box(SQUARE, 1.5),
        Box(SQUARE, 0.5, member=-1),
    ],
)
def test_a_bad_box_has_no_measure_and_spoils_no_other(bad):
    for one, two in (([Box(FAR, 0.5), bad], [Box(FAR, 0.5)]), ([Box(FAR, 0.5)], [Box(FAR, 0.5), bad])):
        found = compare(one, two)
        assert all(np.isnan(found[name]).tolist() == [False, True] for name in MODEL_MEASURES)


def test_models_need_the_same_frames():
    with pytest.raises(ValueError, match="two models need the same frames; got 1 and 2"):
        compare_detections(detections([[]]), detections([[], []]))


# Tables


def table(frames, **more):
    boxes = [None if f is None else [_row(b) for b in f] for f in frames.values()]
    ids = {"frame_id": pa.array(frames, pa.string()), "scene_id": pa.array(["s"] * len(frames), pa.string())}
    return pa.table({**ids, **more, "boxes": pa.array(boxes, DETECTION.column("boxes").type)})


def _row(box):
    return {**dict(zip(SIDES, box.sides, strict=True)), "score": box.score, "label": box.label, "member": box.member}


CAR, VAN = Box(SQUARE, 0.75), Box(FAR, 0.5, "van")


def score(one, two, **settings):
    return score_model_disagreement(one, two, ScoreConfig(**settings))


def test_frames_are_matched_by_id():
    one = table({"a": [CAR], "b": [CAR], "c": [], "d": [CAR], "e": None, "f": [CAR]})
    two = table({"f": None, "d": [CAR, VAN], "c": [], "a": [], "z": [VAN], "e": [CAR]})
    found = score(one, two, reductions=("sum",))
    assert found["frame_id"].to_pylist() == list("abcdef")
    # a: the car is the first's alone; b: the second has no such frame; c: nothing; d: the van is the second's alone
    assert found["detection_model_disagreement_sum"].to_pylist() == [0.75, None, 0.0, 0.5, None, None]
    assert found["detection_model_disagreement_sum_valid"].to_pylist() == [True, False, True, True, False, False]
    assert found["n_objects"].to_pylist() == [1, None, 0, 2, None, None]
    names = [f"detection_{name}_sum" for name in MODEL_MEASURES]
    assert score_columns(found) == names


def test_settings_of_detections_hold():
    one, two = table({"a": [CAR, VAN]}), table({"a": [CAR._replace(label="van"), VAN._replace(sides=LOWER)]})
    how = {"reductions": ("sum",), "labels": ("car",)}
    assert score(one, two, **how)["detection_model_disagreement_class_sum"].to_pylist() == [0.75]
    apart = DetectionConfig(group_across_classes=False)
    found = score(one, two, **how, detection=apart)
    assert found["detection_model_disagreement_unmatched_sum"].to_pylist() == [0.75]
    assert found["n_objects"].to_pylist() == [4]


def test_no_frames():
    empty = score(table({}), table({}))
    assert empty.schema.equals(score(table({"a": [CAR]}), table({"a": []})).schema)
    assert score(table({"a": [CAR]}), table({}))["detection_model_disagreement_max"].to_pylist() == [None]


def test_many_blocks_give_what_one_gives(monkeypatch):
    one = table({str(i): [CAR, VAN][: i % 3] for i in range(20)})
    two = table({str(i): [CAR, VAN][: i % 2] for i in range(19, 2, -1)})
    whole = score(one, two)
    monkeypatch.setattr("oddloop.score.boxes.frames._BLOCK", 3)
    assert score(one, two).equals(whole)


def test_a_frame_that_none_looked_at_is_not_valid():
    found = score(table({"a": [CAR], "b": []}), table({"a": [CAR], "b": []}, n_members=[1, 0]))
    assert found["detection_model_disagreement_max"].to_pylist() == [0.0, None]


def test_a_frame_twice_is_refused():
    two = pa.concat_tables([table({"a": [CAR]})] * 2)
    with pytest.raises(TableError, match="a frame_id of the second model has two rows; run `oddloop check`"):
        score(table({"a": [CAR]}), two)


def objects(rows):
    names = ("frame_id", "category", *SIDES)
    return pa.Table.from_pylist([dict(zip(names, (f, c, *s), strict=True)) for f, c, s in rows])


def test_difficulty_of_labelled_frames():
    # GIVEN two cars, found with IoU 1 and 0.8, one missed; a van that was found as a car; a frame that was not run
    labels = objects(
        [("a", "car", SQUARE), ("b", "car", SQUARE), ("b", "car", FAR), ("c", "van", FAR), ("d", "car", FAR)]
    )
    found = table({"c": [VAN._replace(label="car")], "b": [Box(LOWER, 0.5)], "a": [CAR], "d": None})
    quality = 0.75**0.6, 0.5**0.6 * 0.8**0.4, 0.0
    assert difficulty_from_labels(labels, found) == pytest.approx({"car": 1 - sum(quality) / 3, "van": 1.0})
    # the overlap of 0.8 no longer counts
    strict = difficulty_from_labels(labels, found, iou_floor=0.9)
    assert strict["car"] == pytest.approx(1 - quality[0] / 3)


def test_the_surer_detection_takes_the_object():
    labels = objects([("a", "car", SQUARE)])
    found = table({"a": [Box(SQUARE, 0.2), Box(LOWER, 0.9)]})
    assert difficulty_from_labels(labels, found, xi=1.0) == pytest.approx({"car": 0.1})
    beside = objects([("a", "car", SQUARE), ("a", "car", (0.0, 0.0, 10.0, 9.0))])
    # 0.9 overlaps the second more, so 0.2 finds the first
    assert difficulty_from_labels(beside, found, xi=1.0) == pytest.approx({"car": 1 - (0.9 + 0.2) / 2})


def test_an_object_without_area_and_a_frame_twice_are_refused():
    found = table({"a": [CAR]})
    flat = objects([("a", "car", SQUARE), ("a", "car", (5.0, 0.0, 5.0, 9.0))])
    with pytest.raises(TableError, match=r"1 objects have no area, the first in frame `a`: \[5\.0, 0\.0, 5\.0, 9\.0\]"):
        difficulty_from_labels(flat, found)
    with pytest.raises(TableError, match="a frame_id has two rows"):
        difficulty_from_labels(objects([("a", "car", SQUARE)]), pa.concat_tables([found, found]))
    assert difficulty_from_labels(objects([("z", "car", SQUARE)]), found) == {}
