"""What is known of picked scenes: their conditions, and their scores when they were picked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pyarrow as pa

from oddloop.report.columns import finite, take_by_id
from oddloop.rounds.state import RoundState
from oddloop.tables import UNKNOWN
from oddloop.web.store import View

T = TypeVar("T")
Values = Mapping[str, frozenset[str]]
"""Values of a scene by attribute; several where it is multi-label."""
_NO_ATTRIBUTES = ("scene_id", "labelled")


def values_of(view: View, state: RoundState, scene_ids: Sequence[str]) -> dict[str, Values]:
    """Conditions of scenes, as the coverage that the round was proposed from has them; none where it is gone."""
    return _looked_up(view, state, ("coverage", "scene_values.parquet", "*"), scene_ids, _values)


def scores_of(view: View, state: RoundState, scene_ids: Sequence[str]) -> dict[str, float | None]:
    """The policy's score of scenes; none where the folder of the selection is gone."""
    return _looked_up(view, state, ("select", "candidates.parquet", "scene_id, score"), scene_ids, _scores)


def _looked_up(
    view: View,
    state: RoundState,
    source: tuple[str, str, str],
    scene_ids: Sequence[str],
    read: Callable[[pa.Table, Sequence[str]], dict[str, T]],
) -> dict[str, T]:
    """What a table of the round says of some scenes; only their rows are read, since there may be a million others."""
    stage, file, columns = source
    digest = _digest(state, stage)
    scenes = view.files(stage, file, digest)
    if scenes is None or not scene_ids:
        return {}

    def look_up() -> dict[str, T]:
        sql = f"SELECT {columns} FROM scenes WHERE scene_id IN (SELECT unnest(?))"  # noqa: S608 - our own columns
        rows = view.query(sql, [list(scene_ids)], scenes=scenes)
        return read(take_by_id(rows, pa.array(scene_ids, pa.string())), scene_ids)

    return view.cached((file, digest, tuple(scene_ids)), look_up)


def _scores(table: pa.Table, scene_ids: Sequence[str]) -> dict[str, float | None]:
    return dict(zip(scene_ids, map(finite, table["score"].to_pylist()), strict=True))


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
