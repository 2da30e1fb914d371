"""How much of each segment was seen: scenes, distinct logs, frames, seconds, metres and objects per class, by status.

Every segment that has a scene is listed three times, once per status: a 0 there is a true count, the gap itself.
Segments without any scene are not listed, and of those of three attributes none with too few scenes, since most of them
are chance meetings; the cube that the list is made of keeps all.

Time and memory: see `cube`.
"""

from __future__ import annotations

import pyarrow as pa

from oddloop.coverage.attributes import Encoded
from oddloop.coverage.cube.build import build_cube
from oddloop.coverage.cube.tables import list_segments
from oddloop.coverage.status import STATUSES, status_of_scenes

__all__ = ["STATUSES", "compute_exposure", "status_of_scenes"]


def compute_exposure(
    scenes: pa.Table, labelled_scene_ids: pa.Array, encoded: Encoded, max_way: int, min_scenes: int = 1
) -> pa.Table:
    """Count and list the exposure of all segments of up to `max_way` attributes.

    Args:
        scenes: as `build_cube` takes it.
        labelled_scene_ids: ids of the scenes that have labels; other ids count nowhere.
        encoded: the attributes of these scenes, in the same order.
        max_way: attributes in a segment, at most; 0 gives the total only.
        min_scenes: segments of three attributes with fewer scenes are not listed.

    Returns:
        `derived_tables.SEGMENTS`, ordered by number of attributes, attributes, values and status, with a column
        `n_objects_<class>` for every such column of `scenes`.

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
    return list_segments(build_cube(scenes, labelled_scene_ids, encoded, max_way), min_scenes)
