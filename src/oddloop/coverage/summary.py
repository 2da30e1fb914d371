"""How well the scenes cover the ODD, in a few numbers: for the labelled scenes, and for all of them.

    t_way_simple, t_way_total   combinations of t attributes' values that were seen (`measures.combinations`), t = 1, 2
    unseen_mass, n_kinds        of pairs of values, estimated over logs (`measures.unseen`)
    js_to_fleet                 per attribute: how far the labelled scenes' distribution is from all scenes', in nats

Values outside the ODD and `unknown` count nowhere. Time grows as that of `t_way_coverage` for pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.config import AttributeConfig
from oddloop.coverage.arrays import IntArray, read_codes
from oddloop.coverage.attributes import Encoded, EncodedAttribute
from oddloop.coverage.measures.combinations import Wanted, inside_odd, is_wanted, t_way_coverage
from oddloop.coverage.measures.targets import divergence
from oddloop.coverage.measures.unseen import unseen
from oddloop.coverage.segments import iterate_groupings
from oddloop.coverage.status import status_of_scenes
from oddloop.derived_tables import COVERAGE_MEASURES

_MOST_WAY = 2


def summarize_coverage(
    scenes: pa.Table, labelled_scene_ids: pa.Array, encoded: Encoded, attributes: Mapping[str, AttributeConfig]
) -> pa.Table:
    """Measure the coverage of the labelled scenes and of all scenes.

    Args:
        scenes: rows of `tables.SCENES`.
        labelled_scene_ids: ids of the scenes that have labels.
        encoded: the attributes of these scenes, in the same order.
        attributes: the taxonomy.

    Returns:
        `derived_tables.COVERAGE_MEASURES`; no row where there is no attribute.

    Raises:
        TableError: a column is missing, or a log_id is null.

    >>> from oddloop.coverage.attributes import encode_attributes
    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "m"], "sky": ["clear", "rain"]})
    >>> taxonomy = {"sky": AttributeConfig()}
    >>> table = summarize_coverage(scenes, pa.array(["a"]), encode_attributes(scenes, taxonomy), taxonomy)
    >>> table.select(["measure", "scope", "value"]).to_pylist()[1]
    {'measure': 't_way_total', 'scope': 'labelled', 'value': 0.5}
    """
    wanted = inside_odd(attributes)
    is_labelled = status_of_scenes(scenes, labelled_scene_ids) == 0
    log = read_codes(scenes, "log_id", "scenes")[1]
    rows: list[dict[str, Any]] = []
    for scope, kept in (("labelled", np.flatnonzero(is_labelled)), ("all", np.arange(scenes.num_rows))):
        rows += [{**row, "scope": scope} for row in _measure(encoded.take(kept), log[kept], wanted)]
    rows += [{**row, "scope": "labelled"} for row in _distances(encoded, np.flatnonzero(is_labelled), wanted)]
    return pa.Table.from_pylist(rows, COVERAGE_MEASURES.schema())


def _measure(encoded: Encoded, log: IntArray, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for t in range(1, min(_MOST_WAY, len(encoded.attributes)) + 1):
        found = t_way_coverage(encoded, t, wanted)
        possible = int(found.n_possible.sum())
        yield _row("t_way_simple", t, found.simple, len(found.attributes))
        yield _row("t_way_total", t, found.total, possible)
    way = min(_MOST_WAY, len(encoded.attributes))
    if way:
        masks = {attribute.name: wanted(attribute) for attribute in encoded.attributes}
        counts = [
            g.count_logs(log, int(log.max(initial=-1)) + 1)[is_wanted(g, masks)]
            for g in iterate_groupings(encoded, way)
            if len(g.attributes) == way
        ]
        kinds = unseen(np.concatenate([np.empty(0, np.int64), *counts]))
        n_logs = len(np.unique(log))
        yield _row("unseen_mass", way, kinds.unseen_mass, n_logs)
        yield _row("n_kinds_seen", way, float(kinds.n_kinds), n_logs)
        yield _row("n_kinds_estimated", way, kinds.n_kinds_estimated, n_logs)


def _distances(encoded: Encoded, labelled: IntArray, wanted: Wanted) -> Iterator[dict[str, Any]]:
    part = encoded.take(labelled)
    for whole, own in zip(encoded.attributes, part.attributes, strict=True):
        kept = wanted(whole)
        js = divergence(_counts(own)[kept], _counts(whole)[kept]).js
        yield {**_row("js_to_fleet", 1, js, len(labelled)), "attributes": [whole.name]}


def _counts(attribute: EncodedAttribute) -> IntArray:
    return np.bincount(attribute.codes, minlength=len(attribute.values))


def _row(measure: str, n_way: int, value: float, support: int) -> dict[str, Any]:
    is_known = bool(np.isfinite(value))
    return {
        "measure": measure,
        "n_way": n_way,
        "attributes": [],
        "value": float(value) if is_known else None,
        "valid": is_known,
        "support": support,
    }
