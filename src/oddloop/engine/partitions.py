"""The one shape of heavy work: read a partition in batches, run a pure kernel, write one part file.

Where partitions have keys and the job a store of parts, each is computed once ever: a task takes the part that is kept,
or makes and keeps it. So it may be run again, and what a killed run has finished is not done again.

Time grows with the rows, memory with workers x batch rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.engine.base import Engine, OnDone
from oddloop.lake.encoding import parquet_settings, row_group_rows
from oddloop.lake.parts import PartStore
from oddloop.lake.scan import Partition, read_batches
from oddloop.lake.storage import Storage
from oddloop.tables import TableSpec

Kernel = Callable[[pa.Table], pa.Table]
"""A pure function from a batch of rows to a table; its output columns do not depend on the batch."""


@dataclass(frozen=True)
class PartitionJob:
    """What a task needs besides its partition; everything in it pickles."""

    kernel: Kernel
    spec: TableSpec
    output: Storage
    batch_rows: int
    parts: PartStore | None = None
    columns: tuple[str, ...] | None = None
    """Columns that the kernel takes; None: all."""


class Done(NamedTuple):
    """Rows of a part file, or of all of them, and how many of these were taken from what is kept."""

    n_rows: int
    n_reused: int


def map_partitions(
    engine: Engine, job: PartitionJob, partitions: Sequence[Partition], on_done: OnDone | None = None
) -> Done:
    """Run a kernel over all partitions, each to its own part file below `job.output`."""
    job.output.fs.create_dir(job.output.root, recursive=True)
    done = engine.map(functools.partial(run_partition, job), partitions, on_done)
    return Done(sum(part.n_rows for part in done), sum(part.n_reused for part in done))


def run_partition(job: PartitionJob, partition: Partition) -> Done:
    """Read, compute and write one partition, or take what is kept of it. An empty partition writes no file."""
    file = f"part-{partition.index:05d}.parquet"
    if job.parts is None or not partition.key:
        return Done(_write(job, partition, job.output.path(file)), 0)
    n_rows = job.parts.take(partition.key, job.output, file)
    if n_rows is not None:
        return Done(n_rows, 1)
    with job.parts.making(partition.key) as path:
        n_rows = _write(job, partition, path)
    if n_rows and job.parts.take(partition.key, job.output, file) is None:
        raise OSError(f"{job.parts.folder.url}/{partition.key}.parquet: gone, though it was written just now")
    return Done(n_rows, 0)


def _write(job: PartitionJob, partition: Partition, path: str) -> int:
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    try:
        for batch in read_batches(partition, job.spec, batch_rows=job.batch_rows, columns=job.columns):
            table = job.kernel(batch)
            if writer is None:
                settings = parquet_settings(table.schema)
                writer = pq.ParquetWriter(path, table.schema, filesystem=job.output.fs, **settings)
            writer.write_table(table, row_group_size=row_group_rows(table.schema))
            n_rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return n_rows
