"""How much of each segment was seen: scenes, distinct logs, frames, seconds and metres, by status.

The status of a scene is `eval` where its split says so, else `labelled` where it has labels, else `unlabelled`. All are
sums and counts, so shards and days add up; only distinct logs do not, where a log is in both.

Every segment that has a scene is listed three times, once per status: a 0 there is a true count, the gap itself.
Segments without any scene are not listed. Time and memory: see `segments`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.arrays import FloatArray, IntArray, read_codes, read_column, read_numbers
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.segments import Grouping, count_distinct, iterate_groupings, name_segments
from oddloop.derived_tables import SEGMENTS

STATUSES = ("labelled", "unlabelled", "eval")
_SUMS = ("n_frames", "duration_s", "distance_m")


def compute_exposure(scenes: pa.Table, labelled_scene_ids: pa.Array, encoded: Encoded, max_way: int) -> pa.Table:
    """Count the exposure of all segments of up to `max_way` attributes.

    Args:
        scenes: rows of `tables.SCENES`; a missing or null n_frames or distance_m adds 0.
        labelled_scene_ids: ids of the scenes that have labels; other ids count nowhere.
        encoded: the attributes of these scenes, in the same order.
        max_way: attributes in a segment, at most; 0 gives the total only.

    Returns:
        `derived_tables.SEGMENTS`, ordered by number of attributes, attributes, values and status.

    Raises:
        TableError: a column is missing, or a log_id is null.
        ValueError: `encoded` is of another number of scenes.

    >>> from oddloop.coverage.attributes import encode_attributes
    >>> from oddloop.config import AttributeConfig
    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "l"], "duration_s": [8.0, 9.0], "sky": ["x", "y"]})
    >>> encoded = encode_attributes(scenes, {"sky": AttributeConfig()})
    >>> table = compute_exposure(scenes, pa.array(["b"]), encoded, max_way=1)
    >>> [tuple(row.values()) for row in table.select(["segment_id", "status", "duration_s"]).to_pylist()[:4]]
    [('all', 'labelled', 9.0), ('all', 'unlabelled', 8.0), ('all', 'eval', 0.0), ('sky=x', 'labelled', 0.0)]
    """
    if encoded.n_scenes != scenes.num_rows:
        raise ValueError(f"encoded holds {encoded.n_scenes} scenes, the table {scenes.num_rows}; encode this table")
    logs, log = read_codes(scenes, "log_id", "scenes")
    status = status_of_scenes(scenes, labelled_scene_ids)
    sums = {name: _amounts(scenes, name) for name in _SUMS}
    parts = [_expose(g, status, log, len(logs), sums) for g in iterate_groupings(encoded, max_way)]
    return pa.concat_tables([SEGMENTS.empty(), *parts]).combine_chunks()


def _expose(grouping: Grouping, status: IntArray, log: IntArray, n_logs: int, sums: dict[str, FloatArray]) -> pa.Table:
    """The segments of one grouping."""
    n_rows = grouping.n_segments * len(STATUSES)
    rows = grouping.segments * len(STATUSES) + grouping.spread(status)
    counts = {
        "n_scenes": np.bincount(rows, minlength=n_rows),
        "n_logs": count_distinct(rows, n_rows, grouping.spread(log), n_logs),
        **{name: np.bincount(rows, grouping.spread(values), n_rows) for name, values in sums.items()},
    }
    segment = pa.array(np.repeat(np.arange(grouping.n_segments), len(STATUSES)))
    columns = {name: values.take(segment) for name, values in name_segments(grouping).items()}
    columns["status"] = pa.array(STATUSES * grouping.n_segments, pa.string())
    columns |= {name: _typed(name, values) for name, values in counts.items()}
    return pa.table([columns[c.name] for c in SEGMENTS.columns], schema=SEGMENTS.schema())


def _typed(name: str, values: FloatArray | IntArray) -> pa.Array:
    """Sums of integers come as floats, exact below 2^53."""
    declared = SEGMENTS.column(name)
    kind = pa.float64() if declared is None else declared.type
    return pa.array(np.rint(values).astype(np.int64) if pa.types.is_integer(kind) else values, kind)


def status_of_scenes(scenes: pa.Table, labelled_scene_ids: pa.Array) -> IntArray:
    """(N,) place in `STATUSES` of each scene."""
    ids = read_column(scenes, "scene_id", "scenes")
    is_labelled = pc.is_in(ids, value_set=labelled_scene_ids.cast(ids.type)).to_numpy(zero_copy_only=False)
    status = np.where(is_labelled, STATUSES.index("labelled"), STATUSES.index("unlabelled"))
    if "split" in scenes.column_names:
        split = read_column(scenes, "split", "scenes").cast(pa.string())
        is_eval = pc.fill_null(pc.equal(split, "eval"), False)
        status[is_eval.to_numpy(zero_copy_only=False)] = STATUSES.index("eval")
    return status


def _amounts(scenes: pa.Table, name: str) -> FloatArray:
    if name not in scenes.column_names:
        return np.zeros(scenes.num_rows)
    return np.nan_to_num(read_numbers(scenes, name, "scenes"), posinf=np.inf, neginf=-np.inf)
