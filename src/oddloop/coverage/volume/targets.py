"""What each segment should have: the largest of a common least, its share of the labelled total, and its own entry."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow.compute as pc

from oddloop.config import AttributeConfig, VolumeConfig
from oddloop.coverage.arrays import BoolArray, FloatArray
from oddloop.coverage.encoding import NONE
from oddloop.coverage.odd import INSIDE, judge_segments
from oddloop.coverage.volume.exposure import SegmentExposure
from oddloop.tables import UNKNOWN


def volume_targets(
    seen: SegmentExposure, attributes: Mapping[str, AttributeConfig], config: VolumeConfig
) -> FloatArray:
    """(S,) target of each segment in the unit of the exposure; 0 where it has none.

    Common targets are for segments inside the ODD without an `unknown` value; an own entry is for whatever it names.
    """
    wanted = _is_wanted(seen, attributes)
    own = [config.segments.get(name, 0.0) for name in seen.table["segment_id"].to_pylist()]
    common = np.maximum(config.least, _shares(seen, attributes, config))
    return np.maximum(np.where(wanted, common, 0.0), np.array(own, np.float64))


def _is_wanted(seen: SegmentExposure, attributes: Mapping[str, AttributeConfig]) -> BoolArray:
    inside = pc.equal(judge_segments(seen.table, attributes), INSIDE).to_numpy(zero_copy_only=False)
    unasked = [
        any(v in (UNKNOWN, NONE) and v not in attributes[a].all_values for a, v in zip(names, values, strict=True))
        for names, values in zip(seen.attributes, seen.values, strict=True)
    ]
    wanted: BoolArray = inside & ~np.array(unasked, np.bool_)
    return wanted


def _shares(seen: SegmentExposure, attributes: Mapping[str, AttributeConfig], config: VolumeConfig) -> FloatArray:
    """The labelled volume of each set of attributes, shared out evenly or as the whole fleet is."""
    if config.share == "none" or not seen.table.num_rows:
        return np.zeros(seen.table.num_rows)
    names = np.array(["\0".join(a) for a in seen.attributes])
    sets = np.unique(names, return_inverse=True)[1].reshape(-1)
    total = np.bincount(sets, seen.by_status["labelled"])[sets].astype(np.float64)
    if config.share == "uniform":
        n_values = {name: _n_wanted(name, attributes[name], seen) for name in attributes}
        shares: FloatArray = total / np.array([float(np.prod([n_values[n] for n in a])) for a in seen.attributes])
        return shares
    fleet = np.sum(list(seen.by_status.values()), axis=0)
    in_set = np.bincount(sets, fleet)[sets].astype(np.float64)
    return np.asarray(total * np.divide(fleet, in_set, out=np.zeros_like(fleet), where=in_set > 0), np.float64)


def _n_wanted(name: str, config: AttributeConfig, seen: SegmentExposure) -> int:
    """Values of an attribute that data should hold: those configured, or those found where none are; at least 1."""
    found = {values[0] for a, values in zip(seen.attributes, seen.values, strict=True) if a == [name]}
    values = set(config.all_values) or found
    kept = [v for v in values if v != UNKNOWN and v not in config.all_outside]
    return max(len(kept), 1)
