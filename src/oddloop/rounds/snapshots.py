"""Coverage over time: a small file per change, so that a periodic run leaves a history to draw.

`history/coverage/<time>-<digest>.parquet` holds the single-attribute segments of one coverage result, and when it was
seen first. A run that finds the same result adds nothing. Files are written aside and renamed.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import COVERAGE_HISTORY
from oddloop.lake.derived import Derived
from oddloop.lake.stream import write_stream
from oddloop.lake.workspace import Workspace, table_files

FOLDER = "history/coverage"


def append_snapshot(workspace: Workspace, covered: Derived, now_ns: int) -> bool:
    """Keep a coverage result, where it differs from the newest one kept; returns whether it was."""
    if newest_snapshot(workspace) == covered.digest:
        return False
    segments = covered.storage.read_table("segments.parquet")
    few = segments.filter(pc.less_equal(segments["n_way"], 1))
    names = [c.name for c in COVERAGE_HISTORY.columns if c.name in few.column_names]
    columns = {
        "at_ns": pa.repeat(pa.scalar(now_ns, pa.int64()), few.num_rows),
        "digest": pa.repeat(pa.scalar(covered.digest), few.num_rows),
        **{name: few[name] for name in names},
    }
    table = pa.table([columns[c.name] for c in COVERAGE_HISTORY.columns], schema=COVERAGE_HISTORY.schema())
    write_stream(workspace.storage.sub(FOLDER), f"{now_ns:020d}-{covered.digest}.parquet", [table], table.schema)
    return True


def newest_snapshot(workspace: Workspace) -> str:
    """Digest of the coverage result that was kept last; "" where there is none."""
    kept = sorted(table_files(workspace.storage.sub(FOLDER), COVERAGE_HISTORY.name).files)
    return kept[-1].removesuffix(".parquet").rpartition("-")[2] if kept else ""


def read_snapshots(workspace: Workspace) -> pa.Table:
    """All that were kept, oldest first: `derived_tables.COVERAGE_HISTORY`."""
    storage = workspace.storage.sub(FOLDER)
    files = sorted(table_files(storage, COVERAGE_HISTORY.name).files)
    return pa.concat_tables([COVERAGE_HISTORY.empty(), *(storage.read_table(file) for file in files)])
