"""Which segment values each scene has: the taxonomy's answer per scene, for pages and for tracing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.attributes import Encoded, EncodedAttribute
from oddloop.tables import STRINGS


def list_scene_values(scene_ids: pa.Array, labelled_scene_ids: pa.Array, encoded: Encoded) -> pa.Table:
    """One row per scene: scene_id, labelled, and per attribute its value (a list of values where it is multi-label).

    Args:
        scene_ids: (N,) ids in the order of `encoded`.
        labelled_scene_ids: ids of the scenes that have labels; other ids are ignored.
        encoded: the attributes of the N scenes.

    >>> from oddloop.config import AttributeConfig
    >>> from oddloop.coverage.attributes import encode_attributes
    >>> encoded = encode_attributes(pa.table({"sky": ["clear", None]}), {"sky": AttributeConfig()})
    >>> list_scene_values(pa.array(["a", "b"]), pa.array(["b"]), encoded).to_pylist()
    [{'scene_id': 'a', 'labelled': False, 'sky': 'clear'}, {'scene_id': 'b', 'labelled': True, 'sky': 'unknown'}]
    """
    columns = {
        "scene_id": scene_ids,
        "labelled": pc.is_in(scene_ids, value_set=labelled_scene_ids.cast(scene_ids.type)),
    }
    return pa.table(columns | {attribute.name: _values(attribute) for attribute in encoded.attributes})


def _values(attribute: EncodedAttribute) -> pa.Array:
    values = pa.array(attribute.values, pa.string()).take(pa.array(attribute.codes))
    if attribute.offsets is None:
        return values
    return pa.ListArray.from_arrays(pa.array(attribute.offsets.astype(np.int32)), values).cast(STRINGS)
