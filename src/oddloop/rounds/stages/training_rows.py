"""Rows of a table that belong to some scenes, a bounded number of them: what statistics are fitted to.

Two passes: the first counts the rows of these scenes in each partition, the second reads the chosen ones. Time grows
with the table for the first, which reads ids only, and with the partitions that hold a chosen row for the second;
memory with the chosen rows and a batch per worker.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.engine import Engine
from oddloop.lake.scan import Partition, partitions, read_batches
from oddloop.lake.workspace import TableFiles
from oddloop.tables import TableSpec


class Reading(NamedTuple):
    """What a task needs to find the rows; it pickles.

    Attributes:
        spec: declaration of the table.
        columns: columns to keep; `scene_id` is one of them.
        scene_ids: the scenes.
        batch_rows: rows that are held at a time.
    """

    spec: TableSpec
    columns: tuple[str, ...]
    scene_ids: pa.Array
    batch_rows: int


class Rows(NamedTuple):
    """The chosen rows in the order of the table, and how many there were to choose from."""

    table: pa.Table
    n_all: int


def read_rows(engine: Engine, files: TableFiles, reading: Reading, max_rows: int, rng: np.random.Generator) -> Rows:
    """Read rows of the scenes; where there are more than `max_rows`, a uniform sample without replacement.

    The sample depends on the table, the scenes and the generator only, never on batches or workers.
    """
    parts = partitions(files, reading.spec)
    counts = np.array(engine.map(functools.partial(_count, reading), parts), np.int64)
    n_all = int(counts.sum())
    chosen = np.arange(n_all)
    if n_all > max_rows:
        chosen = np.sort(rng.choice(n_all, max_rows, replace=False))
    starts = np.concatenate([[0], np.cumsum(counts)])
    bounds = np.searchsorted(chosen, starts)
    wanted = [
        (part, chosen[low:high] - start)
        for part, start, low, high in zip(parts, starts, bounds[:-1], bounds[1:], strict=False)
        if high > low
    ]
    tables = engine.map(functools.partial(_take, reading), wanted)
    empty = reading.spec.empty().select([c for c in reading.columns if reading.spec.column(c)])
    return Rows(pa.concat_tables(tables, promote_options="permissive") if tables else empty, n_all)


def _count(reading: Reading, part: Partition) -> int:
    batches = read_batches(part, reading.spec, batch_rows=reading.batch_rows, columns=["scene_id"])
    return sum(int(pc.sum(_is_of(batch, reading)).as_py() or 0) for batch in batches)


def _take(reading: Reading, wanted: tuple[Partition, Sequence[int]]) -> pa.Table:
    """Rows of a partition by their number among those of the scenes."""
    part, chosen = wanted[0], np.asarray(wanted[1])
    kept, n_seen = [], 0
    for batch in read_batches(part, reading.spec, batch_rows=reading.batch_rows, columns=reading.columns):
        rows = np.flatnonzero(_is_of(batch, reading).to_numpy(zero_copy_only=False))
        low, high = np.searchsorted(chosen, [n_seen, n_seen + len(rows)])
        kept.append(batch.take(pa.array(rows[chosen[low:high] - n_seen])))
        n_seen += len(rows)
    return pa.concat_tables(kept, promote_options="permissive").combine_chunks()


def _is_of(batch: pa.Table, reading: Reading) -> pa.Array:
    ids = batch["scene_id"].combine_chunks()
    return pc.is_in(ids, value_set=reading.scene_ids.cast(ids.type))
