"""Vectors that stay in their file: the same picks as with all of them in memory."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.config import CostConfig, SelectConfig
from oddloop.errors import TableError
from oddloop.lake.storage import Storage
from oddloop.rounds.stages.stored_vectors import VectorFile
from oddloop.select import select


def vectors_of(n: int) -> pa.Table:
    points = np.random.default_rng(n).normal(size=(n, 4)).astype(np.float32)
    flat = pa.array(points.ravel())
    return pa.table({"scene_id": [f"s{i:03d}" for i in range(n)], "vector": pa.FixedSizeListArray.from_arrays(flat, 4)})


def stored(folder, table: pa.Table) -> VectorFile:
    storage = Storage.open(folder)
    pq.write_table(table, folder / "v.parquet", row_group_size=7)
    return VectorFile.of(storage, "v.parquet")


@pytest.mark.parametrize("rows", [[], [0], [6, 7], [19, 0, 7, 7, 3], list(range(20))])
def test_rows_come_in_the_order_asked_for_from_any_row_group(tmp_path, rows: list[int]) -> None:
    table = vectors_of(20)
    whole = np.array(table["vector"].to_pylist(), dtype=np.float32)
    file = pickle.loads(pickle.dumps(stored(tmp_path, table)))
    assert np.array_equal(file.read(np.array(rows, dtype=np.int64)), whole[rows])


@pytest.mark.parametrize("policy", ["kcenter", "gap_driven", "random"])
def test_picks_are_those_with_all_vectors_in_memory(tmp_path, policy: str) -> None:
    n, table = 60, vectors_of(50)  # the last ten scenes have no vector
    ids = [f"s{i:03d}" for i in range(n)]
    scenes = pa.table({"scene_id": ids, "log_id": [f"l{i // 3}" for i in range(n)], "n_frames": [10] * n})
    config = SelectConfig(policy=policy, budget=9.0, parts=4)

    def picks(vectors) -> pa.Table:
        rng = np.random.default_rng(5)
        return select(scenes, ids[:5], None, vectors, None, config, CostConfig(), rng).picks

    assert picks(stored(tmp_path, table)).equals(picks(table))
    assert picks(table).num_rows > 5


def test_a_vector_that_is_not_finite_is_refused(tmp_path) -> None:
    table = pa.table({"scene_id": ["a", "b"], "vector": [[1.0, 2.0], [float("nan"), 2.0]]})
    with pytest.raises(TableError, match="NaN or infinity"):
        stored(tmp_path, table).read(np.array([1]))
