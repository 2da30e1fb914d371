"""What is known of picked scenes: their conditions, and their scores when they were picked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from oddloop.report.columns import finite, take_by_id
from oddloop.rounds.state import RoundState
from oddloop.tables import UNKNOWN
from oddloop.web.store import View

Values = Mapping[str, frozenset[str]]
"""Values of a scene by attribute; several where it is multi-label."""
_NO_ATTRIBUTES = ("scene_id", "labelled")


def values_of(view: View, state: RoundState, scene_ids: Sequence[str]) -> dict[str, Values]:
    """Conditions of scenes, as the coverage that the round was proposed from has them; none where it is gone."""
    table = view.table("coverage", "scene_values.parquet", digest=_digest(state, "coverage"))
    if table is None:
        return {}
    key = ("values", _digest(state, "coverage"), tuple(scene_ids))
    return view.cached(key, lambda: _values(take_by_id(table, pa.array(scene_ids, pa.string())), scene_ids))


def scores_of(view: View, state: RoundState, scene_ids: Sequence[str]) -> dict[str, float | None]:
    """The policy's score of scenes; none where the folder of the selection is gone."""
    digest = _digest(state, "select")
    table = view.table("select", "candidates.parquet", ["scene_id", "score"], digest=digest)
    if table is None:
        return {}

    def look_up() -> dict[str, float | None]:
        found = take_by_id(table, pa.array(scene_ids, pa.string()))["score"].to_pylist()
        return dict(zip(scene_ids, map(finite, found), strict=True))

    return view.cached(("scores", digest, tuple(scene_ids)), look_up)


def _digest(state: RoundState, stage: str) -> str:
    return str(state.proposal.get("stages", {}).get(stage, "-"))  # no folder has that name


def _values(table: pa.Table, scene_ids: Sequence[str]) -> dict[str, Values]:
    columns = table.drop_columns(list(_NO_ATTRIBUTES))
    rows = columns.to_pylist() if columns.num_columns else [{}] * len(scene_ids)
    found = ({name: _set_of(value) for name, value in row.items()} for row in rows)
    return dict(zip(scene_ids, found, strict=True))


def _set_of(value: str | list[str] | None) -> frozenset[str]:
    if value is None:
        return frozenset((UNKNOWN,))
    return frozenset((value,)) if isinstance(value, str) else frozenset(value)
