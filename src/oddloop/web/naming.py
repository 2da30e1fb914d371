"""What people say of clusters, written to the ledger under their name."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from oddloop.errors import ConfigError, LedgerError
from oddloop.rounds.discovery import fold_names, last_said, name_cluster, open_questions, settle_question
from oddloop.rounds.discovery.names import Note, Scenario, Status
from oddloop.rounds.state import DISCOVERY
from oddloop.web.decisions import Number, Text
from oddloop.web.forms import AsJson
from oddloop.web.store import Store

_answering = threading.Lock()
"""Answers with two heirs are words on two clusters, so the ledger alone would take both."""
Short = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Priority = Annotated[int, Field(strict=True, ge=0, le=10**6), AsJson]
ClusterId = Annotated[str, Field(pattern=r"^c\d{1,9}$", description="cluster, such as c0007")]


class NamingAsked(BaseModel):
    """What is said of a cluster; what is left out stays as it was."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[Short, Field(description="makes the cluster a scenario")] = ""
    risk: Annotated[Short, Field(description="a level of the team's scale, or such as `S3E4C2`")] = ""
    priority: Annotated[Priority | None, Field(description="1 is first; 0 takes it back")] = None
    status: Status | Literal[""] = ""
    note: Annotated[Text, Field(description="is added to the notes")] = ""
    seen: Annotated[Number | None, Field(description="`seen` of the cluster; null: whoever spoke")] = None


class AnswerAsked(BaseModel):
    """Which cluster bears the name of one that split or merged."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    heir: Annotated[ClusterId | Literal[""], Field(description="takes name, risk and priority over; empty: none")] = ""
    note: Text = ""


@dataclass(frozen=True)
class Named:
    """All that is said of a cluster now; `seen` is the number of the last event that says something of it."""

    cluster_id: str
    name: str
    risk: str
    priority: int
    status: str
    notes: tuple[Note, ...]
    by: str
    at_ns: int
    seen: int


def record_naming(store: Store, cluster_id: str, asked: NamingAsked, author: str) -> Named:
    """Record what somebody says of a cluster; it is durable when this returns.

    Raises:
        ConflictError: somebody else has said something of it since `asked.seen`.
        LedgerError: nothing is said, a value is not allowed, or there is no such cluster.
    """
    try:
        name_cluster(store.view().workspace, store.ledger, cluster_id, store.author(author), **asked.model_dump())
    except ConfigError as error:  # what it tells of is what was written, not the settings
        raise LedgerError(str(error)) from error
    return _said(store, cluster_id)


def record_answer(store: Store, cluster_id: str, asked: AnswerAsked, author: str) -> Named:
    """Record what the name of a cluster that split or merged means now.

    Raises:
        LedgerError: there is no such question, or no such cluster.
    """
    with _answering:
        return _said(store, _answer(store, cluster_id, asked, author))


def _answer(store: Store, cluster_id: str, asked: AnswerAsked, author: str) -> str:
    """Record an answer; returns the cluster of which something was said."""
    who = store.author(author)
    if not asked.heir:
        settle_question(store.ledger, cluster_id, who, note=asked.note)
        return cluster_id
    if cluster_id not in [question.cluster_id for question in open_questions(store.ledger.events(DISCOVERY))]:
        raise LedgerError(f"cluster {cluster_id!r} has no open question; perhaps somebody else has answered it")
    workspace = store.view().workspace
    name_cluster(workspace, store.ledger, asked.heir, who, note=asked.note, takes_from=cluster_id)
    return asked.heir


def _said(store: Store, cluster_id: str) -> Named:
    store.renew()
    events = store.ledger.events(DISCOVERY)
    said, last = fold_names(events)[cluster_id], last_said(events, cluster_id)
    return Named(cluster_id, said.name, said.risk, said.priority, said.status, said.notes, said.author, said.at_ns,
                 last.seq if last else 0)  # fmt: skip


def changes_of(said: Scenario, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form that say something else than what is said already.

    >>> changes_of(Scenario("c0001", name="tram"), {"name": "tram", "risk": "high", "priority": "0", "seen": "4"})
    {'risk': 'high', 'seen': '4'}
    """
    return {key: value for key, value in fields.items() if value != str(getattr(said, key, ""))}
