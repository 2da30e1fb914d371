"""Scene summaries against naive ones, and the outer join of tasks."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.derived_tables import SCENE_SCORES
from oddloop.errors import TableError
from oddloop.score import join_scene_scores, score_columns, summarize_scenes

SUFFIXES = ("mean", "max", "p95", "sum")


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
    # THEN p95 is at place .95 · 20 = 19 from 0: the 20th value
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
        expected = [np.mean(own), np.max(own), np.percentile(own, 95), np.sum(own)] if own else [None] * 4
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
