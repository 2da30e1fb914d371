"""Arrow columns as NumPy arrays, and the alignment of tables by scene."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.ids import id_array
from oddloop.select.pool import Bools, Ints, Vectors


class StoredVectors(Protocol):
    """SCENE_VECTORS that stay where they are stored, so that nobody holds them all; it travels to tasks."""

    @property
    def num_rows(self) -> int:
        """How many scenes have a vector."""

    @property
    def ids(self) -> pa.Array:
        """(n,) their scene_ids, without repeats."""

    def read(self, rows: Ints) -> Vectors:
        """(k, d) float32 finite vectors of some rows, in the order asked for."""


def in_pool(scenes: pa.Table) -> Bools:
    """(n,) whether each scene is of the pool: its split is `pool`, null, or not given."""
    if "split" not in scenes.column_names:
        return np.ones(scenes.num_rows, dtype=bool)
    mask: Bools = pc.fill_null(pc.equal(scenes["split"].cast(pa.string()), "pool"), True).to_numpy()
    return mask


def rows_of(table: pa.Table, ids: pa.Array) -> pa.Array:
    """Row of each id in the table; null where the table does not know it."""
    return pc.index_in(ids, value_set=id_array(table["scene_id"]))


def gather(table: pa.Table, column: str, ids: pa.Array) -> pa.Array:
    """Values of one column for the given scenes, null where the table does not know the scene."""
    return table[column].take(rows_of(table, ids)).combine_chunks()


def gather_vectors(table: pa.Table | None, ids: pa.Array) -> tuple[Vectors, Bools]:
    """Vectors of the given scenes.

    Args:
        table: scene_id and `vector`, a list column; None where there are no vectors.
        ids: (n,) scenes.

    Returns:
        (n, d) float32, NaN rows where a scene has none, and (n,) whether it has one; d is 0 without any vectors.

    Raises:
        TableError: vectors differ in length, or are not finite.

    >>> table = pa.table({"scene_id": ["a", "b"], "vector": [[1.0, 2.0], [3.0, 4.0]]})
    >>> vectors, present = gather_vectors(table, id_array(["b", "x"]))
    >>> vectors.tolist(), present.tolist()
    ([[3.0, 4.0], [nan, nan]], [True, False])
    """
    if table is None or not table.num_rows:
        return np.zeros((len(ids), 0), dtype=np.float32), np.zeros(len(ids), dtype=bool)
    column = gather(table, "vector", ids)
    present = pc.is_valid(column).to_numpy(zero_copy_only=False)
    lengths = pc.unique(pc.list_value_length(table["vector"]).drop_null()).to_pylist()
    if len(lengths) > 1:
        raise TableError(
            f"scene_vectors: vectors differ in length: {sorted(lengths)[:5]}; run `oddloop discover` again"
        )
    values = column.drop_null().flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    if not np.isfinite(values).all():
        raise TableError("scene_vectors: vectors hold NaN or infinity; run `oddloop discover` again")
    values = values.reshape(-1, lengths[0] if lengths else 0)
    if present.all():
        return values, present
    vectors = np.full((len(ids), values.shape[1]), np.nan, dtype=np.float32)
    vectors[present] = values
    return vectors, present
