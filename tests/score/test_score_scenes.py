"""Scene summaries against naive ones, and the outer join of tasks."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import SceneScoreConfig
from oddloop.derived_tables import SCENE_SCORES, SCENE_THRESHOLDS
from oddloop.errors import TableError
from oddloop.score import (
    SceneFrames,
    find_threshold,
    join_scene_scores,
    score_columns,
    summarize_scenes,
    threshold_table,
)

SUFFIXES = ("mean", "max", "p95", "sum", "topk")


def frames_of(rows):
    """(scene, n_objects, score) rows; None is not valid."""
    scores = [score for _, _, score in rows]
    return pa.table(
        {
            "frame_id": [f"f{i}" for i in range(len(rows))],
            "scene_id": pa.array([scene for scene, _, _ in rows], pa.string()),
            "n_objects": pa.array([n for _, n, _ in rows], pa.int64()),
            "risk_max": pa.array(scores, pa.float64()),
            "risk_max_valid": pa.array([s is not None for s in scores], pa.bool_()),
        }
    )


def test_worked_numbers():
    # GIVEN scores 1..21 in scene b in falling order, one invalid frame there, and an invalid scene a
    rows = [("b", 2, float(v)) for v in range(21, 0, -1)] + [("a", 5, None), ("b", None, None)]
    found = summarize_scenes(frames_of(rows))
    # THEN p95 is at place .95 · 20 = 19 from 0, the 20th value, and topk is (17 + 18 + 19 + 20 + 21) / 5
    assert found.to_pylist() == [
        {
            "scene_id": "a",
            "n_frames_scored": 1,
            "n_objects_sum": 5,
            **{f"risk_max_{s}": None for s in SUFFIXES},
            **{f"risk_max_{s}_valid": False for s in SUFFIXES},
            "risk_max_n": 0,
        },
        {
            "scene_id": "b",
            "n_frames_scored": 21,
            "n_objects_sum": 42,
            "risk_max_mean": 11.0,
            "risk_max_max": 21.0,
            "risk_max_p95": 20.0,
            "risk_max_sum": 231.0,
            "risk_max_topk": 19.0,
            **{f"risk_max_{s}_valid": True for s in SUFFIXES},
            "risk_max_n": 21,
        },
    ]
    assert found.schema.field("n_objects_sum").type == SCENE_SCORES.column("n_objects_sum").type


rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 9), st.none() | st.floats(-1e3, 1e3)), min_size=0, max_size=60
)


@given(rows)
def test_agrees_with_a_loop(frames):
    found = summarize_scenes(frames_of(frames))
    assert found["scene_id"].to_pylist() == sorted({scene for scene, _, _ in frames})
    for row in found.to_pylist():
        own = [score for scene, _, score in frames if scene == row["scene_id"] and score is not None]
        assert row["risk_max_n"] == len(own)
        naive = (np.mean, np.max, lambda x: np.percentile(x, 95), np.sum, lambda x: np.mean(sorted(x)[-5:]))
        expected = [function(own) if own else None for function in naive]
        assert [row[f"risk_max_{s}"] for s in SUFFIXES] == [
            pytest.approx(e, rel=1e-9, abs=1e-9) if own else None for e in expected
        ]
        assert {row[f"risk_max_{s}_valid"] for s in SUFFIXES} == {bool(own)}


@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_frames_does_not_matter(frames, random):
    shuffled = random.sample(frames, len(frames))
    one, two = summarize_scenes(frames_of(frames)), summarize_scenes(frames_of(shuffled))
    assert one["scene_id"].equals(two["scene_id"])
    for name in one.column_names[1:]:
        assert one[name].to_numpy() == pytest.approx(two[name].to_numpy(), rel=1e-9, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_other_string_types_and_chunks(kind):
    frames = frames_of([("b", 1, 1.0), ("a", 1, 2.0), ("b", 1, 3.0)])
    plain = summarize_scenes(frames)
    other = frames.set_column(1, "scene_id", frames["scene_id"].cast(kind))
    chunked = pa.concat_tables([other.slice(0, 1), other.slice(1)])
    assert summarize_scenes(chunked).equals(plain)


def test_a_valid_twin_of_a_nan_does_not_make_it_valid():
    frames = frames_of([("a", 1, float("nan")), ("a", 1, 2.0)])
    assert summarize_scenes(frames)["risk_max_mean"].to_pylist() == [2.0]


def test_score_columns_are_those_with_a_twin():
    frames = frames_of([("a", 1, 1.0)]).append_column("lone", [[1.0]])
    assert score_columns(frames) == ["risk_max"]
    assert score_columns(summarize_scenes(frames)) == [f"risk_max_{s}" for s in SUFFIXES]


def test_faults_are_named():
    frames = frames_of([("a", 1, 1.0), (None, 1, 1.0)])
    with pytest.raises(TableError, match="scene_id is null in 1 rows; run `oddloop check`"):
        summarize_scenes(frames)
    with pytest.raises(TableError, match="column `scene_id` is missing; there are: frame_id, n_objects"):
        summarize_scenes(frames.drop_columns("scene_id"))


TIMED = ("time_above_s", "share_above", "longest_above_s", "change_per_s", "trend_per_s")
EVERYTHING = SceneScoreConfig(
    summaries=("time_above", "share_above", "longest_above", "change", "trend"), thresholds={"risk_max": 2.0}
)


class TestTimes:
    # scene a: 1, 5, 3 at 0, 0.5 and 1 s, given out of order; scene b: one frame; a's fourth frame has no time
    FRAMES = frames_of([("a", 1, 3.0), ("b", 1, 9.0), ("a", 1, 1.0), ("a", 1, 5.0), ("a", 1, 7.0)])
    TIMES = pa.array([2_000_000_000, 5, 1_000_000_000, 1_500_000_000, None], pa.int64())

    def test_worked_numbers(self):
        a, b = summarize_scenes(self.FRAMES, EVERYTHING, timestamps_ns=self.TIMES).to_pylist()
        # 5 and 3 are above 2, for 0.5 s each; (4 + 2) / 1 s; slope over (-.5, -2), (0, 2), (.5, 0): 1 / 0.5
        expected = [1.0, 2 / 3, 1.0, 6.0, 2.0]
        assert [a[f"risk_max_{s}"] for s in TIMED] == pytest.approx(expected, rel=1e-12)
        assert a["risk_max_seen_s"] == 1.5
        assert a["risk_max_n"] == 4  # the frame without a time still has a score
        assert [b[f"risk_max_{s}"] for s in TIMED] == [None] * 5
        assert [b[f"risk_max_{s}_valid"] for s in TIMED] == [False] * 5
        assert b["risk_max_seen_s"] == 0.0

    def test_without_times_no_summary_needs_them(self):
        found = summarize_scenes(self.FRAMES)
        assert [name for name in found.column_names if name.endswith("_s")] == []
        assert "risk_max_topk" in found.column_names

    def test_only_what_is_asked_for(self):
        config = SceneScoreConfig(summaries=("trend", "max"))
        found = summarize_scenes(self.FRAMES, config, timestamps_ns=self.TIMES)
        assert score_columns(found) == ["risk_max_max", "risk_max_trend_per_s"]
        assert not SceneFrames(self.FRAMES, config, self.TIMES).needs_thresholds

    def test_frames_in_order_and_out_of_order_give_the_same(self):
        order = [2, 3, 0, 1, 4]
        one = summarize_scenes(self.FRAMES, EVERYTHING, timestamps_ns=self.TIMES)
        two = summarize_scenes(self.FRAMES.take(order), EVERYTHING, timestamps_ns=self.TIMES.take(order))
        assert one.equals(two)

    def test_the_input_is_not_changed(self):
        twin = pa.table({name: pa.array(self.FRAMES[name].to_pylist()) for name in self.FRAMES.column_names})
        summarize_scenes(self.FRAMES, EVERYTHING, timestamps_ns=self.TIMES)
        assert self.FRAMES.equals(twin)

    def test_a_timestamp_too_few_is_refused(self):
        with pytest.raises(TableError, match="4 timestamps for 5 frames; give one for each"):
            summarize_scenes(self.FRAMES, timestamps_ns=self.TIMES.slice(1))


class TestThresholds:
    FRAMES = frames_of([("a", 1, 0.0), ("a", 1, 1.0), ("b", 1, None), ("b", 1, 2.0)])

    def test_a_quantile_of_the_valid_frames(self):
        # place .9 · 2 = 1.8 of 0, 1, 2
        assert find_threshold(self.FRAMES, "risk_max", SceneScoreConfig()) == pytest.approx(1.8)

    def test_a_setting_goes_first(self):
        assert find_threshold(self.FRAMES, "risk_max", EVERYTHING) == 2.0

    def test_no_valid_frame_has_none_and_nothing_is_above_it(self):
        frames = frames_of([("a", 1, None), ("a", 1, None)])
        assert np.isnan(find_threshold(frames, "risk_max", SceneScoreConfig()))
        found = summarize_scenes(frames, timestamps_ns=pa.array([0, 1], pa.int64()))
        assert found["risk_max_time_above_s_valid"].to_pylist() == [False]

    def test_the_table_says_where_they_are_from(self):
        table = threshold_table(
            {"risk_max": 2.0, "risk_mean": float("nan")}, {"risk_max": 3, "risk_mean": 0}, EVERYTHING
        )
        assert table.schema.equals(SCENE_THRESHOLDS.schema())
        assert table.select(["threshold", "source", "quantile", "n"]).to_pylist() == [
            {"threshold": 2.0, "source": "setting", "quantile": None, "n": 3},
            {"threshold": None, "source": "quantile", "quantile": 0.9, "n": 0},
        ]


class TestJoin:
    def test_a_scene_that_a_task_lacks_is_not_valid_there(self):
        one = summarize_scenes(frames_of([("a", 1, 1.0), ("b", 7, 2.0)]))
        two = summarize_scenes(frames_of([("b", 3, 5.0), ("b", 3, 5.0), ("c", 1, 6.0)]))
        two = two.rename_columns([n.replace("risk", "other") for n in two.column_names])
        found = join_scene_scores([one, two])
        expected = {
            "scene_id": ["a", "b", "c"],
            "n_frames_scored": [1, 2, 1],
            "n_objects_sum": [1, 7, 1],
            "risk_max_mean": [1.0, 2.0, None],
            "risk_max_mean_valid": [True, True, False],
            "risk_max_n": [1, 1, 0],
            "other_max_sum": [None, 10.0, 6.0],
            "other_max_sum_valid": [False, True, True],
            "other_max_n": [0, 2, 1],
        }
        assert found.select(list(expected)).to_pydict() == expected
        swapped = join_scene_scores([two, one])
        assert swapped.select(found.column_names).equals(found)

    def test_a_scene_that_a_task_lacks_was_not_seen_there(self):
        times = pa.array([0, 10**9], pa.int64())
        one = summarize_scenes(frames_of([("a", 1, 1.0), ("a", 1, 2.0)]), timestamps_ns=times)
        two = summarize_scenes(frames_of([("b", 3, 5.0)])).select(["scene_id", "n_frames_scored", "n_objects_sum"])
        found = join_scene_scores([one, two])
        assert found["risk_max_seen_s"].to_pylist() == [2.0, 0.0]
        assert found["risk_max_change_per_s"].to_pylist() == [1.0, None]

    def test_one_table_is_itself(self):
        one = summarize_scenes(frames_of([("b", 1, 1.0), ("a", 1, None)]))
        assert join_scene_scores([one]).equals(one)

    def test_faults_are_named(self):
        one = summarize_scenes(frames_of([("a", 1, 1.0)]))
        with pytest.raises(TableError, match="two tables have a column `risk_max_mean`"):
            join_scene_scores([one, one])
        with pytest.raises(TableError, match="a scene_id has two rows in one table"):
            join_scene_scores([pa.concat_tables([one, one])])
        with pytest.raises(TableError, match="nothing to join"):
            join_scene_scores([])
