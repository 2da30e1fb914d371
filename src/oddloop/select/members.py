"""Which scenes lie in a segment: all conditions of `attribute = value` hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import ConfigError
from oddloop.select.pool import Bools


def members(attributes: pa.Table, where: Mapping[str, str]) -> Bools:
    """(n,) which rows have all of these values.

    Args:
        attributes: a text, or list-of-text, column per attribute; null is no value.
        where: value by attribute.

    Raises:
        ConfigError: there is no such attribute.

    >>> table = pa.table({"rain": ["heavy", None], "agents": [["car", "bus"], ["bus"]]})
    >>> members(table, {"rain": "heavy", "agents": "bus"}).tolist()
    [True, False]
    """
    mask = np.ones(attributes.num_rows, dtype=bool)
    for name, value in where.items():
        if name not in attributes.column_names:
            known = ", ".join(sorted(set(attributes.column_names) - {"scene_id"}))
            hint = "; scenarios come from `oddloop discover name`" if name == "scenario" else ""
            raise ConfigError(f"there is no attribute {name!r}; there are: {known or 'none'}{hint}")
        mask &= _has(attributes[name].combine_chunks(), value)
    return mask


def _has(column: pa.Array, value: str) -> Bools:
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        hit = pc.fill_null(pc.equal(pc.list_flatten(column).cast(pa.string()), value), False)
        mask = np.zeros(len(column), dtype=bool)
        mask[pc.list_parent_indices(column).filter(hit).to_numpy()] = True
        return mask
    found: Bools = pc.fill_null(pc.equal(column.cast(pa.string()), value), False).to_numpy(zero_copy_only=False)
    return found
