"""Checks over whole tables agree with plain Python on random tables; list helpers agree with Python lists."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lake.lake_samples import write_parquet
from oddloop.lake.checks.batch import differ_from_first, is_any, owners, sums, take_apart
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import Workspace

FEW = settings(max_examples=20, deadline=None)
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
RAGGED = st.lists(st.one_of(st.none(), st.lists(st.floats(-1e6, 1e6), max_size=4)), max_size=8)
HOUR_S = 3600.0
Found = set[tuple[str, int, int]]
"""(File, first row, rows) of each fault."""


def found_in(tables: dict[str, list[pa.Table]], code: str) -> Found:
    """Faults of a code in a workspace of some tables, each of several files."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(folder, "")
        for name, files in tables.items():
            for number, table in enumerate(files):
                write_parquet(Path(folder) / f"lake/{name}/{number}.parquet", table)
        faults = find_faults(workspace)
    return {(f.file.rsplit("/", 1)[1], f.row, f.n_rows) for f in faults if f.code == code}


def grouped(rows: list[tuple[int, int]]) -> Found:
    """(File, row) of every bad row, as faults are grouped."""
    by_file: dict[int, list[int]] = defaultdict(list)
    for file, row in rows:
        by_file[file].append(row)
    return {(f"{file}.parquet", min(found), len(found)) for file, found in by_file.items()}


def scenes(*names: str) -> pa.Table:
    n = len(names)
    return pa.table({"scene_id": names, "log_id": names, "start_ns": [0] * n, "duration_s": [HOUR_S] * n})


def labels(keys: list[str]) -> pa.Table:
    n = len(keys)
    columns = {"labelled_at_ns": pa.array([0] * n), "round_id": pa.nulls(n), "cost": pa.nulls(n)}
    return pa.table({"scene_id": pa.array(keys, pa.string()), **columns})


@FEW
@given(st.lists(st.lists(NAMES, max_size=6), min_size=1, max_size=3))
def test_duplicates_are_the_rows_whose_key_was_there_before(files: list[list[str]]) -> None:
    places = [(key, file, row) for file, keys in enumerate(files) for row, key in enumerate(keys)]
    again = [(f, r) for i, (key, f, r) in enumerate(places) if key in [k for k, _, _ in places[:i]]]
    tables = {"scenes": [scenes("a", "b", "c", "d", "e")], "labels": [labels(keys) for keys in files]}
    assert found_in(tables, "duplicate-key") == grouped(again)


@FEW
@given(st.lists(st.lists(NAMES, max_size=6), min_size=1, max_size=3), st.sets(NAMES, min_size=1))
def test_orphans_are_the_rows_whose_scene_is_not_there(files: list[list[str]], known: set[str]) -> None:
    orphans = [(f, r) for f, keys in enumerate(files) for r, key in enumerate(keys) if key not in known]
    tables = {"scenes": [scenes(*sorted(known))], "labels": [labels(keys) for keys in files]}
    assert found_in(tables, "orphan-scene") == grouped(orphans)


@FEW
@given(st.lists(st.lists(st.tuples(NAMES, st.integers(0, 5)), max_size=6), min_size=1, max_size=3))
def test_frames_are_in_order_where_each_is_later_than_the_one_before(files: list[list[tuple[str, int]]]) -> None:
    bad, last = [], {}
    for file, rows in enumerate(files):
        for row, (scene, at) in enumerate(rows):
            if scene in last and at <= last[scene]:
                bad.append((file, row))
            last[scene] = at
    tables = {
        "scenes": [scenes("a", "b", "c", "d", "e")],
        "frames": [
            pa.table(
                {
                    "frame_id": pa.array([f"{file}-{row}" for row in range(len(rows))], pa.string()),
                    "scene_id": pa.array([scene for scene, _ in rows], pa.string()),
                    "timestamp_ns": pa.array([at for _, at in rows], pa.int64()),
                }
            )
            for file, rows in enumerate(files)
        ],
    }
    assert found_in(tables, "time-order") == grouped(bad)


@FEW
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=6))
def test_scenes_overlap_where_one_begins_before_an_earlier_one_ends(spans: list[tuple[int, int]]) -> None:
    table = pa.table(
        {
            "scene_id": pa.array([f"s{i}" for i in range(len(spans))], pa.string()),
            "log_id": pa.array(["log"] * len(spans), pa.string()),
            "start_ns": pa.array([start * 10**9 for start, _ in spans], pa.int64()),
            "duration_s": pa.array([float(length) for _, length in spans], pa.float64()),
        }
    )
    order = sorted(range(len(spans)), key=lambda i: (spans[i][0], i))
    bad = [(0, i) for place, i in enumerate(order) if any(spans[i][0] < sum(spans[before]) for before in order[:place])]
    assert found_in({"scenes": [table]}, "scenes-overlap") == grouped(bad)


@given(RAGGED, st.integers(0, 3))
def test_lists_are_taken_apart_as_python_would(rows: list[list[float] | None], skip: int) -> None:
    array = pa.array(rows, pa.list_(pa.float64())).slice(skip)
    plain = [row or [] for row in rows[skip:]]
    lists = take_apart(array)
    assert lists.lengths.tolist() == [len(row) for row in plain]
    assert lists.numbers().tolist() == [value for row in plain for value in row]
    flat = np.arange(len(lists.values))
    assert owners(lists.offsets, flat).tolist() == [i for i, row in enumerate(plain) for _ in row]
    np.testing.assert_allclose(sums(lists.offsets, lists.numbers()), [sum(row) for row in plain], atol=1e-6)
    is_negative = lists.numbers() < 0
    assert is_any(lists.offsets, is_negative).tolist() == [any(value < 0 for value in row) for row in plain]


@given(st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=6))
def test_values_are_compared_with_the_first_of_their_list(rows: list[list[int]]) -> None:
    lists = take_apart(pa.array(rows, pa.list_(pa.int64())))
    flat = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    expected = [place for place, (i, j) in enumerate(flat) if rows[i][j] != rows[i][0]]
    assert differ_from_first(lists.offsets, lists.values.to_numpy(zero_copy_only=False)).tolist() == expected
