"""Footers of Parquet files in which rows are sought again and again: read once, until the file changes.

A file in many small row groups is quick to find a row in, but reading its footer takes longer than the row does.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from dataclasses import dataclass

import pyarrow.parquet as pq

from oddloop.lake.scan import open_parquet
from oddloop.lake.storage import Storage

MAX_BYTES = 16 * 2**20
"""Of all footers that are kept, as they are stored; in memory they take about four times as much."""
_ID = "scene_id"
_Stamp = tuple[int, int | None]


@dataclass(frozen=True)
class Footer:
    """What a file says of itself.

    Attributes:
        metadata: as Arrow takes it, so that it need not be read again.
        names: the file's columns.
        rows: rows by row group.
        ends: least and greatest scene id by row group; None where the file does not say.
    """

    metadata: pq.FileMetaData
    names: tuple[str, ...]
    rows: tuple[int, ...]
    ends: tuple[tuple[str, str] | None, ...]

    def groups_with(self, scene_ids: list[str]) -> tuple[int, ...]:
        """Row groups that may hold one of these scenes; the ids are ascending."""
        if not scene_ids:
            return ()
        first, last = scene_ids[0], scene_ids[-1]
        near = ((i, ends) for i, ends in enumerate(self.ends) if ends is None or (first <= ends[1] and ends[0] <= last))
        return tuple(i for i, ends in near if ends is None or _is_any_within(scene_ids, *ends))


class _Kept:
    """The footers asked for last, by path."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[_Stamp, Footer]] = OrderedDict()
        self._n_bytes = 0

    def get(self, path: str, stamp: _Stamp) -> Footer | None:
        with self._lock:
            found = self._kept.get(path)
            if found is None or found[0] != stamp:
                return None
            self._kept.move_to_end(path)
            return found[1]

    def put(self, path: str, stamp: _Stamp, footer: Footer) -> None:
        with self._lock:
            before = self._kept.pop(path, None)
            self._n_bytes -= before[1].metadata.serialized_size if before else 0
            self._kept[path] = stamp, footer
            self._n_bytes += footer.metadata.serialized_size
            while self._n_bytes > MAX_BYTES:
                self._n_bytes -= self._kept.popitem(last=False)[1][1].metadata.serialized_size


_KEPT = _Kept()


def footer_of(storage: Storage, file: str) -> Footer:
    """The footer of a file, read again only where its size or time is another.

    Raises:
        TableError: the file is not Parquet, or is damaged.
    """
    path = storage.path(file)
    info = storage.fs.get_file_info(path)
    key, stamp = f"{storage.fs.type_name}:{path}", (info.size, info.mtime_ns)
    found = _KEPT.get(key, stamp)
    if found is None:
        with open_parquet(storage, file) as parquet:
            found = _footer(parquet)
        _KEPT.put(key, stamp, found)
    return found


def _footer(parquet: pq.ParquetFile) -> Footer:
    metadata, names = parquet.metadata, tuple(parquet.schema_arrow.names)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    places = [i for i in range(metadata.num_columns) if metadata.schema.column(i).path == _ID]
    ends = tuple(_ends(group.column(places[0])) if places else None for group in groups)
    return Footer(metadata, names, tuple(group.num_rows for group in groups), ends)


def _ends(column: pq.ColumnChunkMetaData) -> tuple[str, str] | None:
    known = column.statistics
    if known is None or not known.has_min_max or not isinstance(known.min, str):
        return None
    return known.min, known.max


def _is_any_within(names: list[str], least: str, greatest: str) -> bool:
    return bisect_left(names, least) < bisect_right(names, greatest)
