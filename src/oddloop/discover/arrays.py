"""Arrow columns as NumPy arrays, and the alignment of tables by scene."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.ids import id_array

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def sorted_ids(scenes: pa.Table) -> pa.Array:
    """Scene ids of `scenes` in ascending order; the order that every table of this stage has.

    Raises:
        TableError: a scene_id is there twice.
    """
    ids = id_array(scenes["scene_id"])
    ids = ids.take(pc.sort_indices(ids))
    twice = ids[1:].filter(pc.equal(ids[1:], ids[:-1])) if len(ids) > 1 else ids[:0]
    if len(twice):
        raise TableError(f"scenes: scene_id {twice[0].as_py()!r} is there more than once; run `oddloop check`")
    return ids


def row_of(ids: pa.Array, wanted: pa.Array) -> tuple[Ints, Bools]:
    """Row of each wanted id among `ids`, and whether it is there (the row is 0 where it is not).

    >>> rows, found = row_of(id_array(["a", "b"]), id_array(["b", "x"]))
    >>> rows.tolist(), found.tolist()
    ([1, 0], [True, False])
    """
    at = pc.index_in(wanted, value_set=ids)
    found = pc.is_valid(at).to_numpy(zero_copy_only=False)
    return pc.fill_null(at, 0).to_numpy(zero_copy_only=False).astype(np.int64), found


def vector_matrix(column: pa.Array) -> tuple[npt.NDArray[np.floating], Bools]:
    """Read a list column as one matrix.

    Args:
        column: (n,) list or fixed-size list of floats, of any float width; an entry may be null.

    Returns:
        (m, d) matrix of the m entries that are not null, in order, and the (n,) mask that says which those are.
        NaN stands for a null inside a list.

    Raises:
        TableError: the lists differ in length.

    >>> matrix, present = vector_matrix(pa.array([[1.0, 2.0], None, [3.0, 4.0]]))
    >>> matrix.tolist(), present.tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [True, False, True])
    """
    present = pc.is_valid(column).to_numpy(zero_copy_only=False)
    kept = column.drop_null()
    lengths = pc.unique(pc.list_value_length(kept)).to_pylist()
    if len(lengths) > 1:
        raise TableError(f"vectors differ in length: {sorted(lengths)[:5]}; all vectors of an encoder must be alike")
    values = kept.flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(kept), lengths[0] if lengths else 0), present
