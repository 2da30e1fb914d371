"""The scarcest segment that a scene lies in: the one with the fewest labelled logs.

Only segments of one attribute are looked at, and only attributes that are a text or list-of-text column under their own
name. So binned and renamed attributes are seen in a table of taxonomy values per scene, and not in raw `scenes`. Time
O(scenes x attributes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.select.pool import Bools, Ints
from oddloop.tables import UNKNOWN


@dataclass(frozen=True)
class Scarcest:
    """For each of n scenes its scarcest segment.

    Attributes:
        found: (n,) whether any segment of it is known.
        segment_id: (n,) str; "" where none is found.
        n_labelled_logs: (n,) int64; 0 where none is found.
    """

    found: Bools
    segment_id: list[str]
    n_labelled_logs: Ints


def scarcest_segment(scenes: pa.Table, segments: pa.Table) -> Scarcest:
    """Find the segment of each scene that the fewest labelled logs lie in.

    Args:
        scenes: one row per scene with a column per attribute; null and `unknown` are no segment.
        segments: SEGMENTS; a segment without a `labelled` row has 0 labelled logs.

    Returns:
        one entry per scene, ties by segment_id.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "weather": ["fog", "unknown"], "road": ["urban", "moon"]})
    >>> part = {"n_way": 1, "status": "labelled"}
    >>> segments = pa.Table.from_pylist([
    ...     {**part, "segment_id": "weather=fog", "attributes": ["weather"], "values": ["fog"], "n_logs": 2},
    ...     {**part, "segment_id": "road=urban", "attributes": ["road"], "values": ["urban"], "n_logs": 9}])
    >>> scarcest = scarcest_segment(scenes, segments)
    >>> scarcest.segment_id, scarcest.n_labelled_logs.tolist()
    (['weather=fog', ''], [2, 0])
    """
    known = _labelled_logs(segments)
    pairs = [_members(scenes[name], known, name) for name in _attributes(scenes, known)]
    scene, segment = np.concatenate([np.zeros((2, 0), dtype=np.int64), *pairs], axis=1)
    n_logs = known["n_labelled_logs"].to_numpy()
    order = np.lexsort((segment, n_logs[segment], scene))  # `known` is sorted by segment_id
    first = order[np.unique(scene[order], return_index=True)[1]]
    chosen = np.full(scenes.num_rows, -1)
    chosen[scene[first]] = segment[first]
    names = pc.fill_null(known["segment_id"].take(pa.array(chosen, mask=chosen < 0)), "").to_pylist()
    return Scarcest(chosen >= 0, names, np.where(chosen >= 0, np.append(n_logs, 0)[chosen], 0))


def _labelled_logs(segments: pa.Table) -> pa.Table:
    """segment_id, attribute, value and n_labelled_logs of the segments of one attribute, sorted by segment_id."""
    one = segments.filter(pc.equal(segments["n_way"], 1))
    logs = pc.if_else(pc.equal(one["status"], "labelled"), one["n_logs"], 0)
    flat = pa.table(
        {
            "segment_id": one["segment_id"],
            "attribute": pc.list_element(one["attributes"], 0) if one.num_rows else pa.nulls(0, pa.string()),
            "value": pc.list_element(one["values"], 0) if one.num_rows else pa.nulls(0, pa.string()),
            "n_labelled_logs": logs.cast(pa.int64()),
        }
    )
    summed = flat.group_by(["segment_id", "attribute", "value"]).aggregate([("n_labelled_logs", "sum")])
    return summed.rename_columns(["segment_id", "attribute", "value", "n_labelled_logs"]).sort_by("segment_id")


def _attributes(scenes: pa.Table, known: pa.Table) -> list[str]:
    names = sorted(set(known["attribute"].to_pylist()) & set(scenes.column_names))
    return [name for name in names if _is_text(scenes.schema.field(name).type)]


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) or _is_list(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _members(column: pa.ChunkedArray, known: pa.Table, attribute: str) -> Ints:
    """(2, m) pairs of scene row and row of `known`."""
    values = column.combine_chunks()
    scene = np.arange(len(values))
    if _is_list(values.type):
        scene = pc.list_parent_indices(values).to_numpy().astype(np.int64)
        values = pc.list_flatten(values)
    rows = np.flatnonzero(pc.equal(known["attribute"], attribute).to_numpy())
    at = pc.index_in(values.cast(pa.string()), value_set=known["value"].take(pa.array(rows)).combine_chunks())
    real = pc.and_(pc.is_valid(at), pc.fill_null(pc.not_equal(values.cast(pa.string()), UNKNOWN), False))
    hit = real.to_numpy(zero_copy_only=False)
    return np.stack([scene[hit], rows[at.filter(real).to_numpy().astype(np.int64)]])
