"""Frame scores from boxes: worked numbers, an SQL oracle, labels, rows of both kinds."""

import math

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.detection import score_detection
from oddloop.tables import DETECTION

LN2 = math.log(2)
BOXES = DETECTION.column("boxes").type


def box(score, label="car", probs=None):
    return {"score": score, "label": label, "probs": probs}


def batch_of(frames):
    names = {"frame_id": [f"f{i}" for i in range(len(frames))], "scene_id": ["s"] * len(frames)}
    return pa.table({**names, "boxes": pa.array(frames, BOXES)})


def score(frames, **settings):
    return score_detection(batch_of(frames), ScoreConfig(**settings))


def test_worked_numbers():
    # GIVEN entropies ln 2, 0 and ln 2 over three boxes WHEN reduced with k = 2
    # THEN max ln 2, mean 2/3 ln 2, sum 2 ln 2, mean of the two largest ln 2
    found = score([[box(0.5), box(1.0), box(0.5)]], top_k=2)
    row = {how: found[f"detection_entropy_{how}"][0].as_py() for how in ("max", "mean", "sum", "topk")}
    assert row == pytest.approx({"max": LN2, "mean": 2 / 3 * LN2, "sum": 2 * LN2, "topk": LN2})
    assert found["n_objects"].to_pylist() == [3]


def test_boxes_with_and_without_class_probabilities_mix():
    # a box of four even classes (ln 4), one of two (ln 2) and one by its score (ln 2); its own score is not used
    found = score([[box(0.9, probs=[0.25] * 4), box(0.5), box(float("nan"), probs=[0.5, 0.5])]])
    assert found["detection_entropy_sum"].to_pylist() == pytest.approx([4 * LN2])
    assert found["detection_least_confidence_max"].to_pylist() == pytest.approx([0.75])
    assert found["detection_margin_mean"].to_pylist() == pytest.approx([1.0])


def test_nothing_found_is_zero_and_valid_but_not_run_is_not():
    found = score([[], None])
    scores = [n for n in found.column_names if n.startswith("detection_") and not n.endswith("_valid")]
    assert len(scores) == 12
    for name in scores:
        assert found[name].to_pylist() == [0.0, None]
        assert found[f"{name}_valid"].to_pylist() == [True, False]
    assert found["n_objects"].to_pylist() == [0, None]


@pytest.mark.parametrize(
    "bad",
    [
        box(float("nan")),
        box(1.5),
        box(-0.1),
        box(float("inf")),
        box(0.5, probs=[0.6, 0.6]),
        box(0.5, probs=[]),
        box(0.5, probs=[None, 1.0]),
        box(0.5, probs=[float("nan"), 1.0]),
    ],
)
def test_one_bad_box_spoils_its_frame_only(bad):
    found = score([[box(0.5)], [box(0.5), bad], []])
    for how in ("max", "mean", "sum", "topk"):
        assert found[f"detection_entropy_{how}_valid"].to_pylist() == [True, False, True]
        assert found[f"detection_entropy_{how}"][1].as_py() is None
    assert found["n_objects"].to_pylist() == [1, 2, 0]


def test_a_null_box_spoils_its_frame():
    found = score_detection(
        pa.table(
            {
                "frame_id": ["f"],
                "scene_id": ["s"],
                "boxes": pa.array([[None, box(0.5)]], DETECTION.column("boxes").type),
            }
        ),
        ScoreConfig(),
    )
    assert found["detection_entropy_max_valid"].to_pylist() == [False]


def test_what_lies_below_a_null_box_is_not_data():
    fields = [pa.array([0.5, 0.5], pa.float32()), pa.array(["car", "car"])]
    boxes = pa.StructArray.from_arrays(fields, ["score", "label"], mask=pa.array([True, False]))
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), boxes)
    batch = pa.table({"frame_id": ["f", "g"], "scene_id": ["s", "s"], "boxes": lists})
    assert score_detection(batch, ScoreConfig())["detection_entropy_max_valid"].to_pylist() == [False, True]


