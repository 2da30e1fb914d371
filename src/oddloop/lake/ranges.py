"""Which files can hold rows of which keys: smallest and largest value of a text column, from the footers alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow.parquet as pq

from oddloop.lake.scan import Partition, open_parquet
from oddloop.lake.workspace import TableFiles


@dataclass(frozen=True)
class Range:
    """Bounds of a column's values, both ends included; None where the file does not say.

    >>> Range("a", "c").meets(Range("c", "f")), Range("a", "c").meets(Range("d", "f")), Range().meets(Range("d", "f"))
    (True, False, True)
    """

    low: str | None = None
    high: str | None = None

    def meets(self, other: Range) -> bool:
        """Whether a value may lie in both."""
        ends = (self.low, self.high, other.low, other.high)
        if any(end is None for end in ends):
            return True
        # As Parquet orders texts, by their bytes.
        low, high, other_low, other_high = (str(end).encode() for end in ends)
        return low <= other_high and other_low <= high


def ranges_of(files: TableFiles, column: str) -> dict[str, Range]:
    """Range of a column by file of a table.

    Raises:
        TableError: a file is not Parquet, or is damaged.
    """
    found = {}
    for file in files.files:
        with open_parquet(files.storage, file) as parquet:
            found[file] = _range(parquet, column, range(parquet.num_row_groups))
    return found


def column_names(files: TableFiles) -> list[str]:
    """Columns that any file of a table has, sorted.

    Raises:
        TableError: a file is not Parquet, or is damaged.
    """
    names: set[str] = set()
    for file in files.files:
        with open_parquet(files.storage, file) as parquet:
            names.update(parquet.schema_arrow.names)
    return sorted(names)


def range_of(partition: Partition, column: str) -> Range:
    """Range of a column in a partition.

    Raises:
        TableError: its file is not Parquet, or is damaged.
    """
    with open_parquet(partition.storage, partition.file) as parquet:
        groups = partition.row_groups
        return _range(parquet, column, range(parquet.num_row_groups) if groups is None else groups)


def _range(parquet: pq.ParquetFile, column: str, row_groups: Iterable[int]) -> Range:
    places = [i for i in range(parquet.metadata.num_columns) if parquet.metadata.schema.column(i).path == column]
    if len(places) != 1:
        return Range()
    found = [parquet.metadata.row_group(group).column(places[0]).statistics for group in row_groups]
    if not found or not all(s is not None and s.has_min_max and isinstance(s.min, str) for s in found):
        return Range()
    return Range(min((s.min for s in found), key=str.encode), max((s.max for s in found), key=str.encode))
