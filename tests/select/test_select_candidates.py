"""Which scenes may be picked, and what they cost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import CostConfig
from oddloop.derived_tables import CANDIDATES
from oddloop.errors import TableError
from oddloop.select import build_candidates

COST = CostConfig(per_scene=1.0, per_frame=0.5, per_object=0.25)


def scenes(**columns) -> pa.Table:
    n = len(next(iter(columns.values()))) if columns else 0
    ids = {"scene_id": [f"s{i}" for i in range(n)], "log_id": [f"l{i}" for i in range(n)]}
    return pa.table({**ids, **columns})


def scores(ids: list[str], **columns) -> pa.Table:
    n = len(ids)
    return pa.table({"scene_id": ids, "n_frames_scored": [4] * n, "n_objects_sum": [8] * n, **columns})


def test_what_is_left_out_is_counted_once_each() -> None:
    table = pa.table(
        {
            "scene_id": ["a", "b", "c", "d", "e", "f"],
            "log_id": ["l"] * 6,
            "split": ["pool", None, "eval", "eval", "pool", "pool"],
            "n_frames": [10, 20, 30, 40, None, 60],
        }
    )
    # c and d are held out (d has labels, too); f has labels; e has no frames to count a cost from
    candidates, n_excluded = build_candidates(table, ["d", "f", "gone"], None, "", COST)
    assert candidates["scene_id"].to_pylist() == ["a", "b"]
    assert n_excluded == {"not_in_pool": 2, "labelled": 1, "no_frame_count": 1}
    assert table.num_rows == candidates.num_rows + sum(n_excluded.values())


def test_cost_from_frames_and_reported_objects() -> None:
    table = scenes(n_frames=[10, None, 10])
    candidates, _ = build_candidates(table, [], scores(["s0", "s1"]), "", COST)
    # s0: 1 + 10/2 + 8/4; s1: its 4 scored frames stand for the count: 1 + 4/2 + 8/4; s2 was not scored: no objects
    assert candidates["cost"].to_pylist() == [8.0, 5.0, 6.0]
    assert candidates["n_frames"].to_pylist() == [10, 4, 10]
    assert candidates["n_objects"].to_pylist() == [8, 8, 0]


def test_score_and_its_validity() -> None:
    known = scores(
        ["s3", "s2", "s1", "s0"],
        x_mean=[np.inf, 3.0, None, 1.0],
        x_mean_valid=[True, False, False, True],
    )
    candidates, _ = build_candidates(scenes(n_frames=[1] * 5), [], known, "x_mean", COST)
    assert candidates["score"].to_pylist() == [1.0, None, None, None, None]
    assert candidates["score_valid"].to_pylist() == [True, False, False, False, False]
    assert candidates.schema.metadata == {b"score_column": b"x_mean"}


def test_sorted_whatever_the_order_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    table = scenes(n_frames=list(range(50)))
    known = scores([f"s{i}" for i in range(50)], x=rng.normal(size=50), x_valid=[True] * 50)
    candidates, _ = build_candidates(table, ["s7"], known, "x", COST)
    again, _ = build_candidates(table.take(rng.permutation(50)), ["s7"], known.take(rng.permutation(50)), "x", COST)
    assert again.equals(candidates)
    assert candidates["scene_id"].to_pylist() == sorted(candidates["scene_id"].to_pylist())


def test_the_table_is_as_declared_also_without_rows() -> None:
    for table in (scenes(n_frames=[3]), scenes(n_frames=pa.array([], pa.int64()))):
        candidates, n_excluded = build_candidates(table, [], None, "", COST)
        assert candidates.schema.equals(CANDIDATES.schema())
        assert candidates.num_rows == table.num_rows
        assert sum(n_excluded.values()) == 0


@pytest.mark.parametrize("ids", [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string_view()])
def test_any_kind_of_text_names_a_scene(ids: pa.DataType) -> None:
    table = scenes(n_frames=[1, 2]).set_column(0, "scene_id", pa.array(["a", "b"]).cast(ids))
    candidates, _ = build_candidates(table, pa.chunked_array([["b"]]), None, "", COST)
    assert candidates["scene_id"].to_pylist() == ["a"]


def test_a_scene_that_is_there_twice_is_refused() -> None:
    with pytest.raises(TableError, match="scene_id 's1' is there more than once"):
        build_candidates(pa.concat_tables([scenes(n_frames=[1, 2]), scenes(n_frames=[1, 2])[1:]]), [], None, "", COST)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(TableError, match="n_frames must be 0 or more; row 0 is -1"):
        build_candidates(scenes(n_frames=[-1]), [], None, "", COST)
