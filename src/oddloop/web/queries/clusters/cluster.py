"""One cluster: what it is, why it may matter, how its scenes look, what became of it and what people say of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from oddloop.report.cards_drawings import KINDS
from oddloop.report.cards_wording import Fact, facts_of, why_of
from oddloop.rounds.discovery import last_said
from oddloop.rounds.discovery.names import STATUSES, Note, Scenario
from oddloop.web.queries.clusters.found import Found, read_found
from oddloop.web.queries.clusters.history import Chapter, history_of
from oddloop.web.queries.clusters.lines import Asking, ClusterLine, Trait, asking_of, line_of, traits_of
from oddloop.web.store import NothingThereError, View


@dataclass(frozen=True)
class Shown:
    """Scenes of a kind: `typical`, `extreme` or `uncertain`, the most so first."""

    kind: str
    scene_ids: tuple[str, ...]


@dataclass(frozen=True)
class Relative:
    """Another cluster that holds this one, or lies inside it."""

    cluster_id: str
    name: str
    n_scenes: int


@dataclass(frozen=True)
class Cluster:
    """A cluster.

    Attributes:
        cluster_id: its lasting id.
        line: in short; null where the newest discovery does not have it.
        name, status, risk, priority, notes: what people say of it.
        parent: smallest cluster that holds it.
        inside: clusters that lie directly inside it.
        facts, reasons: what was measured, and why it may matter.
        traits: what sets it apart, by falling lift.
        scenes: scenes to look at.
        history: what became of it, newest first.
        asking: what somebody must say of it.
        candidates: questions that naming this one could answer.
        seen: number of the last event that says something of it; 0: nobody has.
        statuses, risk_levels: what may be said.
    """

    cluster_id: str
    line: ClusterLine | None
    name: str
    status: str
    risk: str
    priority: int
    notes: tuple[Note, ...]
    parent: Relative | None
    inside: tuple[Relative, ...]
    facts: tuple[Fact, ...]
    reasons: tuple[str, ...]
    traits: tuple[Trait, ...]
    scenes: tuple[Shown, ...]
    history: tuple[Chapter, ...]
    asking: Asking | None
    candidates: tuple[Asking, ...]
    seen: int
    statuses: tuple[str, ...]
    risk_levels: tuple[str, ...]


def read_cluster(view: View, cluster_id: str) -> Cluster:
    """A cluster of the newest discovery, or one that there was before.

    Raises:
        NothingThereError: there never was such a cluster.
    """
    found = read_found(view)
    card = _card(found, cluster_id)
    said, history = found.said_of(cluster_id), history_of(found.events, cluster_id)
    if card is None and not history:
        raise NothingThereError(f"there is no cluster {cluster_id!r}")
    last = last_said(found.events, cluster_id)
    asking = [asking_of(question) for question in found.questions]
    return Cluster(
        cluster_id=cluster_id,
        line=line_of(card, said) if card else None,
        **_said(said),
        **_told(found, card or {}),
        history=history,
        asking=next((one for one in asking if one.cluster_id == cluster_id), None),
        candidates=tuple(one for one in asking if cluster_id in one.into and one.cluster_id != cluster_id),
        seen=last.seq if last else 0,
        statuses=STATUSES,
        risk_levels=tuple(view.config.discover.names.risk_levels),
    )


def _card(found: Found, cluster_id: str) -> dict[str, Any] | None:
    if found.cards is None:
        return None
    rows: list[dict[str, Any]] = found.cards.filter(pc.field("cluster_id") == cluster_id).to_pylist()
    return rows[0] if rows else None


def _said(said: Scenario) -> dict[str, Any]:
    return {name: getattr(said, name) for name in ("name", "status", "risk", "priority", "notes")}


def _told(found: Found, card: dict[str, Any]) -> dict[str, Any]:
    """What its card says; nothing where there is none."""
    scenes = tuple(Shown(kind, tuple(card[kind])) for kind in KINDS if card.get(kind))
    return {
        "parent": next(iter(_relatives(found, "cluster_id", card.get("parent_id") or "")), None),
        "inside": _relatives(found, "parent_id", card.get("cluster_id", "")),
        "facts": tuple(facts_of(card)) if card else (),
        "reasons": tuple(why_of(card)) if card else (),
        "traits": traits_of(card) if card else (),
        "scenes": scenes,
    }


def _relatives(found: Found, column: str, value: str) -> tuple[Relative, ...]:
    if found.cards is None or not value:
        return ()
    rows = found.cards.select(["cluster_id", "parent_id", "n_scenes"]).filter(pc.field(column) == value).to_pylist()
    return tuple(Relative(r["cluster_id"], found.said_of(r["cluster_id"]).name, r["n_scenes"]) for r in rows)
