"""Frame scores of ensembles: `score_detection` against a loop over frames, and what labels and counts change."""

import math

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.errors import TableError
from oddloop.score import score_columns
from oddloop.score.boxes import OBJECT_MEASURES, class_weight
from oddloop.score.boxes.frames import frame_blocks
from oddloop.score.detection import score_detection
from oddloop.tables import DETECTION
from score.boxes_reference import group, measure, random_frame

LN2 = math.log(2)
SIDES = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
SQUARE, LOWER, FAR = (0, 0, 20, 20), (0, 0, 20, 16), (100, 0, 140, 40)


def box(sides=SQUARE, score=0.5, label="car", member=None, **more):
    return {**dict(zip(SIDES, sides, strict=True)), "score": score, "label": label, "member": member, **more}


def batch_of(frames, n_members=None):
    ids = {"frame_id": [f"f{i}" for i in range(len(frames))], "scene_id": ["s"] * len(frames)}
    counts = {} if n_members is None else {"n_members": pa.array(n_members, pa.int64())}
    return pa.table({**ids, **counts, "boxes": pa.array(frames, DETECTION.column("boxes").type)})


def score(frames, n_members=None, measures=OBJECT_MEASURES, labels=(), **settings):
    config = ScoreConfig(labels=labels, detection=DetectionConfig(measures=measures, **settings))
    return score_detection(batch_of(frames, n_members), config)


@pytest.mark.parametrize("with_probs", [True, False])
def test_agrees_with_a_loop_over_frames(with_probs):
    rng = np.random.default_rng(4)
    frames = [random_frame(rng, n_members=4, on_grid=False, with_probs=with_probs) for _ in range(100)]
    rows = [[box(b.sides, b.score, b.label, b.member, probs=b.probs) for b in frame] for frame in frames]
    found = score(rows, n_members=[4] * len(rows))
    for i, frame in enumerate(frames):
        objects = [measure(boxes, 4) for boxes in group(frame)]
        assert found["n_objects"][i].as_py() == len(objects)
        for name in OBJECT_MEASURES:
            values = sorted((o[name] for o in objects), reverse=True)
            top = values[:5]
            for how, expected in {
                "max": max(values, default=0.0),
                "sum": sum(values),
                "mean": sum(values) / max(len(values), 1),
                "topk": sum(top) / max(len(top), 1),
            }.items():
                assert found[f"detection_{name}_{how}"][i].as_py() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_nothing_found_is_zero_and_valid_but_not_run_is_not():
    found = score([[], None, []], n_members=[5, 5, 0], class_difficulty={"car": 0.5})
    names = score_columns(found)
    assert len(names) == len(OBJECT_MEASURES) * 5
    for name in names:
        assert found[name].to_pylist() == [0.0, None, None]
        assert found[f"{name}_valid"].to_pylist() == [True, False, False]
    assert found["n_objects"].to_pylist() == [0, None, None]


def test_an_object_counts_once_however_many_members_found_it():
    frames = [[box(member=m, score=0.5) for m in range(5)], [box(score=0.5)]]
    found = score(frames)
    assert found["n_objects"].to_pylist() == [1, 1]
    assert found["detection_entropy_sum"].to_pylist() == pytest.approx([LN2, LN2])


@pytest.mark.parametrize(
    ("n_members", "expected"),
    [
        # not given, or null: as many as the largest number says
        (None, 0.0),
        ([None], 0.0),
        # two more looked and found nothing: H(2/4)
        ([4], LN2),
        # fewer than there are boxes of
        ([1], None),
        ([0], None),
        ([-3], None),
    ],
)
def test_members_that_found_nothing_count(n_members, expected):
    found = score([[box(member=0), box(member=1)]], n_members)
    assert found["detection_existence_disagreement_max"].to_pylist() == [pytest.approx(expected)]


def test_labels_are_those_of_the_strongest_box():
    # a van of 0.6 that one member takes for a car, and a sign
    frame = [box(label="van", score=0.6, member=0), box(label="car", member=1), box(FAR, label="sign", member=0)]
    found = score([frame], labels=("van",))
    assert found["n_objects"].to_pylist() == [2]
    assert found["detection_class_disagreement_sum"][0].as_py() > 0.3
    assert found["detection_existence_disagreement_sum"].to_pylist() == [0.0]
    assert score([frame], labels=("car",))["detection_class_disagreement_sum"].to_pylist() == [0.0]


def test_a_bad_box_spoils_its_frame_unless_its_label_is_not_scored():
    good = [box(member=0), box(LOWER, member=1)]
    frames = [good, [*good, box((9, 0, 0, 9), member=1)], [*good, box((9, 0, 0, 9), label="sign", member=1)], good]
    found = score(frames, labels=("car",))
    for name in score_columns(found):
        assert found[f"{name}_valid"].to_pylist() == [True, False, True, True]
    assert found["n_objects"].to_pylist() == [1, 2, 2, 1]


def test_a_null_box_spoils_its_frame():
    found = score([[None, box(member=1)], [box(member=1), box()]])
    assert found["detection_entropy_max_valid"].to_pylist() == [False, True]


def test_a_single_model_keeps_its_scores_to_the_last_bit():
    """Whether or not its boxes share a batch with those of an ensemble."""
    rng = np.random.default_rng(5)
    frames = [[box(score=float(s)) for s in rng.random(n)] for n in rng.integers(0, 20, 50)]
    ensemble = [box(member=0), box(member=1)]
    plain = score(frames, measures=("entropy", "least_confidence", "margin"))
    assert score([*frames, ensemble], measures=("entropy", "least_confidence", "margin")).slice(0, 50).equals(plain)
    without_sides = [[{**b, **dict.fromkeys(SIDES)} for b in frame] for frame in frames]
    assert score(without_sides)["detection_entropy_sum"].equals(plain["detection_entropy_sum"])


