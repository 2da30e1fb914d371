"""Inside the ODD, outside it, or unknown: three different things, for scenes and for segments.

    outside   some attribute has a value that the taxonomy puts outside (`[attributes.<name>] outside`)
    unknown   none has, but an attribute that has values outside is `unknown`: it might be one of them
    inside    all else

A value whose wider value is outside is outside too. Where no attribute names values outside, everything is inside.
Time grows with the codes, memory with the scenes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import IntArray
from oddloop.coverage.attributes import Encoded, EncodedAttribute
from oddloop.tables import UNKNOWN

INSIDE, OUTSIDE = "inside", "outside"
_NAMES = np.array([INSIDE, UNKNOWN, OUTSIDE])


def judge_scenes(encoded: Encoded, attributes: Mapping[str, AttributeConfig]) -> pa.Array:
    """Whether each scene is inside the ODD.

    Args:
        encoded: the attributes of N scenes.
        attributes: the taxonomy; its `outside` values limit the ODD.

    Returns:
        (N,) `inside`, `outside` or `unknown`.

    >>> from oddloop.coverage.attributes import encode_attributes
    >>> taxonomy = {"sky": AttributeConfig(outside=("snow",))}
    >>> scenes = pa.table({"sky": ["clear", "snow", None]})
    >>> judge_scenes(encode_attributes(scenes, taxonomy), taxonomy).to_pylist()
    ['inside', 'outside', 'unknown']
    """
    levels = np.zeros(encoded.n_scenes, np.int64)
    for attribute in encoded.attributes:
        config = attributes[attribute.name]
        if config.outside:
            np.maximum(levels, _levels_of_scenes(attribute, config), out=levels)
    return pa.array(_NAMES[levels].tolist(), pa.string())


def judge_segments(segments: pa.Table, attributes: Mapping[str, AttributeConfig]) -> pa.Array:
    """Whether each segment is inside the ODD, judged by the values that it names and nothing else.

    Args:
        segments: a table with the lists `attributes` and `values`, such as `derived_tables.SEGMENTS`.
        attributes: the taxonomy.

    Returns:
        One of `inside`, `outside`, `unknown` per row.

    >>> table = pa.table({"attributes": [[], ["sky"]], "values": [[], ["snow"]]})
    >>> judge_segments(table, {"sky": AttributeConfig(outside=("snow",))}).to_pylist()
    ['inside', 'outside']
    """
    names, values = (segments[name].combine_chunks() for name in ("attributes", "values"))
    parts = pc.binary_join_element_wise(names.flatten(), values.flatten(), "\0").dictionary_encode()
    pairs = [part.partition("\0") for part in parts.dictionary.to_pylist()]
    level_of = np.array([_level(attributes.get(name), value) for name, _, value in pairs], np.int64)
    levels = np.zeros(len(names), np.int64)
    row = np.repeat(np.arange(len(names)), names.value_lengths().to_numpy(zero_copy_only=False))
    np.maximum.at(levels, row, level_of[parts.indices.to_numpy()])
    return pa.array(_NAMES[levels].tolist(), pa.string())


def _levels_of_scenes(attribute: EncodedAttribute, config: AttributeConfig) -> IntArray:
    level_of = np.array([_level(config, value) for value in attribute.values], np.int64)
    levels: IntArray = level_of[attribute.codes]
    if attribute.offsets is None:
        return levels
    worst: IntArray = np.maximum.reduceat(levels, attribute.offsets[:-1]) if len(levels) else levels
    return worst  # every scene has at least one value, so that no group is empty


def _level(config: AttributeConfig | None, value: str) -> int:
    if config is None or not config.outside:
        return 0
    if value in config.all_outside:
        return 2
    return int(value == UNKNOWN)
