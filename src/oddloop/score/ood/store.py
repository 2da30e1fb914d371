"""Statistics as an Arrow table and back, so that whoever touches files can keep them.

One row per field, or per 64 MB of a field: `field`, `dtype` (NumPy's, or `json` for what is no array), `shape`, `part`,
`data`. The fields `format`, `method` and `digest` say what it is; a table that was changed or cut is refused.

Format 1: as described here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import TableError
from oddloop.score.ood.methods import METHODS
from oddloop.score.ood.source import Source
from oddloop.score.ood.statistics import Statistics, contents

FORMAT = 1
_PART_BYTES = 1 << 26
_JSON = "json"
_SCHEMA = pa.schema(
    [
        pa.field("field", pa.string(), nullable=False),
        pa.field("dtype", pa.string(), nullable=False),
        pa.field("shape", pa.list_(pa.int64()), nullable=False),
        pa.field("part", pa.int64(), nullable=False),
        pa.field("data", pa.large_binary(), nullable=False),
    ]
)


def to_table(stats: Statistics) -> pa.Table:
    """Write statistics to a table.

    Args:
        stats: from any `fit_*`.

    Returns:
        field, dtype, shape, part, data: enough to make the same statistics again, digest included.

    >>> from oddloop.score.ood import fit_ecod, training_set
    >>> stats = fit_ecod(training_set([[1.0], [2.0]], ["a", "b"], ["a", "b"], Source("m1", "layer4")))
    >>> from_table(to_table(stats)).digest == stats.digest
    True
    """
    values = {"format": FORMAT, "method": stats.NAME, "digest": stats.digest, **contents(stats)}
    rows = [row for name, value in values.items() for row in _parts(name, value)]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def from_table(table: pa.Table) -> Statistics:
    """Read statistics from a table.

    Args:
        table: what `to_table` made; its rows may come in any order.

    Raises:
        TableError: it is no such table, of another format, or not what was written.
    """
    missing = sorted(set(_SCHEMA.names) - set(table.column_names))
    if missing:
        raise TableError(f"statistics: columns {', '.join(missing)} are missing; give what `to_table` made")
    values = _values(table)
    if values.get("format") != FORMAT:
        raise TableError(f"statistics: format {values.get('format')}; this version reads {FORMAT}; fit them again")
    if values.get("method") not in METHODS:
        raise TableError(f"statistics: unknown method {values.get('method')!r}; there are: {', '.join(METHODS)}")
    kind = METHODS[values["method"]].statistics
    absent = sorted({field.name for field in fields(kind)} - set(values))
    if absent:
        raise TableError(f"statistics: fields {', '.join(absent)} are missing; fit them again")
    values["source"] = Source(*values["source"])
    stats = kind(**{field.name: values[field.name] for field in fields(kind)})
    if stats.digest != values.get("digest"):
        raise TableError(f"statistics: digest {stats.digest}, but {values.get('digest')} was written; fit them again")
    return stats


def _parts(name: str, value: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(value, np.ndarray):
        yield {"field": name, "dtype": _JSON, "shape": [], "part": 0, "data": json.dumps(value).encode()}
        return
    data = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    for part, start in enumerate(range(0, max(len(data), 1), _PART_BYTES)):
        yield {
            "field": name,
            "dtype": value.dtype.str,
            "shape": list(value.shape),
            "part": part,
            "data": data[start : start + _PART_BYTES].tobytes(),
        }


def _values(table: pa.Table) -> dict[str, Any]:
    """Each field's value."""
    rows = table.select(_SCHEMA.names).cast(_SCHEMA).sort_by([("field", "ascending"), ("part", "ascending")])
    parts: dict[str, list[bytes]] = {}
    kinds: dict[str, tuple[str, list[int]]] = {}
    for name, dtype, shape, data in zip(
        *(rows[c].to_pylist() for c in ("field", "dtype", "shape", "data")), strict=True
    ):
        parts.setdefault(name, []).append(data)
        kinds[name] = dtype, shape
    return {name: _value(name, b"".join(parts[name]), *kinds[name]) for name in parts}


def _value(name: str, data: bytes, dtype: str, shape: list[int]) -> Any:
    try:
        if dtype == _JSON:
            return json.loads(data)
        array: npt.NDArray[np.generic] = np.frombuffer(data, np.dtype(dtype)).reshape(shape)
    except (ValueError, TypeError) as error:
        raise TableError(f"statistics: field `{name}` cannot be read ({error}); fit them again") from error
    return array