def test_labels_say_what_is_scored_but_all_boxes_are_counted():
    frames = [[box(0.5, "car"), box(0.1, "sign"), box(0.5, "bus")], [box(7.0, "sign")], None]
    found = score(frames, labels=("car", "bus"))
    assert found["detection_entropy_sum"].to_pylist() == pytest.approx([2 * LN2, 0.0, None])
    assert found["detection_entropy_sum_valid"].to_pylist() == [True, True, False]
    assert found["n_objects"].to_pylist() == [3, 1, None]


def test_boxes_without_the_optional_fields():
    boxes = pa.array([[{"score": 0.5, "label": "car"}]])
    found = score_detection(pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": boxes}), ScoreConfig())
    assert found["detection_entropy_max"].to_pylist() == pytest.approx([LN2])
    with pytest.raises(TableError, match="`boxes` must hold structs with a field `score`; got struct<label: string>"):
        score_detection(
            pa.table({"frame_id": ["f"], "scene_id": ["s"], "boxes": pa.array([[{"label": "car"}]])}), ScoreConfig()
        )


frames_of_scores = st.lists(st.lists(st.floats(0, 1, width=32), max_size=9), min_size=1, max_size=6)


@given(frames_of_scores, st.randoms(use_true_random=False))
def test_the_order_of_boxes_does_not_matter(frames, random):
    shuffled = [random.sample(frame, len(frame)) for frame in frames]
    one, two = (score([[box(s) for s in frame] for frame in f]) for f in (frames, shuffled))
    for name in one.column_names[2:]:
        assert one[name].to_pylist() == pytest.approx(two[name].to_pylist(), rel=1e-12)


@given(frames_of_scores)
def test_sum_never_falls_and_max_bounds_the_others(frames):
    """Adding a box never lowers the sum; mean <= top-k mean <= max <= ln 2."""
    found = score([[box(s) for s in frame] for frame in frames], top_k=3)
    more = score([[*(box(s) for s in frame), box(0.3)] for frame in frames])
    values = {how: found[f"detection_entropy_{how}"].to_numpy() for how in ("mean", "topk", "max", "sum")}
    assert (more["detection_entropy_sum"].to_numpy() >= values["sum"]).all()
    assert (values["mean"] <= values["topk"] + 1e-12).all()
    assert (values["topk"] <= values["max"] + 1e-12).all()
    assert (values["max"] <= LN2 + 1e-12).all()


def test_agrees_with_sql_over_lists():
    """DuckDB reads the same Arrow table and computes the same numbers its own way."""
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(300):
        n = int(rng.integers(0, 30))
        with_probs = rng.random(n) < 0.5
        probs = rng.dirichlet(np.full(6, 0.4), n).astype(np.float32)
        scores = rng.random(n, np.float32)
        frames.append(
            [box(float(s), probs=p.tolist() if w else None) for s, p, w in zip(scores, probs, with_probs, strict=True)]
        )
    batch = batch_of(frames)
    entropy = """list_transform(boxes, lambda b: list_sum(list_transform(
        coalesce(b.probs::double[], [b.score::double, 1 - b.score::double]),
        lambda p: CASE WHEN p > 0 THEN -p * ln(p) ELSE 0 END)))"""
    with duckdb.connect() as connection:
        connection.register("batch", batch)
        expected = connection.execute(
            f"""SELECT coalesce(list_max(e), 0), coalesce(list_avg(e), 0), coalesce(list_sum(e), 0),
                       coalesce(list_avg(list_reverse_sort(e)[1:5]), 0)
                FROM (SELECT {entropy} AS e FROM batch)"""
        ).fetchall()
    found = score_detection(batch, ScoreConfig())
    for how, values in zip(("max", "mean", "sum", "topk"), np.array(expected).T, strict=True):
        # float32 probabilities sum to 1 within 1e-7 only, which SQL does not mend
        assert found[f"detection_entropy_{how}"].to_numpy() == pytest.approx(values, rel=1e-5)
