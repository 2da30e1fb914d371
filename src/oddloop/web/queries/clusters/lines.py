"""The list of clusters, in the order in which they should be looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from oddloop.report.columns import finite
from oddloop.rounds.discovery.names import STATUSES, Question, Scenario, Status
from oddloop.web.paging import PageAsked, Part, part_of
from oddloop.web.queries.clusters.found import Found, read_found
from oddloop.web.store import View

N_TRAITS = 4
_PLAIN = ("cluster_id", "rank", "n_scenes", "n_logs", "duration_s", "n_labelled", "metric")
_NUMBERS = ("error_lift", "error_lift_low", "error_lift_high", "score_lift_low", "rarity_bits", "rarity_bits_low")


class ClustersAsked(PageAsked):
    """Which clusters."""

    limit: Annotated[int, Field(ge=1, le=500, description="items at most")] = 30
    status: Annotated[Status | Literal[""], Field(description="only those of this status")] = ""
    named: Annotated[Literal["", "yes", "no"], Field(description="only those with, or without, a name")] = ""
    text: Annotated[str, Field(max_length=200, description="words that all stand in id, name, traits or notes")] = ""


@dataclass(frozen=True)
class Trait:
    """An attribute value that is more frequent in a cluster than elsewhere; `q` is the false discovery rate."""

    attribute: str
    value: str
    share: float
    share_elsewhere: float
    lift: float | None
    q: float | None


@dataclass(frozen=True)
class ClusterLine:
    """A cluster in short.

    `rank` is its place (1 is first) and `why` the reason; `error_lift` says by how many standard deviations its metric
    is worse than elsewhere, with a 95 % interval; rarity is -log2 of the share of logs that have it, `_low` its lower
    end. `priority` 0 is none.
    """

    cluster_id: str
    name: str
    status: str
    risk: str
    priority: int
    rank: int
    why: str
    parent_id: str
    n_scenes: int
    n_logs: int
    duration_s: float
    n_labelled: int
    metric: str
    error_lift: float | None
    error_lift_low: float | None
    error_lift_high: float | None
    score_lift_low: float | None
    rarity_bits: float | None
    rarity_bits_low: float | None
    traits: tuple[Trait, ...]
    typical: str


@dataclass(frozen=True)
class Asking:
    """A named cluster that split or merged: which of `into` bears its name now?"""

    cluster_id: str
    name: str
    event: str
    into: tuple[str, ...]


@dataclass(frozen=True)
class Clusters:
    """The clusters that were asked for, how many there are in all and of each status, and what somebody must say.

    `changed_at_ns` is when clusters were last found; `changes` counts what became of them since the discovery before.
    """

    clusters: Part[ClusterLine]
    n_clusters: int
    n_named: int
    by_status: dict[str, int]
    questions: tuple[Asking, ...]
    changes: dict[str, int]
    changed_at_ns: int | None
    status: str
    named: str
    text: str


def read_clusters(view: View, asked: ClustersAsked) -> Clusters:
    """A part of the clusters, the first to be looked at first."""
    found = read_found(view)
    lines = view.cached(("clusters", view.digest), lambda: lines_of(found))
    words = asked.text.lower().split()
    kept = [line for line in lines if _is_wanted(line, asked) and _has(words, line, found.said_of(line.cluster_id))]
    count = Counter(line.status for line in lines)
    return Clusters(
        clusters=part_of(kept, asked),
        n_clusters=len(lines),
        n_named=sum(bool(line.name) for line in lines),
        by_status={status: count[status] for status in STATUSES},
        questions=tuple(asking_of(question) for question in found.questions),
        changes=dict(found.head.payload["counts"]) if found.head else {},
        changed_at_ns=found.head.at_ns if found.head else None,
        status=asked.status,
        named=asked.named,
        text=asked.text,
    )


def asking_of(question: Question) -> Asking:
    """A question without what the command line says of it."""
    return Asking(question.cluster_id, question.name, question.event, question.into)


def lines_of(found: Found) -> tuple[ClusterLine, ...]:
    """All clusters of the newest discovery in short."""
    rows = found.cards.to_pylist() if found.cards is not None else []
    return tuple(line_of(row, found.said_of(row["cluster_id"])) for row in rows)


def line_of(card: Mapping[str, Any], said: Scenario) -> ClusterLine:
    """A card in short."""
    plain: dict[str, Any] = {name: card[name] for name in _PLAIN} | {name: finite(card[name]) for name in _NUMBERS}
    return ClusterLine(
        **plain,
        name=said.name,
        status=said.status,
        risk=said.risk,
        priority=said.priority,
        why=card["rank_text"],
        parent_id=card["parent_id"] or "",
        traits=traits_of(card)[:N_TRAITS],
        typical=next(iter(card["typical"]), ""),
    )


def traits_of(card: Mapping[str, Any]) -> tuple[Trait, ...]:
    """What sets a cluster apart, by falling lift."""
    return tuple(Trait(**{**trait, "lift": finite(trait["lift"]), "q": finite(trait["q"])}) for trait in card["traits"])


def _is_wanted(line: ClusterLine, asked: ClustersAsked) -> bool:
    return asked.status in ("", line.status) and asked.named in ("", "yes" if line.name else "no")


def _has(words: list[str], line: ClusterLine, said: Scenario) -> bool:
    if not words:
        return True
    traits = (f"{trait.attribute}={trait.value}" for trait in line.traits)
    text = "\n".join([line.cluster_id, line.name, line.risk, *traits, *(note.text for note in said.notes)]).lower()
    return all(word in text for word in words)
