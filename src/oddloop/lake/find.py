"""Rows of some scenes in a table that is too large to read whole.

Row groups whose statistics say that they hold none of the scenes are skipped; where a table is sorted by scene that
leaves one or two. Memory grows with the rows found.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.lake.scan import Partition, open_parquet, read_batches
from oddloop.lake.workspace import TableFiles
from oddloop.tables import TableSpec

_BATCH_ROWS = 65_536


def rows_of(
    files: TableFiles, spec: TableSpec, scene_ids: Iterable[str], columns: Sequence[str], if_there: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """Rows of those scenes in their declared types, part by part.

    Args:
        files: the table.
        spec: what it should be.
        scene_ids: the scenes.
        columns: what is read beside `scene_id`.
        if_there: what is read besides where a file has it.

    Raises:
        TableError: a file is damaged, lacks one of `columns`, or has a column of a type that does not fit.
    """
    wanted = pa.array(list(scene_ids), pa.string())
    for index, file in enumerate(files.files):
        with open_parquet(files.storage, file) as parquet:
            present, groups = set(parquet.schema_arrow.names), groups_with(parquet, wanted)
        asked = ["scene_id", *columns, *(name for name in if_there if name in present)]
        part = Partition(files.name, files.storage, file, groups, index)
        for batch in read_batches(part, spec, batch_rows=_BATCH_ROWS, columns=asked):
            yield batch.filter(pc.is_in(batch["scene_id"], value_set=wanted))


def groups_with(parquet: pq.ParquetFile, wanted: pa.Array) -> tuple[int, ...]:
    """Row groups that may hold a wanted scene."""
    names = sorted(wanted.to_pylist())
    groups = (parquet.metadata.row_group(i) for i in range(parquet.num_row_groups))
    return tuple(i for i, group in enumerate(groups) if _may_hold(group, names))


def _may_hold(group: pq.RowGroupMetaData, names: list[str]) -> bool:
    columns = (group.column(i) for i in range(group.num_columns))
    known = next((c.statistics for c in columns if c.path_in_schema == "scene_id"), None)
    if known is None or not known.has_min_max or not isinstance(known.min, str):
        return True
    return bisect_left(names, known.min) < bisect_right(names, known.max)