def test_settings_choose_the_columns():
    found = score([[box()]], measures=("box_spread", "entropy"))
    assert [n.rsplit("_", 1)[0] for n in score_columns(found)[::4]] == ["detection_box_spread", "detection_entropy"]
    apart = score([[box(member=0), box(label="van", member=1)]], group_across_classes=False)
    assert apart["n_objects"].to_pylist() == [2]
    assert score([[box(member=0), box(LOWER, member=1)]], group_iou=0.9)["n_objects"].to_pylist() == [2]


def test_logits_stand_in_for_probs():
    logits, probs = [[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]], [0.25, 0.25, 0.5]
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = [[box(logits=logits[0])], [box(logits=logits[1], member=1)], [box(logits=logits[0], probs=probs)], [box()]]
    found = score(rows)
    expected = score([[box(probs=p)] for p in (*softmax.tolist(), probs)] + [[box()]])
    for name in ("entropy", "margin"):
        column = f"detection_{name}_sum"
        assert found[column].to_pylist() == pytest.approx(expected[column].to_pylist(), rel=1e-6)
    bad = score([[box(logits=x)] for x in ([math.nan, 0.0], [math.inf, 0.0], [], [-math.inf, 0.0])])
    assert bad["detection_entropy_max_valid"].to_pylist() == [False, False, False, True]


def test_the_weighted_sum():
    # GIVEN a car (difficulty 0), a cyclist (unknown: 1), and cars too small, too long and too unsure to count
    frame = [
        box(FAR),
        box(FAR, label="cyclist"),
        box((0, 0, 16, 16)),
        box((0, 0, 100, 20)),
        box(FAR, score=0.04),
    ]
    found = score([frame], class_difficulty={"car": 0.0}, measures=("entropy",))
    # THEN 1 x ln 2 + 1.2 x ln 2
    assert found["detection_entropy_weighted_sum"].to_pylist() == pytest.approx([2.2 * LN2])
    every = {"weighted_min_size_px": 0.0, "weighted_max_aspect": 6.0, "weighted_min_score": 0.0}
    found = score([frame], class_difficulty={"car": 0.0}, measures=("least_confidence",), **every)
    assert found["detection_least_confidence_weighted_sum"].to_pylist() == pytest.approx([1.5 + 0.04 + 0.6])


def test_an_ensembles_object_is_weighed_by_its_strongest_box():
    frame = [box(score=0.9, member=0), box(score=0.5, label="van", member=1)]
    found = score([frame], class_difficulty={"car": 0.25, "van": 1.0}, measures=("existence_disagreement", "entropy"))
    weight = class_weight(0.25)
    plain = found["detection_entropy_sum"][0].as_py()
    assert found["detection_entropy_weighted_sum"].to_pylist() == pytest.approx([weight * plain])


@pytest.mark.parametrize("field", ["member", "logits", "label", "x_min_px", "probs"])
def test_a_field_of_the_wrong_type_is_named(field):
    row = box(FAR)
    row[field] = "high" if field != "label" else 3
    boxes = pa.array([[row], [{**box(), field: row[field], "member": 1 if field != "member" else "x"}]])
    batch = pa.table({"frame_id": ["f", "g"], "scene_id": ["s", "s"], "boxes": boxes})
    config = ScoreConfig(detection=DetectionConfig(measures=OBJECT_MEASURES))
    with pytest.raises(TableError, match=rf"`{field}` of a box must .*; run `oddloop check`"):
        score_detection(batch, config)


def test_a_missing_label_and_a_wrong_count_are_named():
    batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": pa.array([[{"score": 0.5, "member": 1}]])})
    with pytest.raises(TableError, match="with a field `label`; got struct<score: double, member: int64>"):
        score_detection(batch, ScoreConfig())
    counted = batch_of([[box()]]).append_column("n_members", [[1.5]])
    with pytest.raises(TableError, match="`n_members` must be an integer; got double; run `oddloop check`"):
        score_detection(counted, ScoreConfig())


def test_whole_numbers_may_stand_for_sides():
    """As Python writes them; float32 holds every pixel."""
    boxes = pa.array([[{**box(), "member": 0}, {**box(LOWER), "member": 1}]])
    assert boxes.type.value_type.field("x_min_px").type == pa.int64()
    batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": boxes})
    config = ScoreConfig(detection=DetectionConfig(measures=("box_disagreement",)))
    assert score_detection(batch, config)["detection_box_disagreement_max"].to_pylist() == pytest.approx([0.1])


def test_blocks_hold_whole_frames_and_all_of_them():
    offsets = np.cumsum([0, *np.random.default_rng(6).integers(0, 200_000, 40), 600_000, 0, 0])
    blocks = list(frame_blocks(offsets))
    assert [blocks[0][0], *[stop for _, stop in blocks]] == [start for start, _ in blocks] + [len(offsets) - 1]
    assert all(offsets[b] - offsets[a] <= 250_000 or b - a == 1 for a, b in blocks)
    assert list(frame_blocks(np.zeros(1, np.int64))) == [(0, 0)]


def test_many_blocks_give_what_one_gives(monkeypatch):
    frames = [[box(member=m, score=0.1 * m) for m in range(i % 4)] for i in range(30)]
    n_members = [None if i % 3 else 4 for i in range(30)]
    one = score(frames, n_members, class_difficulty={"car": 0.5})
    monkeypatch.setattr("oddloop.score.boxes.frames._BLOCK", 7)
    assert score(frames, n_members, class_difficulty={"car": 0.5}).equals(one)
