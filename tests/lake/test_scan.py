"""Reading tables: bounded batches that lose nothing and split nothing; declared types, or a refusal that says why."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.lake.scan import Partition, conform, count_rows, open_parquet, partitions, read_batches, read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, table_files
from oddloop.tables import BOX, DETECTION, FEATURES, LABELS, SCENES, TRAJECTORY, Column, TableSpec

PAIRS = TableSpec("pairs", "pair", (Column("k", pa.string(), ""), Column("v", pa.int64(), "")), key=("k", "v"))
SINGLES = TableSpec("singles", "row", PAIRS.columns, key=("v",))
PLACE = "detection/a.parquet"
COUNT_THREADS = """
import os, sys
import pyarrow as pa
from oddloop.lake.scan import Partition, read_batches
from oddloop.lake.storage import Storage
from oddloop.tables import TableSpec

pa.set_cpu_count(4)
partition = Partition("t", Storage.open(sys.argv[1]), "a.parquet", None, 0)
before = len(os.listdir("/proc/self/task"))
batches = read_batches(partition, TableSpec("t", "row", (), key=("v",)), batch_rows=20_000)
assert sum(batch.num_rows for batch in batches) == 50_000
print(before, len(os.listdir("/proc/self/task")))
"""


def detections(boxes: pa.Array) -> pa.Table:
    names = pa.array([f"f{i}" for i in range(len(boxes))], pa.string())
    return pa.table({"frame_id": names, "scene_id": names, "boxes": boxes})


def write(folder: Path, table: pa.Table, *, row_group_rows: int = 3, name: str = "a.parquet") -> TableFiles:
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / name, row_group_size=row_group_rows)
    return table_files(Storage.open(folder), "table")


def whole(files: TableFiles) -> Partition:
    return Partition(files.name, files.storage, files.files[0], None, 0)


KEYS = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=30)


@settings(max_examples=60, deadline=None)
@given(keys=KEYS, batch_rows=st.integers(1, 8), row_group_rows=st.integers(1, 8))
def test_batches_join_to_the_table_and_split_no_run(
    keys: list[str | None], batch_rows: int, row_group_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = pa.table({"k": pa.array(keys, pa.string()), "v": pa.array(range(len(keys)), pa.int64())})
    files = write(tmp_path_factory.mktemp("scan"), table, row_group_rows=row_group_rows)
    batches = list(read_batches(whole(files), PAIRS, batch_rows=batch_rows))
    assert [row for batch in batches for row in batch.to_pylist()] == table.to_pylist()
    ends = [(one["k"][-1].as_py(), two["k"][0].as_py()) for one, two in itertools.pairwise(batches)]
    assert all(last != first or last is None for last, first in ends)
    longest = max((len(list(run)) for _, run in itertools.groupby(keys)), default=0)
    assert all(0 < batch.num_rows < batch_rows + longest for batch in batches)


def test_keys_that_come_back_do_not_pile_up(tmp_path: Path) -> None:
    """Rows that do not stand together belong to runs of their own; holding them all back would need the whole table."""
    table = pa.table({"k": ["a", "b"] * 50, "v": range(100)})
    files = write(tmp_path, table)
    assert max(batch.num_rows for batch in read_batches(whole(files), PAIRS, batch_rows=4)) <= 5


def test_without_its_key_a_table_is_cut_anywhere(tmp_path: Path) -> None:
    files = write(tmp_path, pa.table({"k": ["a"] * 9, "v": range(9)}))
    assert [b.num_rows for b in read_batches(whole(files), PAIRS, batch_rows=4, columns=["v"])] == [4, 4, 1]
    assert [b.num_rows for b in read_batches(whole(files), PAIRS, batch_rows=4)] == [9]
    assert [b.num_rows for b in read_batches(whole(files), SINGLES, batch_rows=4)] == [4, 4, 1]


def test_an_empty_file_gives_no_batch(tmp_path: Path) -> None:
    files = write(tmp_path, PAIRS.empty())
    assert list(read_batches(whole(files), PAIRS, batch_rows=4)) == []


def test_memory_stays_at_a_batch_and_a_buffer(tmp_path: Path) -> None:
    """Reading a file of 16 MB batch by batch takes 4 MB at most; with Arrow's own settings it would take all 16."""
    n = 1 << 21
    numbers = np.random.default_rng(0).integers(0, 2**63, n)
    files = write(tmp_path, pa.table({"k": pa.repeat("a", n), "v": numbers}), row_group_rows=n // 64)
    before = pa.total_allocated_bytes()
    peak = max(pa.total_allocated_bytes() for _ in read_batches(whole(files), SINGLES, batch_rows=n // 64))
    assert peak - before < 4_000_000 < 16_000_000 < (tmp_path / "a.parquet").stat().st_size


# Cutting a table into partitions


@pytest.mark.parametrize(
    ("spec", "rows", "expected"),
    [
        (SINGLES, 3, [(0,), (1,), (2,), (3,)]),
        (SINGLES, 6, [(0, 1), (2, 3)]),
        (SINGLES, 1000, [(0, 1, 2, 3)]),
        (PAIRS, 3, [None]),
    ],
)
def test_tables_are_cut_along_row_groups_unless_rows_stand_together(
    spec: TableSpec, rows: int, expected: list[tuple[int, ...] | None], tmp_path: Path
) -> None:
    files = write(tmp_path, pa.table({"k": ["a"] * 10, "v": range(10)}))
    parts = partitions(files, spec, rows=rows)
    assert [part.row_groups for part in parts] == expected
    read = [v for part in parts for b in read_batches(part, spec, batch_rows=4) for v in b["v"].to_pylist()]
    assert read == list(range(10))
    assert count_rows(files) == 10


def test_partitions_of_all_files_are_numbered_through(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        files = write(tmp_path, pa.table({"k": ["a"] * 4, "v": range(4)}), name=name)
    places = [(part.file, part.index) for part in partitions(files, SINGLES, rows=3)]
    assert places == [("a.parquet", 0), ("a.parquet", 1), ("b.parquet", 2), ("b.parquet", 3)]


# Whole tables


def test_columns_of_some_files_only_are_null_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, pa.table({"k": ["a"], "v": [1]}))
    files = write(tmp_path, pa.table({"k": ["b"], "v": [2], "extra": ["x"]}), name="b.parquet")
    table = read_table(files, PAIRS)
    assert table.to_pylist() == [{"k": "a", "v": 1, "extra": None}, {"k": "b", "v": 2, "extra": "x"}]
    assert read_table(files, PAIRS, ["v"]).to_pylist() == [{"v": 1}, {"v": 2}]


def test_an_absent_table_is_empty(tmp_path: Path) -> None:
    files = TableFiles("scenes", Storage.open(tmp_path), ())
    assert read_table(files, SCENES) == SCENES.empty()
    assert read_table(files, SCENES, ["log_id", "weather"]).column_names == ["log_id"]


def test_files_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path, pa.table({"k": ["a"], "v": [1], "extra": [1]}))
    files = write(tmp_path, pa.table({"k": ["b"], "v": [2], "extra": ["x"]}), name="b.parquet")
    with pytest.raises(TableError, match=r"^table: its files do not fit together: .*extra"):
        read_table(files, PAIRS)


# Damaged files


def spoil(path: Path) -> None:
    """Overwrite the rows, leaving the footer as it is."""
    with path.open("r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 40)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"k,v\na,1\n"])
def test_what_is_not_parquet_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(TableError, match=rf"^{tmp_path}/a\.parquet: not a readable Parquet file: ."):
        open_parquet(Storage.open(tmp_path), "a.parquet")


def test_damaged_rows_are_refused_by_name(tmp_path: Path) -> None:
    files = write(tmp_path, pa.table({"k": ["a", "b"], "v": [1, 2]}))
    spoil(tmp_path / "a.parquet")
    for read in (lambda: read_table(files, PAIRS), lambda: list(read_batches(whole(files), PAIRS, batch_rows=1))):
        with pytest.raises(TableError, match=rf"^{tmp_path}/a\.parquet: not a readable Parquet file: ."):
            read()


# Declared types

BOXES = [[{"score": 0.5, "label": "car"}], [], None]
FULL_BOX = dict.fromkeys(("probs", "x_min_px", "y_min_px", "x_max_px", "y_max_px", "member", "logits"))
CASTS = {
    "as Python writes them": pa.array(BOXES),
    "fields in another order, and one more": pa.array(
        BOXES, pa.list_(pa.struct([("colour", pa.string()), ("label", pa.large_string()), ("score", pa.float64())]))
    ),
    "long lists": pa.array(BOXES).cast(pa.large_list(pa.struct([("label", pa.string()), ("score", pa.float32())]))),
}


@pytest.mark.parametrize("boxes", CASTS.values(), ids=CASTS.keys())
def test_boxes_are_read_however_they_are_written(boxes: pa.Array) -> None:
    read = conform(detections(boxes), DETECTION, PLACE)["boxes"]
    assert read.type == pa.list_(BOX)
    assert read.to_pylist() == [[{"score": 0.5, "label": "car", **FULL_BOX}], [], None]


def test_columns_of_nothing_are_read_as_declared() -> None:
    empty = conform(detections(pa.array([[], []])), DETECTION, PLACE)["boxes"]
    assert (empty.type, empty.to_pylist()) == (pa.list_(BOX), [[], []])
    labels = pa.table({"scene_id": ["s"], "labelled_at_ns": [1], "round_id": pa.nulls(1), "cost": pa.nulls(1)})
    assert conform(labels, LABELS, "labels").schema.types == LABELS.schema().types


def test_points_are_read_from_free_and_from_fixed_lists() -> None:
    wanted = TRAJECTORY.column("modes")
    assert wanted is not None
    free = pa.array([[[[[0.0, 1.0], [2.0, 3.0]]]]])
    for modes in (free, free.cast(wanted.type)):
        text = pa.array(["x"])
        table = pa.table(
            {"frame_id": text, "scene_id": text, "agent_id": text, "mode_probs": pa.array([[[1.0]]]), "modes": modes}
        )
        assert conform(table, TRAJECTORY, "t")["modes"].type == wanted.type


def test_vectors_of_fixed_size_become_lists() -> None:
    vectors = pa.array([[1.0, 2.0], None], pa.list_(pa.float64(), 2))
    table = pa.table({"scene_id": ["s", "t"], "vector": vectors})
    assert conform(table, FEATURES, "f")["vector"].to_pylist() == [[1.0, 2.0], None]


def test_dictionaries_are_decoded_also_in_columns_of_the_user() -> None:
    names = pa.array(["x", "y", "x"]).dictionary_encode()
    table = conform(pa.table({"k": names, "v": [1, 2, 3], "weather": names}), PAIRS, "p")
    assert [table[name].type for name in ("k", "weather")] == [pa.string(), pa.string()]


def test_columns_of_the_user_are_kept_as_they_are() -> None:
    table = pa.table({"k": ["a"], "v": [1], "mine": pa.array([1], pa.int8())})
    assert conform(table, PAIRS, "p") == table


REFUSALS = {
    "missing": (
        pa.table({"v": [1], "other": [2]}),
        "p: column `k` is missing; it has: v, other. Rename a column in [columns] of oddloop.toml and ingest again, or "
        "run `oddloop check`",
    ),
    "wrong type": (
        pa.table({"k": ["a"], "v": ["1"]}),
        "p: column `v` is string, not int64; convert it, or run `oddloop check`",
    ),
    "too large": (
        pa.table({"k": ["a"], "v": pa.array([2**64 - 1], pa.uint64())}),
        "p: column `v` cannot be read as int64: Integer value 18446744073709551615 not in range: 0 to "
        "9223372036854775807",
    ),
    "twice": (
        pa.Table.from_arrays([pa.array(["a"]), pa.array([1]), pa.array([2])], names=["k", "v", "v"]),
        "p: there are several columns named `v`; give each column a name of its own",
    ),
}


@pytest.mark.parametrize(("table", "message"), REFUSALS.values(), ids=REFUSALS.keys())
def test_what_cannot_be_read_as_declared_is_refused(table: pa.Table, message: str) -> None:
    with pytest.raises(TableError) as caught:
        conform(table, PAIRS, "p")
    assert str(caught.value) == message


def test_columns_that_are_not_wanted_may_be_missing() -> None:
    assert conform(pa.table({"v": [1]}), PAIRS, "p", ["v"]).column_names == ["v"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted where Linux lists them")
def test_batches_are_decoded_in_the_thread_that_asks(tmp_path: Path) -> None:
    columns = {name: np.arange(50_000) for name in ("k", "v", "w", "x")}
    write(tmp_path, pa.table(columns), row_group_rows=10_000)
    # A process of its own: once Arrow has begun threads of its own, they stay.
    done = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS, tmp_path], check=True, stdout=subprocess.PIPE, text=True
    )
    before, after = done.stdout.split()
    assert after == before
