"""Named scenarios with all that is known of them, as plain content for pages and files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import row_of, vector_matrix
from oddloop.discover.cards.parameters import measure_parameters
from oddloop.discover.risk import integrity_level
from oddloop.discover.search import find_similar
from oddloop.errors import WorkspaceError
from oddloop.ids import id_array
from oddloop.rounds.discovery.find import Lookup
from oddloop.rounds.discovery.names import Scenario

_COUNTER_EXAMPLES = 3
_SOURCE_COLUMNS = ("scene_id", "log_id", "start_ns", "duration_s", "media_uri")


def describe_scenarios(lookup: Lookup, scenes: pa.Table, only: str = "") -> list[dict[str, Any]]:
    """Every named scenario that is not called noise, by priority, then by rank.

    Args:
        lookup: discovery, vectors and attribute values.
        scenes: SCENES.
        only: name of one scenario; "" for all.

    Returns:
        per cluster of a scenario: name, risk, level, priority, status, notes, the card, `parameters`, `scenes` (its
        scenes with log, start and duration) and `counter_examples`: the scenes nearest to its typical ones that are not
        in it.

    Raises:
        WorkspaceError: nothing is named, or there is no such scenario.
    """
    named = [s for s in lookup.discovery.names.values() if s.name and s.status != "noise"]
    wanted = [s for s in named if only in ("", s.name)]
    if not wanted:
        known = ", ".join(sorted({s.name for s in named})) or "none; name a cluster with `oddloop discover name`"
        raise WorkspaceError(f"no scenario {only!r} to describe; named: {known}" if only else f"scenarios: {known}")
    cards = {card["cluster_id"]: card for card in lookup.discovery.cards.to_pylist()}
    here = [s for s in wanted if s.cluster_id in cards]
    here.sort(key=lambda s: (s.priority or 10**9, cards[s.cluster_id]["rank"]))
    vectors = lookup.discovered.storage.read_table("scene_vectors.parquet")
    return [_describe(lookup, scenes, vectors, said, cards[said.cluster_id]) for said in here]


def _describe(
    lookup: Lookup, scenes: pa.Table, vectors: pa.Table, said: Scenario, card: dict[str, Any]
) -> dict[str, Any]:
    members = lookup.discovery.lasting.members.filter(pc.field("cluster_id") == said.cluster_id)
    rows, _ = row_of(id_array(scenes["scene_id"]), id_array(members["scene_id"]))
    rows = np.sort(rows)
    columns = [name for name in _SOURCE_COLUMNS if name in scenes.column_names]
    return {
        "name": said.name,
        "cluster_id": said.cluster_id,
        "risk": said.risk,
        "level": integrity_level(said.risk),
        "priority": said.priority,
        "status": said.status,
        "notes": [asdict(note) for note in said.notes],
        "card": card,
        "parameters": [asdict(p) for p in measure_parameters(scenes, rows)],
        "scenes": scenes.select(columns).take(pa.array(rows)).to_pylist(),
        "counter_examples": _counter_examples(vectors, members, card["typical"]),
    }


def _counter_examples(vectors: pa.Table, members: pa.Table, typical: list[str]) -> list[str]:
    matrix, ids = vector_matrix(vectors["vector"].combine_chunks())[0], id_array(vectors["scene_id"])
    outside = pc.invert(pc.is_in(ids, value_set=id_array(members["scene_id"]))).to_numpy(zero_copy_only=False)
    examples, _ = row_of(ids, pa.array(typical, pa.string()))
    found = find_similar(matrix, matrix[examples], k=_COUNTER_EXAMPLES, rows=np.flatnonzero(outside))
    names: list[str] = ids.take(pa.array(found.rows)).to_pylist()
    return names
