"""Values that are kinds of wider ones: a scene with `hail` counts for `hail` and for its parent `precipitation`.

So the wider value holds what was recorded finely and what was only recorded coarsely, and the values of such an
attribute overlap: they do not part the scenes. Time and memory grow with the codes times the depth of the hierarchy.
"""

from __future__ import annotations

import numpy as np

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import ragged_places
from oddloop.coverage.encoding import Codes


def add_families(codes: Codes, config: AttributeConfig) -> Codes:
    """Give each scene the wider values of those that it has, each once.

    Args:
        codes: an attribute's codes; every parent is among its values.
        config: the attribute, with `parents`.

    >>> codes = Codes(("hail", "wet", "unknown"), np.array([0, 1, 2]), None, {})
    >>> add_families(codes, AttributeConfig(parents={"hail": "wet"})).codes.tolist()
    [0, 1, 1, 2]
    """
    place = {value: code for code, value in enumerate(codes.values)}
    families = [[place[v] for v in config.family(value)] for value in codes.values]
    bounds = np.concatenate([[0], np.cumsum([len(family) for family in families])])
    members = np.array([code for family in families for code in family], np.int64)
    n = len(codes.values)
    n_scenes = len(codes.codes) if codes.offsets is None else len(codes.offsets) - 1
    lengths = np.ones(n_scenes, np.int64) if codes.offsets is None else np.diff(codes.offsets)
    scene = np.repeat(np.arange(n_scenes), lengths)
    places, counts = ragged_places(bounds, codes.codes.astype(np.int64))
    keys = np.unique(np.repeat(scene, counts) * n + members[places])
    offsets = np.searchsorted(keys, np.arange(n_scenes + 1) * n)
    return Codes(codes.values, (keys % n).astype(np.int32), offsets, codes.unmapped)
