"""Each partition to its own part file, with one result for any size of batches, any cut and any number of workers."""

from __future__ import annotations

import dataclasses
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kernels import double, fail_above_10, sum_by_key
from oddloop.engine import LocalEngine, map_partitions
from oddloop.engine.partitions import PartitionJob, run_partition
from oddloop.lake.parts import PARTS, PartStore
from oddloop.lake.scan import Partition, partitions
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.tables import Column, TableSpec

COLUMNS = (Column("k", pa.string(), "key"), Column("v", pa.int64(), "value"))
SINGLES = TableSpec("singles", "row", COLUMNS, key=("v",))
GROUPED = TableSpec("grouped", "key and value", COLUMNS, key=("k", "v"))
N_ROWS = 40


def source(folder: Path, *, n_files: int = 3) -> list[Partition]:
    """Partitions of a table of several files, row groups of 7 rows, keys of 1 to 4 rows each."""
    for number in range(n_files):
        keys = [f"{number}-{i // (1 + i % 4)}" for i in range(N_ROWS)]
        table = pa.table({"k": sorted(keys), "v": range(N_ROWS)})
        (folder / "in").mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / f"in/{number}.parquet", row_group_size=7)
    return partitions(table_files(Storage.open(folder / "in"), "table"), GROUPED)


