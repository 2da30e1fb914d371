"""What the lake and the scores say of one scene."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.lake.find import find_rows
from oddloop.lake.footers import footer_of
from oddloop.lake.workspace import TableFiles
from oddloop.report.columns import finite
from oddloop.report.formats import number
from oddloop.tables import SCENES
from oddloop.web.queries.scenes.index import SCORES, Index
from oddloop.web.store import View
from oddloop.web.times import moment

_TOLD = frozenset(("scene_id", "log_id", "split", "media_uri"))


@dataclass(frozen=True)
class Fact:
    """A column of the scene's row; `unit` is "" where none is declared."""

    name: str
    text: str
    unit: str


@dataclass(frozen=True)
class ModelScore:
    """A score as one model gave it; `percentile`: the share of scenes with a valid score below it, in [0, 100]."""

    model_id: str
    round_id: str
    value: float | None
    percentile: float | None
    n_scenes: int


@dataclass(frozen=True)
class NamedScore:
    """A score of the newest model."""

    name: str
    value: float


def row_of_scene(files: TableFiles | None, scene_id: str, but: Collection[str] = ()) -> Mapping[str, Any]:
    """The scene's row of a table without some columns; empty where it has none."""
    if files is None:
        return {}
    for file in files.files:
        columns = [name for name in footer_of(files.storage, file).names if name not in but]
        for part in find_rows(files.storage, file, [scene_id], columns):
            return dict(part.slice(0, 1).to_pylist()[0])
    return {}


def facts_of(row: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Its telemetry and whatever else its row says."""
    return tuple(
        Fact(name, moment(value), "") if name == "start_ns" else Fact(name, _text(value), _unit(name))
        for name, value in row.items()
        if name not in _TOLD and value is not None
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _unit(name: str) -> str:
    declared = SCENES.column(name)
    return (declared.unit or "") if declared else ""


def all_scores(index: Index, scene_id: str) -> tuple[NamedScore, ...]:
    """Every valid score of the newest model."""
    row = row_of_scene(index.view.files("score", SCORES), scene_id)
    named = ((name, finite(row.get(name))) for name in index.scores if row.get(f"{name}_valid"))
    return tuple(NamedScore(name, value) for name, value in named if value is not None)


def by_model(index: Index, row: int, score: str) -> tuple[ModelScore, ...]:
    """A score as the model of each round gave it, newest first; without rounds whose folder is gone."""
    return tuple(_by_model(index, row, score)) if score else ()


def _by_model(index: Index, row: int, score: str) -> Iterator[ModelScore]:
    seen: set[str] = set()
    for state in (state for state in reversed(index.view.rounds) if state.proposal):
        digest = str(state.proposal["stages"].get("score", ""))
        known = _valid_scores(index.view, digest, score) if digest and digest not in seen else None
        seen.add(digest)
        if known is None:
            continue
        value = finite(float(index.score(score, digest)[row]))
        share = None if value is None else 100 * float(np.searchsorted(known, value)) / max(len(known), 1)
        yield ModelScore(str(state.proposal.get("model_id", "")), state.round_id, value, share, len(known))


def _valid_scores(view: View, digest: str, score: str) -> np.ndarray[Any, Any] | None:
    """Ascending; None where they are not known."""
    files = view.files("score", SCORES, digest)
    if files is None:
        return None

    def make() -> np.ndarray[Any, Any] | None:
        try:
            table = files.storage.read_table(files.files[0], [score, f"{score}_valid"])
        except (pa.ArrowException, KeyError):
            return None
        return np.sort(table[score].filter(table[f"{score}_valid"]).drop_null().to_numpy())

    return view.cached(("valid scores", digest, score), make)
