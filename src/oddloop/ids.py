"""Scene ids as every stage takes them: an Arrow column, or any collection of strings."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeAlias

import pyarrow as pa

Ids: TypeAlias = pa.Array | pa.ChunkedArray | Collection[str]
"""Scene ids: an Arrow column, or any collection of strings."""


def id_array(ids: Ids) -> pa.Array:
    """Ids as one string array.

    >>> id_array(["b", "a"]).to_pylist()
    ['b', 'a']
    """
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    if isinstance(ids, pa.Array):
        return ids.cast(pa.string())
    return pa.array(list(ids), pa.string())
