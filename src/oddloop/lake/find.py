"""Rows of some scenes in a table that is too large to read whole.

Row groups whose statistics say that they hold none of the scenes are skipped; where a table is sorted by scene that
leaves one or two. Of those the ids are read first, and the rest only where a scene is among them. Memory grows with
one row group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.ids import id_array
from oddloop.lake.footers import footer_of
from oddloop.lake.scan import conform, open_parquet, read_group
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles
from oddloop.tables import TableSpec

_ID = "scene_id"


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
    wanted = list(scene_ids)
    for file in files.files:
        place = f"{files.name}/{file.rsplit('/', 1)[-1]}"
        for part in find_rows(files.storage, file, wanted, [*columns, *if_there]):
            yield conform(part, spec, place, [_ID, *columns])


def find_rows(
    storage: Storage, file: str, scene_ids: Iterable[str], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Rows of those scenes in one file, a table per row group that has any, `scene_id` first.

    Args:
        storage: where the file is.
        file: path of the file.
        scene_ids: the scenes.
        columns: what is read beside `scene_id`, as far as the file has it; None: all of it.

    Raises:
        TableError: the file is damaged, or has no `scene_id`.
    """
    names = sorted(scene_ids)
    footer = footer_of(storage, file)
    groups = footer.groups_with(names)
    if not groups:
        return
    wanted = pa.array(names, pa.string())
    rest = [name for name in (footer.names if columns is None else columns) if name != _ID]
    with open_parquet(storage, file, footer.metadata) as parquet:
        for group in groups:
            ids = read_group(parquet, storage, file, group, [_ID])
            rows = np.flatnonzero(pc.is_in(id_array(ids[_ID]), value_set=wanted).to_numpy(zero_copy_only=False))
            if len(rows):
                others = read_group(parquet, storage, file, group, rest)
                yield pa.table([ids[_ID], *others.columns], [_ID, *others.column_names]).take(pa.array(rows))


def count_rows_read(files: TableFiles, scene_ids: Iterable[str]) -> int:
    """How many rows `find_rows` reads to find those scenes; few where files are sorted by scene."""
    names = sorted(scene_ids)
    footers = [footer_of(files.storage, file) for file in files.files]
    return sum(footer.rows[group] for footer in footers for group in footer.groups_with(names))
