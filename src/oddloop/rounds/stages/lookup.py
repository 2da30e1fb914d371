"""The rows of some frames, out of a table of any size: how two tables of one frame are joined, batch by batch.

Row groups whose frame ids lie outside those of the batch are passed over. Where both tables lie in one order of frames,
each row group is so read about once in all, else several times. Memory grows with the rows that are found.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from oddloop.lake.scan import conform
from oddloop.lake.workspace import TableFiles
from oddloop.tables import TableSpec


def read_of_frames(files: TableFiles, spec: TableSpec, frame_ids: pa.Array, columns: Sequence[str]) -> pa.Table:
    """Some columns of the rows of these frames; optional columns that a file lacks are null, or absent where all do.

    Raises:
        TableError: a column is missing or of the wrong type.
    """
    ends = pc.min_max(frame_ids).as_py()
    if ends["min"] is None:
        return spec.empty().select(columns)
    frame = ds.field("frame_id")
    wanted = (frame >= ends["min"]) & (frame <= ends["max"]) & frame.isin(frame_ids.unique())
    parts = [_read(files, file, spec, columns, wanted) for file in files.files]
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks()


def _read(files: TableFiles, file: str, spec: TableSpec, columns: Sequence[str], wanted: ds.Expression) -> pa.Table:
    source = ds.dataset(files.storage.path(file), format="parquet", filesystem=files.storage.fs)
    present = [name for name in columns if name in source.schema.names]
    found = source.to_table(columns=present, filter=wanted, use_threads=False)
    return conform(found, spec, f"{files.name}/{file}", present)
