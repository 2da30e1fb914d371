"""Gaps of volume: what each segment should have among the labelled scenes, has, and where the rest could come from.

    shortfall   max(0, target - labelled)
    to_label    min(shortfall, what lies unlabelled in the pool): label it
    to_drive    shortfall - to_label: it does not exist yet, drive for it

The widest combinations that no scene has at all are listed too; for them `rate_at_most` is the zero-event bound over
all logs: with 95 % confidence at most this share of logs shows them. Time and memory grow with the segments, plus those
of `maximal_uncovered`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from oddloop.config import AttributeConfig, VolumeConfig
from oddloop.coverage.attributes import Encoded
from oddloop.coverage.measures.combinations import inside_odd
from oddloop.coverage.measures.uncovered import Pattern, maximal_uncovered
from oddloop.coverage.measures.unseen import zero_event_bound
from oddloop.coverage.odd import INSIDE, judge_segments
from oddloop.coverage.volume.exposure import SegmentExposure, exposure_of
from oddloop.coverage.volume.targets import volume_targets
from oddloop.derived_tables import VOLUME_GAPS
from oddloop.errors import ConfigError


def volume_gaps(
    segments: pa.Table, encoded: Encoded, attributes: Mapping[str, AttributeConfig], config: VolumeConfig
) -> pa.Table:
    """Compare the labelled volume of each segment with what it should have.

    Args:
        segments: `derived_tables.SEGMENTS`.
        encoded: the attributes of all scenes; finds the combinations that no scene has.
        attributes: the taxonomy.
        config: which exposure, and what is wanted.

    Returns:
        `derived_tables.VOLUME_GAPS`: the segments that have a target, largest shortfall relative to it first; of equal
        ones, first what is not there to label.

    Raises:
        ConfigError: the settings name a segment that is neither there nor a combination that nobody has seen.

    >>> from oddloop.coverage import compute_exposure, encode_attributes
    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "m"], "duration_s": [8.0, 9.0], "sky": ["x", "y"]})
    >>> taxonomy = {"sky": AttributeConfig(values=("x", "y", "z"))}
    >>> encoded = encode_attributes(scenes, taxonomy)
    >>> segments = compute_exposure(scenes, pa.array(["a"]), encoded, 1)
    >>> gaps = volume_gaps(segments, encoded, taxonomy, VolumeConfig(least=1.0))
    >>> gaps.select(["segment_id", "shortfall", "to_label", "to_drive"]).to_pylist()[0]
    {'segment_id': 'sky=z', 'shortfall': 1.0, 'to_label': 0.0, 'to_drive': 1.0}
    """
    seen = exposure_of(segments, config.exposure, config.max_way)
    unseen = _never_seen(encoded, attributes, config)
    known = {*seen.table["segment_id"].to_pylist(), *unseen}
    if strange := sorted(set(config.segments) - known):
        raise ConfigError(
            f"coverage.volume.segments: no segment is called {strange[0]!r}; `oddloop coverage` lists them, their "
            "attributes in the order of the taxonomy"
        )
    table = pa.concat_tables([_gaps_seen(seen, attributes, config), _gaps_unseen(unseen, seen, config)])
    shortfall, target, to_drive = (np.array(table[name], np.float64) for name in ("shortfall", "target", "to_drive"))
    order = np.lexsort((np.arange(len(target)), -to_drive, -shortfall, -(shortfall / target)))
    return table.take(pa.array(order))


def _gaps_seen(seen: SegmentExposure, attributes: Mapping[str, AttributeConfig], config: VolumeConfig) -> pa.Table:
    target = volume_targets(seen, attributes, config)
    kept = np.flatnonzero(target > 0)
    labelled, pool = (seen.by_status[status][kept] for status in ("labelled", "unlabelled"))
    shortfall = np.maximum(target[kept] - labelled, 0.0)
    to_label = np.minimum(shortfall, pool)
    named = seen.table.take(pa.array(kept))
    columns = {
        **{name: named[name] for name in named.column_names},
        "odd": judge_segments(named, attributes),
        "exposure": pa.array([config.exposure] * len(kept), pa.string()),
        "labelled": labelled,
        "target": target[kept],
        "shortfall": shortfall,
        "unlabelled": pool,
        "to_label": to_label,
        "to_drive": shortfall - to_label,
        "n_logs": seen.n_logs[kept],
        "rate_at_most": pa.nulls(len(kept), pa.float64()),
    }
    return pa.table([columns[c.name] for c in VOLUME_GAPS.columns], schema=VOLUME_GAPS.schema())


def _never_seen(
    encoded: Encoded, attributes: Mapping[str, AttributeConfig], config: VolumeConfig
) -> dict[str, Pattern]:
    """The widest combinations that no scene has, by segment_id."""
    if not ((config.least > 0 or config.segments) and encoded.n_scenes):
        return {}
    patterns = maximal_uncovered(encoded, 1, config.max_way, inside_odd(attributes))
    parts = ([f"{a}={v.replace('&', '&&')}" for a, v in zip(p.attributes, p.values, strict=True)] for p in patterns)
    return dict(zip((" & ".join(part) for part in parts), patterns, strict=True))


def _gaps_unseen(unseen: Mapping[str, Pattern], seen: SegmentExposure, config: VolumeConfig) -> pa.Table:
    targets = {name: max(config.least, config.segments.get(name, 0.0)) for name in unseen}
    wanted = {name: pattern for name, pattern in unseen.items() if targets[name] > 0}
    n_logs = seen.n_logs_in_all
    bound = zero_event_bound(n_logs) if n_logs else None
    rows = [
        {
            "segment_id": name,
            "n_way": len(p.values),
            "attributes": list(p.attributes),
            "values": list(p.values),
            "odd": INSIDE,
            "exposure": config.exposure,
            "labelled": 0.0,
            "unlabelled": 0.0,
            "to_label": 0.0,
            **dict.fromkeys(("target", "shortfall", "to_drive"), targets[name]),
            "n_logs": 0,
            "rate_at_most": bound,
        }
        for name, p in wanted.items()
    ]
    return pa.Table.from_pylist(rows, VOLUME_GAPS.schema())
