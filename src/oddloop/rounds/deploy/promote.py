"""Record that a model is in service, then tell whoever deploys it: at least once, with a key that tells repeats.

The promotion is recorded first and stays, whatever comes of the hooks. A hook that failed, or was never reached since
the process was killed, is fired again by promoting the same model again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.errors import DeployError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.deploy.hooks import Delivery, fire, refuse_missing_secret
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.model import known_models, last_promotion, model_uri
from oddloop.rounds.state import MODELS, Event, RoundState

DELIVERED, NOT_DELIVERED = "delivered", "not_delivered"


@dataclass(frozen=True)
class Promoted:
    """A model that is in service.

    Attributes:
        model_id: the model.
        round_id: the round that trained it; "" where it was there before oddloop.
        why: why, as whoever promoted it said.
        seq: place of the promotion in the ledger.
        is_new: whether it was promoted just now; False where it was in service already.
        deliveries: what became of each hook that was fired now.
        waiting: hooks that have not been told yet.
    """

    model_id: str
    round_id: str
    why: str
    seq: int
    is_new: bool
    deliveries: tuple[Delivery, ...]
    waiting: tuple[str, ...]


def promote(workspace: Workspace, ledger: Ledger, model_id: str, why: str, stamp: Callable[[], Author]) -> Promoted:
    """Put a model into service, a newer or an older one; one that is in service already only has its hooks fired.

    Args:
        workspace: the workspace.
        ledger: its ledger.
        model_id: a model that a round has trained, or one that is in the lake.
        why: why, for the record.
        stamp: who promotes it, and when.

    Raises:
        DeployError: there is no such model, or the secret to sign with is not set; nothing is recorded.
    """
    rounds, config = ledger.rounds(), workspace.config.deploy
    known = known_models(workspace, rounds)
    if model_id not in known:
        there = f"known: {', '.join(known)}" if known else "there is none yet; `oddloop run` trains the first"
        raise DeployError(f"no model {model_id!r} to promote; {there}")
    refuse_missing_secret(config)
    events = ledger.events(MODELS)
    last = last_promotion(events)
    event, is_new = last, False
    if last is None or last.payload["model_id"] != model_id:
        previous = last.payload["model_id"] if last else ""
        payload = {"model_id": model_id, "round_id": known[model_id], "why": why, "previous": previous}
        event = ledger.append(MODELS, "promoted", payload, key=f"{len(events)}-{model_id}", author=stamp())
        is_new = True
    assert event is not None  # noqa: S101  the last one, or the new one
    message = _message(workspace, rounds, event)
    fired = []
    for hook in _waiting(workspace, ledger.events(MODELS), event):
        fired.append(fire(hook, workspace, message, stamp().at_ns))
        _record(ledger, event, fired[-1], stamp())
    told = event.payload
    waiting = tuple(delivery.hook for delivery in fired if not delivery.is_delivered)
    return Promoted(model_id, str(told["round_id"]), str(told["why"]), event.seq, is_new, tuple(fired), waiting)


def deliveries(workspace: Workspace, events: Sequence[Event]) -> tuple[Event | None, list[str]]:
    """The promotion that holds now, None where nothing was promoted, and the hooks that were not told of it yet."""
    last = last_promotion(events)
    return last, _waiting(workspace, events, last) if last else []


def _waiting(workspace: Workspace, events: Sequence[Event], promotion: Event) -> list[str]:
    config = workspace.config.deploy
    wanted = [name for name in ("command", "webhook") if getattr(config, name)]
    told = {e.payload["hook"] for e in events if e.kind == DELIVERED and e.payload["promotion"] == promotion.seq}
    return [name for name in wanted if name not in told]


def _record(ledger: Ledger, promotion: Event, delivery: Delivery, author: Author) -> None:
    kind = DELIVERED if delivery.is_delivered else NOT_DELIVERED
    payload = {"promotion": promotion.seq, "hook": delivery.hook, "detail": delivery.detail}
    ledger.append(MODELS, kind, payload, key=f"{promotion.seq}/{delivery.hook}/{author.at_ns}", author=author)


def _message(workspace: Workspace, rounds: Sequence[RoundState], promotion: Event) -> Mapping[str, Any]:
    """What a hook is told: the same for every repeat, with the same key."""
    told = promotion.payload
    state = next((state for state in rounds if told["round_id"] and state.round_id == told["round_id"]), None)
    key = hashlib.sha256(f"{promotion.key} {promotion.at_ns}".encode()).hexdigest()[:32]
    return {
        "event": "promoted",
        "key": key,
        "workspace": workspace.config.workspace.name,
        "model_id": told["model_id"],
        "round_id": told["round_id"],
        "previous": told["previous"],
        "why": told["why"],
        "author": promotion.author,
        "at_ns": promotion.at_ns,
        "model_uri": model_uri(workspace, state) if state else "",
        "training": str(state.training["digest"]) if state else "",
        "dataset": dict(state.training.get("dataset", {})) if state else {},
        "metrics": list(state.evaluation.get("overall", [])) if state else [],
    }