def result_of(folder: Path) -> list[dict[str, object]]:
    return [row for file in sorted(folder.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]


def test_each_partition_becomes_a_part_file(tmp_path: Path) -> None:
    parts = source(tmp_path)
    seen: list[tuple[int, int]] = []
    job = PartitionJob(double, GROUPED, Storage.open(tmp_path / "out/frame_scores"), batch_rows=16)
    assert map_partitions(LocalEngine(2), job, parts, lambda *counts: seen.append(counts)) == (3 * N_ROWS, 0)
    out = tmp_path / "out/frame_scores"
    assert sorted(p.name for p in out.iterdir()) == [f"part-0000{i}.parquet" for i in range(3)]
    assert [row["twice"] for row in result_of(out)] == [2 * v for _ in range(3) for v in range(N_ROWS)]
    assert seen == [(1, 3), (2, 3), (3, 3)]


@settings(max_examples=25, deadline=None)
@given(batch_rows=st.integers(1, 50), workers=st.integers(1, 3))
def test_the_result_depends_on_neither_batches_nor_workers(
    batch_rows: int, workers: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`sum_by_key` would be wrong if the rows of a key were split between batches."""
    folder = tmp_path_factory.mktemp("engine")
    parts = source(folder)
    expected = [row for part in parts for row in sum_by_key(pq.read_table(folder / "in" / part.file)).to_pylist()]
    job = PartitionJob(sum_by_key, GROUPED, Storage.open(folder / "out"), batch_rows)
    assert map_partitions(LocalEngine(workers), job, parts).n_rows == len(expected)
    assert sorted(result_of(folder / "out"), key=str) == sorted(expected, key=str)


def test_the_cut_into_partitions_does_not_change_the_rows(tmp_path: Path) -> None:
    source(tmp_path)
    files = table_files(Storage.open(tmp_path / "in"), "table")
    results = []
    for rows in (1, 14, 1000):
        out = tmp_path / f"out-{rows}"
        job = PartitionJob(double, SINGLES, Storage.open(out), batch_rows=5)
        map_partitions(LocalEngine(2), job, partitions(files, SINGLES, rows=rows))
        results.append(result_of(out))
    assert results[0] == results[1] == results[2]


def test_jobs_travel_to_other_processes(tmp_path: Path) -> None:
    parts = source(tmp_path)
    job = PartitionJob(double, GROUPED, Storage.open(tmp_path / "out"), batch_rows=16)
    assert pickle.loads(pickle.dumps(job)).kernel is double
    (tmp_path / "out").mkdir()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(run_partition, job, parts[1]).result() == (N_ROWS, 0)
    there = result_of(tmp_path / "out")
    run_partition(job, parts[1])
    assert result_of(tmp_path / "out") == there


def test_it_works_in_an_object_store(tmp_path: Path) -> None:
    out = Storage.open("memory://engine/out")
    job = PartitionJob(double, GROUPED, out, batch_rows=16)
    assert map_partitions(LocalEngine(2), job, source(tmp_path)).n_rows == 3 * N_ROWS
    assert len(out.list_files(suffix=".parquet")) == 3
    out.fs.delete_dir("/engine")


def test_an_empty_partition_writes_no_file(tmp_path: Path) -> None:
    pq.write_table(GROUPED.empty(), tmp_path / "empty.parquet")
    parts = partitions(table_files(Storage.open(tmp_path), "table"), GROUPED)
    job = PartitionJob(double, GROUPED, Storage.open(tmp_path / "out"), batch_rows=16)
    assert map_partitions(LocalEngine(), job, parts).n_rows == 0
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failing_kernel_fails_the_job(tmp_path: Path) -> None:
    job = PartitionJob(fail_above_10, GROUPED, Storage.open(tmp_path / "out"), batch_rows=4)
    with pytest.raises(ValueError, match=r"^above 10$"):
        map_partitions(LocalEngine(2), job, source(tmp_path))


def keyed(parts: list[Partition]) -> list[Partition]:
    return [dataclasses.replace(part, key=f"key-{part.index}") for part in parts]


@pytest.mark.parametrize("url", ["", "memory://parts"])
def test_what_is_kept_is_not_computed_again(url: str, tmp_path: Path) -> None:
    workspace = Storage.open(url or tmp_path / "ws")
    parts = keyed(source(tmp_path))
    first, second = (
        PartitionJob(double, GROUPED, workspace.sub(name), 16, PartStore.of(workspace)) for name in ("a", "b")
    )
    # GIVEN two partitions that were done, and of which the store has lost nothing but the end of one
    assert map_partitions(LocalEngine(2), first, parts[:2]) == (2 * N_ROWS, 0)
    whole = workspace.read_bytes(f"{PARTS}/key-1.parquet")
    workspace.delete_file(f"{PARTS}/key-1.parquet")
    workspace.write_bytes(f"{PARTS}/key-1.parquet", whole[:-9])
    # WHEN all three are done, by another job and again by a task that was taken for lost
    assert map_partitions(LocalEngine(2), second, parts) == (3 * N_ROWS, 1)
    assert run_partition(second, parts[2]) == (N_ROWS, 1)
    # THEN each is there once, as if nothing had been kept
    names = [f"part-0000{i}.parquet" for i in range(3)]
    assert [info.base_name for info in workspace.list_files("b")] == names
    plain = PartitionJob(double, GROUPED, workspace.sub("c"), 16)
    map_partitions(LocalEngine(2), plain, parts)
    assert [workspace.read_bytes(f"b/{n}") for n in names] == [workspace.read_bytes(f"c/{n}") for n in names]
    assert workspace.list_leftovers(PARTS) == workspace.list_leftovers("b") == []
    workspace.fs.delete_dir(workspace.root)


@pytest.mark.parametrize("url", ["", "memory://torn"])
def test_a_failing_kernel_keeps_nothing_of_its_partition(url: str, tmp_path: Path) -> None:
    workspace = Storage.open(url or tmp_path / "ws")
    job = PartitionJob(fail_above_10, GROUPED, workspace.sub("out"), 4, PartStore.of(workspace))
    with pytest.raises(ValueError, match=r"^above 10$"):
        run_partition(job, keyed(source(tmp_path))[0])
    assert list(workspace.list_files(PARTS)) == []
    assert workspace.list_leftovers(PARTS) == []


def test_an_empty_partition_keeps_nothing(tmp_path: Path) -> None:
    pq.write_table(GROUPED.empty(), tmp_path / "empty.parquet")
    parts = keyed(partitions(table_files(Storage.open(tmp_path), "table"), GROUPED))
    workspace = Storage.open(tmp_path / "ws")
    job = PartitionJob(double, GROUPED, workspace.sub("out"), 16, PartStore.of(workspace))
    assert map_partitions(LocalEngine(), job, parts) == (0, 0)
    assert list(workspace.list_files()) == []
