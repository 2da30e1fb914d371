"""Which segment values each scene has: the taxonomy's answer per scene, for pages and for tracing."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import AttributeConfig
from oddloop.config.coverage import AttributeKind
from oddloop.coverage.attributes import Encoded, EncodedAttribute, encode_attributes
from oddloop.tables import STRINGS, is_list

_KEYS = ("scene_id", "labelled")


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


def encode_scene_values(values: pa.Table) -> Encoded:
    """The attributes of scenes, from the table that `list_scene_values` has made of them.

    >>> values = pa.table({"scene_id": ["a"], "labelled": [True], "sky": ["clear"], "agents": [["bus", "car"]]})
    >>> [(a.name, [a.values[code] for code in a.codes]) for a in encode_scene_values(values).attributes]
    [('sky', ['clear']), ('agents', ['bus', 'car'])]
    """
    names = [name for name in values.column_names if name not in _KEYS]
    kinds: dict[str, AttributeKind] = {
        name: "multilabel" if is_list(values.schema.field(name).type) else "categorical" for name in names
    }
    return encode_attributes(values, {name: AttributeConfig(kind=kind) for name, kind in kinds.items()})


def _values(attribute: EncodedAttribute) -> pa.Array:
    values = pa.array(attribute.values, pa.string()).take(pa.array(attribute.codes))
    if attribute.offsets is None:
        return values
    return pa.ListArray.from_arrays(pa.array(attribute.offsets.astype(np.int32)), values).cast(STRINGS)
