"""Which files can hold rows of which frames."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.lake.ranges import Range, column_names, range_of, ranges_of
from oddloop.lake.scan import Partition
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files


def test_ranges_come_from_the_footers(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"frame_id": ["b", "é", "a", "c"], "x": range(4)}), tmp_path / "0.parquet", row_group_size=2
    )
    pq.write_table(pa.table({"frame_id": ["b"]}), tmp_path / "1.parquet", write_statistics=False)
    pq.write_table(pa.table({"y": ["b"]}), tmp_path / "2.parquet")
    files = table_files(Storage.open(tmp_path), "t")
    assert ranges_of(files, "frame_id") == {
        "0.parquet": Range("a", "é"),
        "1.parquet": Range(),  # it does not say
        "2.parquet": Range(),  # there is no such column
    }
    assert range_of(Partition("t", files.storage, "0.parquet", (1,), 0), "frame_id") == Range("a", "c")
    assert column_names(files) == ["frame_id", "x", "y"]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Range("a", "c"), Range("c", "f"), True),
        (Range("a", "c"), Range("b", "b"), True),
        (Range("a", "c"), Range("d", "f"), False),
        (Range("z", "é"), Range("ß", "ß"), True),  # by bytes: z < ß < é
        (Range(), Range("d", "f"), True),  # nobody knows
    ],
)
def test_ranges_meet(one: Range, other: Range, expected: bool) -> None:
    assert (one.meets(other), other.meets(one)) == (expected, expected)
