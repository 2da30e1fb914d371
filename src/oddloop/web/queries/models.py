"""The models that the rounds have made, and what they measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oddloop.report.columns import finite
from oddloop.rounds.state import RoundState
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
class Model:
    """A trained model: after which round, by which training, and what it measured."""

    model_id: str
    round_id: str
    training_digest: str
    measured: tuple[Measured, ...]


def list_models(view: View) -> tuple[Model, ...]:
    """All trained models, newest first."""
    return tuple(_model(state) for state in reversed(view.rounds) if state.training.get("digest"))


def _model(state: RoundState) -> Model:
    training = state.training
    return Model(str(training["model_id"]), state.round_id, str(training["digest"]), measured_of(state))


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
