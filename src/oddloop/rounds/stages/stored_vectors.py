"""Scene vectors that stay in their file: a choice in parts reads each part where it is compared, not in the driver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import TableError
from oddloop.ids import id_array
from oddloop.lake.storage import Storage

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class VectorFile:
    """SCENE_VECTORS in one Parquet file.

    Attributes:
        storage: the folder.
        name: the file.
        ids: (n,) scene_ids in the order of the file.

    Time: one pass over the row groups that hold a wanted row; memory: the largest of them, and what is asked for.
    """

    storage: Storage
    name: str
    ids: pa.Array

    @staticmethod
    def of(storage: Storage, name: str) -> VectorFile:
        """Open a file; only ids are read."""
        return VectorFile(storage, name, id_array(storage.read_table(name, ["scene_id"])["scene_id"]))

    @property
    def num_rows(self) -> int:
        """How many scenes have a vector."""
        return len(self.ids)

    def __getstate__(self) -> tuple[Storage, str]:
        """Without the ids, which a task that reads by row has no use for."""
        return self.storage, self.name

    def __setstate__(self, state: tuple[Storage, str]) -> None:
        for field, value in zip(("storage", "name", "ids"), (*state, id_array([])), strict=True):
            object.__setattr__(self, field, value)

    def read(self, rows: Ints) -> npt.NDArray[np.float32]:
        """(k, d) float32 vectors of some rows of the file, in the order asked for.

        Raises:
            TableError: vectors differ in length, or are not finite.
        """
        wanted, place = np.unique(rows, return_inverse=True)
        with self.storage.fs.open_input_file(self.storage.path(self.name)) as source:
            file = pq.ParquetFile(source)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
            inside = [wanted[a:b] - s for s, a, b in zip(starts, *_ends(wanted, starts), strict=False)]
            # Of the first group nothing at least, since the width of vectors must be known.
            blocks = [_block(file, i, some) for i, some in enumerate(inside) if len(some) or i == 0]
        return np.concatenate([b for b in blocks if len(b)] or blocks)[place]


def _ends(wanted: Ints, starts: Ints) -> tuple[Ints, Ints]:
    at = np.searchsorted(wanted, starts)
    return at[:-1], at[1:]


def _block(file: pq.ParquetFile, group: int, rows: Ints) -> npt.NDArray[np.float32]:
    column = file.read_row_group(group, columns=["vector"], use_threads=False)["vector"].combine_chunks()
    widths = pc.unique(pc.list_value_length(column)).to_pylist()
    if len(widths) > 1 or None in widths:
        raise TableError("scene_vectors: vectors differ in length; run `oddloop discover` again")
    values = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, widths[0] if widths else 0)
    chosen: npt.NDArray[np.float32] = values[rows].astype(np.float32, copy=False)
    if not np.isfinite(chosen).all():
        raise TableError("scene_vectors: vectors hold NaN or infinity; run `oddloop discover` again")
    return chosen
