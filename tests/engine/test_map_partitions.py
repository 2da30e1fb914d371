"""Each partition to its own part file, with one result for any size of batches, any cut and any number of workers."""

from __future__ import annotations

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
    assert map_partitions(LocalEngine(2), job, parts, lambda *counts: seen.append(counts)) == 3 * N_ROWS
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
    assert map_partitions(LocalEngine(workers), job, parts) == len(expected)
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
        assert pool.submit(run_partition, job, parts[1]).result() == N_ROWS
    there = result_of(tmp_path / "out")
    run_partition(job, parts[1])
    assert result_of(tmp_path / "out") == there


def test_it_works_in_an_object_store(tmp_path: Path) -> None:
    out = Storage.open("memory://engine/out")
    job = PartitionJob(double, GROUPED, out, batch_rows=16)
    assert map_partitions(LocalEngine(2), job, source(tmp_path)) == 3 * N_ROWS
    assert len(out.list_files(suffix=".parquet")) == 3
    out.fs.delete_dir("/engine")


def test_an_empty_partition_writes_no_file(tmp_path: Path) -> None:
    pq.write_table(GROUPED.empty(), tmp_path / "empty.parquet")
    parts = partitions(table_files(Storage.open(tmp_path), "table"), GROUPED)
    job = PartitionJob(double, GROUPED, Storage.open(tmp_path / "out"), batch_rows=16)
    assert map_partitions(LocalEngine(), job, parts) == 0
    assert list((tmp_path / "out").iterdir()) == []


def test_a_failing_kernel_fails_the_job(tmp_path: Path) -> None:
    job = PartitionJob(fail_above_10, GROUPED, Storage.open(tmp_path / "out"), batch_rows=4)
    with pytest.raises(ValueError, match=r"^above 10$"):
        map_partitions(LocalEngine(2), job, source(tmp_path))
