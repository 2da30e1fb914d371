"""The small dimensions, from what the ledger says: rounds, models and clusters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from oddloop.config import Config
from oddloop.derived_tables.star import DIM_CLUSTER, DIM_MODEL, DIM_ROUND
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import Scenario, read_cards
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.model import known_models, trained_rounds
from oddloop.rounds.state import DISCOVERY, ROUND_ZERO, Event, RoundState
from oddloop.tables import TableSpec

_S_PER_H = 3600.0


def round_rows(config: Config, ledger: Ledger, rounds: Sequence[RoundState], newest: str) -> pa.Table:
    """DIM_ROUND; a row of round zero where the ledger has no round.

    Args:
        config: for the unit of costs.
        ledger: for the times of what happened.
        rounds: all rounds, oldest first.
        newest: the round that the newest segments stand under.
    """
    states = rounds or [RoundState(ROUND_ZERO, "opened")]
    return _table(DIM_ROUND, (_round_row(state, ledger.events(state.round_id), config, newest) for state in states))


def _round_row(state: RoundState, events: Iterable[Event], config: Config, newest: str) -> dict[str, Any]:
    at = {event.kind: _time(event.at_ns) for event in events}
    proposal, evidence = state.proposal, state.evidence
    return {
        "round_id": state.round_id,
        "number": state.number,
        "status": state.status,
        "is_newest": state.round_id == newest,
        "policy": proposal.get("policy"),
        "score": proposal.get("score") or None,
        "budget": proposal.get("budget"),
        "n_picks": len(state.picks),
        "predicted_cost": state.cost,
        "cost_unit": config.cost.unit,
        "model_id": state.training.get("model_id"),
        "proposed_at": at.get("proposed"),
        "labelled_at": at.get("labelled"),
        "evaluated_at": at.get("evaluated"),
        "verdict": evidence.get("verdict"),
        "evidence": " ".join(evidence["sentences"]) if evidence.get("sentences") else None,
    }


def model_rows(workspace: Workspace, ledger: Ledger, rounds: Sequence[RoundState], measured: Sequence[str]) -> pa.Table:
    """DIM_MODEL: all that rounds have trained, those in the lake before, and those that are measured.

    Args:
        workspace: whose lake may hold models.
        ledger: for the times of trainings.
        rounds: all rounds, oldest first.
        measured: models of the coverages, the newest last; one at least.
    """
    trained = trained_rounds(list(rounds))
    known = dict.fromkeys([*known_models(workspace, list(rounds)), *measured])
    return _table(DIM_MODEL, (_model_row(name, trained.get(name), ledger, name == measured[-1]) for name in known))


def _model_row(model_id: str, state: RoundState | None, ledger: Ledger, is_newest: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"model_id": model_id, "is_newest": is_newest}
    if state is None:
        return row
    times = [event.at_ns for event in ledger.events(state.round_id) if event.kind == "trained"]
    n_scenes = state.training.get("dataset", {}).get("n_scenes")
    return row | {"trained_in": state.round_id, "trained_at": _time(times[-1]), "n_scenes_trained": n_scenes}


def cluster_rows(workspace: Workspace, ledger: Ledger, stages: Mapping[str, str]) -> pa.Table:
    """DIM_CLUSTER of the newest discovery; no rows where none was made, or its cards are gone."""
    folders = (f"derived/{stage}/{stages.get(stage, '-')}/manifest.json" for stage in ("discover", "cards"))
    if not all(map(workspace.storage.exists, folders)):
        return DIM_CLUSTER.empty()
    cards, names = read_cards(workspace, ledger.events(DISCOVERY), stages["discover"], stages["cards"])
    web_url = workspace.config.publish.web_url
    return _table(DIM_CLUSTER, (_cluster_row(card, names, web_url) for card in cards.to_pylist()))


def _cluster_row(card: Mapping[str, Any], names: Mapping[str, Scenario], web_url: str) -> dict[str, Any]:
    cluster_id = str(card["cluster_id"])
    said = names.get(cluster_id)
    same = ("rank", "n_scenes", "n_logs", "n_labelled", "per_hour", "per_hour_low", "per_hour_high")
    return {
        "cluster_id": cluster_id,
        **{name: card[name] for name in (*same, "error_lift", "error_lift_low", "error_lift_high")},
        "name": (said and said.name) or None,
        "risk": (said and said.risk) or None,
        "priority": (said and said.priority) or None,
        "status": said.status if said else "new",
        "hours": card["duration_s"] / _S_PER_H,
        "why": card["rank_text"],
        "cluster_url": f"{web_url.rstrip('/')}/clusters/{quote(cluster_id, safe='')}" if web_url else None,
    }


def _table(spec: TableSpec, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([dict(row) for row in rows], schema=spec.schema())


def _time(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / 1e9, UTC)
