"""Rates per object: sums over sums, not means of means."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import SceneScoreConfig, ScoreConfig
from oddloop.score import per_object, score_columns, summarize_scenes
from oddloop.score.detection import score_detection
from oddloop.tables import DETECTION

LN2 = math.log(2)
FRAMES = st.lists(st.tuples(st.floats(0.125, 9) | st.just(math.nan), st.integers(1, 9)) | st.just((0.0, 0)), max_size=6)


def batch_of(scenes):
    """Boxes by their scores, frame by frame, in scenes."""
    rows = [(name, frame) for name, frames in scenes.items() for frame in frames]
    boxes = [None if f is None else [{"score": s, "label": "car"} for s in f] for _, f in rows]
    names = {"frame_id": [f"f{i}" for i in range(len(rows))], "scene_id": [name for name, _ in rows]}
    return pa.table({**names, "boxes": pa.array(boxes, DETECTION.column("boxes").type)})


def test_every_object_counts_alike():
    # GIVEN a street with one doubtful box, then a crossing with four sure ones, and a frame that was not run
    frames = score_detection(batch_of({"s": [[0.5], [1.0] * 4, None], "t": [[]], "u": [None]}), ScoreConfig())
    found = summarize_scenes(frames)
    # THEN ln 2 over five boxes, where the mean of the frames' means is ln 2 / 2
    assert found["detection_entropy_sum_per_object"].to_pylist() == [pytest.approx(LN2 / 5), 0.0, None]
    assert found["detection_entropy_sum_per_object_valid"].to_pylist() == [True, True, False]
    assert found["detection_entropy_mean_mean"][0].as_py() == pytest.approx(LN2 / 2)


def test_only_sums_have_a_rate_and_only_where_it_is_wanted():
    frames = score_detection(batch_of({"s": [[0.5]]}), ScoreConfig())
    rates = [name for name in score_columns(summarize_scenes(frames)) if "_per_object" in name]
    assert rates == [f"detection_{m}_sum_per_object" for m in ("entropy", "least_confidence", "margin")]
    without = summarize_scenes(frames, SceneScoreConfig(summaries=("mean",)))
    assert [name for name in score_columns(without) if "_per_object" in name] == []


@given(st.lists(FRAMES, max_size=5))
def test_agrees_with_a_loop_over_scenes(scenes):
    flat = [frame for frames in scenes for frame in frames]
    sums, counts = (np.array(column, float) for column in zip(*flat, strict=True)) if flat else (np.empty(0),) * 2
    expected = []
    for frames in scenes:
        valid = [(x, n) for x, n in frames if not math.isnan(x)]
        n_objects = sum(n for _, n in valid)
        expected.append(sum(x for x, _ in valid) / n_objects if n_objects else 0.0 if valid else math.nan)
    found = per_object(sums, counts, np.cumsum([0, *map(len, scenes)]))
    assert found == pytest.approx(expected, nan_ok=True)


@given(FRAMES, st.integers(0, 6), st.randoms(use_true_random=False))
def test_frames_add_up_in_any_order(frames, cut, random):
    """The rate of all is the rates of two parts, weighed by their objects."""
    frames = [(x, n) for x, n in random.sample(frames, len(frames)) if not math.isnan(x)]
    sums, counts = np.array(frames, float).reshape(-1, 2).T
    cut = min(cut, len(frames))
    parts, whole = per_object(sums, counts, [0, cut, len(frames)]), per_object(sums, counts, [0, len(frames)])
    n = np.array([counts[:cut].sum(), counts[cut:].sum()])
    if n.sum():
        assert whole == pytest.approx([np.nan_to_num(parts) @ n / n.sum()])


def test_a_sum_of_no_objects_is_not_valid():
    assert np.isnan(per_object([1.0], [0], [0, 1])).all()
