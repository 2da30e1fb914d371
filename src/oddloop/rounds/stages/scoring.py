"""One table to score: its rows go through a kernel, partition by partition, to part files of frame scores."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from oddloop.engine.partitions import Kernel, PartitionJob
from oddloop.lake.scan import optional_columns
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.stages.context import Context
from oddloop.rounds.stages.kept_parts import MadeBy, map_kept
from oddloop.tables import TableSpec

_NOT_OF_FRAMES = ("ood", "risk", "scenes", "normalise")
"""Parts of `[score]` that frame scores do not obey, or that a kernel names itself."""


def made_by(context: Context, kernel: str, *looks_up: TableFiles, **obeyed: Any) -> MadeBy:
    """What frame scores depend on: what a kernel has of `[score]`, and more of its own."""
    settings = asdict(context.workspace.config.score)
    common = {name: value for name, value in settings.items() if name not in _NOT_OF_FRAMES}
    return MadeBy(kernel, {**common, **obeyed}, looks_up)


@dataclass(frozen=True)
class ScoreJob:
    """A table and what scores it.

    Attributes:
        name: folder of its frame scores, such as `detection` or `ood`.
        files: the table.
        spec: its declaration.
        kernel: from a batch of it to `derived_tables.FRAME_SCORES`.
        made_by: what the kernel obeys and reads besides.
    """

    name: str
    files: TableFiles
    spec: TableSpec
    kernel: Kernel
    made_by: MadeBy

    def run(self, context: Context, folder: Storage) -> int:
        """Write the frame scores of all partitions below `folder`; returns their number.

        A table without rows gives one file without rows, so that its scores are known all the same.
        """
        optional = optional_columns(self.files, self.spec)
        kernel = functools.partial(_run_kernel, kernel=self.kernel, optional=optional)
        batch_rows = self.spec.batch_rows or context.workspace.config.engine.batch_rows
        job = PartitionJob(kernel, self.spec, folder, batch_rows)
        made_by = self.made_by.also(optional=[field.name for field in optional])
        n_rows = map_kept(context, f"score {self.name}", job, self.files, made_by)
        if not n_rows:
            names = {*(c.name for c in self.spec.required()), *(field.name for field in optional)}
            empty = self.spec.empty()
            table = kernel(empty.select([name for name in empty.column_names if name in names]))
            folder.write_table("part-00000.parquet", table)
        return n_rows


def _run_kernel(batch: pa.Table, kernel: Kernel, optional: Sequence[pa.Field]) -> pa.Table:
    """Score a batch; columns that only other files of the table have are null, so that all give the same scores."""
    for field in optional:
        if field.name not in batch.column_names:
            batch = batch.append_column(field, pa.nulls(batch.num_rows, field.type))
    return kernel(batch)
