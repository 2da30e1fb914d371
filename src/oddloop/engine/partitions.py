"""The one shape of heavy work: read a partition in batches, run a pure kernel, write one part file.

Time grows with the rows, memory with workers x batch rows.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.engine.base import Engine, OnDone
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


def map_partitions(
    engine: Engine, job: PartitionJob, partitions: Sequence[Partition], on_done: OnDone | None = None
) -> int:
    """Run a kernel over all partitions, each to its own part file below `job.output`; returns the rows written."""
    job.output.fs.create_dir(job.output.root, recursive=True)
    return sum(engine.map(functools.partial(run_partition, job), partitions, on_done))


def run_partition(job: PartitionJob, partition: Partition) -> int:
    """Read, compute and write one partition; returns its rows. An empty partition writes no file."""
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    path = job.output.path(f"part-{partition.index:05d}.parquet")
    try:
        for batch in read_batches(partition, job.spec, batch_rows=job.batch_rows):
            table = job.kernel(batch)
            if writer is None:
                writer = pq.ParquetWriter(path, table.schema, filesystem=job.output.fs, compression="zstd")
            writer.write_table(table)
            n_rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return n_rows
