"""The models of the workspace: who trained them on what, whether they are in service, and what they measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from oddloop.coverage import ALL_SCENES
from oddloop.report.columns import finite
from oddloop.rounds.model import last_promotion
from oddloop.rounds.state import MODELS, RoundState
from oddloop.web.store import View


@dataclass(frozen=True)
class Measured:
    """A metric over all evaluation scenes, with the interval over whole logs and what it rests on."""

    metric: str
    stack: str
    value: float | None
    ci_low: float | None
    ci_high: float | None
    n_scenes: int
    n_logs: int
    support: int


@dataclass(frozen=True)
class TrainedOn:
    """The version of the labelled set that a model was trained on, and what it has otherwise than its parent."""

    digest: str
    parent: str
    n_scenes: int
    n_logs: int | None
    n_added: int | None
    n_corrected: int | None
    n_removed: int | None


@dataclass(frozen=True)
class Promotion:
    """When a model was put into service, by whom, and why."""

    at_ns: int
    author: str
    why: str


@dataclass(frozen=True)
class Model:
    """A model: the round and the training that it comes from, both "" where it was in the lake before oddloop.

    `picked_by` is the model whose scores chose the scenes that it was the first to learn from, "" for none;
    `in_service`: it is the one that was promoted last.
    """

    model_id: str
    round_id: str
    training_digest: str
    trained_at_ns: int | None
    picked_by: str
    dataset: TrainedOn | None
    in_service: bool
    promotions: tuple[Promotion, ...]
    measured: tuple[Measured, ...]


def list_models(view: View) -> tuple[Model, ...]:
    """All models: those that rounds have trained, newest first, then those of the lake."""
    return view.cached(("models", view.digest), lambda: tuple(_all(view)))


def _all(view: View) -> Iterator[Model]:
    events = view.events(MODELS)
    last = last_promotion(events)
    current = str(last.payload["model_id"]) if last else ""
    promoted: dict[str, list[Promotion]] = {}
    for event in (event for event in events if event.kind == "promoted"):
        told = Promotion(event.at_ns, event.author, str(event.payload.get("why", "")))
        promoted.setdefault(str(event.payload["model_id"]), []).append(told)
    seen: set[str] = set()
    trained = (_trained(view, state) for state in reversed(view.rounds) if state.training.get("digest"))
    for described in (*trained, *_of_lake(view)):
        name = str(described["model_id"])
        if name not in seen:  # trained anew under a name: the newest one bears it
            seen.add(name)
            yield Model(**described, in_service=name == current, promotions=tuple(promoted.get(name, ())))


def _trained(view: View, state: RoundState) -> dict[str, Any]:
    at_ns = next((e.at_ns for e in reversed(view.events(state.round_id)) if e.kind == "trained"), None)
    return {
        "model_id": str(state.training["model_id"]),
        "round_id": state.round_id,
        "training_digest": str(state.training["digest"]),
        "trained_at_ns": at_ns,
        "picked_by": str(state.proposal.get("model_id") or ""),
        "dataset": _dataset(state.training.get("dataset") or {}),
        "measured": measured_of(state),
    }


def _dataset(told: Mapping[str, Any]) -> TrainedOn | None:
    if not told:
        return None
    counts = (told.get(name) for name in ("n_logs", "n_added", "n_corrected", "n_removed"))
    return TrainedOn(str(told["digest"]), str(told.get("parent") or ""), int(told["n_scenes"]), *counts)


def _of_lake(view: View) -> Iterator[dict[str, Any]]:
    table = view.table("coverage", "segment_metrics.parquet")
    rows = table.filter(pc.equal(table["segment_id"], ALL_SCENES)).to_pylist() if table is not None else []
    measured = {str(row["model_id"]) for row in rows}
    for model_id in sorted({*view.workspace.models(), *measured}):
        mine = tuple(_measured(row) for row in rows if row["model_id"] == model_id)
        origin = {"round_id": "", "training_digest": "", "trained_at_ns": None, "picked_by": "", "dataset": None}
        yield {"model_id": model_id, **origin, "measured": mine}


def measured_of(state: RoundState) -> tuple[Measured, ...]:
    """What the model of a round measured over all scenes."""
    return tuple(_measured(row) for row in state.evaluation.get("overall", ()))


def _measured(row: Mapping[str, Any]) -> Measured:
    return Measured(
        metric=row["metric"],
        stack=row["stack"],
        value=finite(row["value"]),
        ci_low=finite(row["ci_low"]),
        ci_high=finite(row["ci_high"]),
        n_scenes=row["n_scenes"],
        n_logs=row["n_logs"],
        support=row["support"],
    )
