"""What people do to clusters: name them, judge them, answer what a name means after a split."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from oddloop.discover.risk import risk_weight
from oddloop.errors import ConflictError, LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery.lasting import last_clustered, read_lasting
from oddloop.rounds.discovery.names import NAMED, STATUSES, Scenario, fold_names, open_questions
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.state import DISCOVERY, Event

_NOTHING_SAID = "say something of it: a name, --risk, --priority, --status or --note"


def name_cluster(
    workspace: Workspace,
    ledger: Ledger,
    cluster_id: str,
    author: Author,
    *,
    name: str = "",
    risk: str = "",
    priority: int | None = None,
    status: str = "",
    note: str = "",
    takes_from: str = "",
    seen: int | None = None,
) -> Scenario:
    """Record what somebody says of a cluster; what is left out stays as it was.

    Args:
        workspace: for the risk levels, and the clusters that there are.
        ledger: where it is recorded, durably, before this returns.
        cluster_id: the cluster.
        author: who says it, and when.
        name: makes it a scenario; one name may stand for several clusters.
        risk: a level of `[discover.names] risk_levels`, or `S3E4C2`.
        priority: 1 is first; 0 takes it back.
        status: `new`, `confirmed`, `noise` or `covered`; a first name without a status confirms.
        note: added to the notes.
        takes_from: a cluster whose name, risk and priority this one takes over, which answers the question of what
            became of that one.
        seen: `seq` of the last event that names this cluster which the author has seen, 0 for none; None: whichever.

    Returns:
        all that is said of the cluster now.

    Raises:
        ConflictError: somebody else has said something of it since.
        LedgerError: there is no such cluster, nothing was said, or a value is not allowed.
        ConfigError: the risk level is not known.
    """
    events = ledger.events(DISCOVERY)
    names = fold_names(events)
    _refuse_unknown(workspace, events, cluster_id)
    said: dict[str, Any] = _taken_over(names, takes_from) if takes_from else {}
    told = {"name": name.strip(), "risk": risk.strip(), "status": status, "note": note.strip()}
    said |= {key: value for key, value in told.items() if value}
    said |= {} if priority is None else {"priority": priority}
    _refuse_values(workspace, said)
    if "name" in said and "status" not in said and names.get(cluster_id, Scenario("")).status == "new":
        said["status"] = "confirmed"
    payload = {"cluster_id": cluster_id, **said} | ({"answers": takes_from} if takes_from else {})
    _record(ledger, events, payload, author, seen)
    return fold_names(ledger.events(DISCOVERY))[cluster_id]


def settle_question(ledger: Ledger, cluster_id: str, author: Author, *, note: str = "") -> None:
    """Answer the question of what became of a named cluster with: none of the new ones bears its name.

    Raises:
        LedgerError: there is no open question of that cluster.
    """
    events = ledger.events(DISCOVERY)
    asked = [question.cluster_id for question in open_questions(events)]
    if cluster_id not in asked:
        raise LedgerError(f"cluster {cluster_id!r} has no open question; open: {', '.join(asked) or 'none'}")
    payload = {"cluster_id": cluster_id, "answers": cluster_id} | ({"note": note} if note else {})
    _record(ledger, events, payload, author, None)


def last_said(events: Iterable[Event], cluster_id: str) -> Event | None:
    """The newest event that says something of a cluster; None where nobody has."""
    return next(iter(reversed(_said_of(events, cluster_id))), None)


def _said_of(events: Iterable[Event], cluster_id: str) -> list[Event]:
    return [e for e in events if e.kind == NAMED and e.payload["cluster_id"] == cluster_id]


def _record(ledger: Ledger, events: list[Event], payload: dict[str, Any], author: Author, seen: int | None) -> None:
    """Append what is said as the next word on the cluster; of two who speak at once, the second is told."""
    cluster_id = payload["cluster_id"]
    mine = _said_of(events, cluster_id)
    if seen is not None and mine and mine[-1].seq > seen:
        raise _overtaken(mine[-1])
    # The number of words so far names the next one, so that both cannot be recorded under it.
    event = ledger.append(DISCOVERY, NAMED, payload, key=f"{cluster_id}-n{len(mine)}", author=author)
    if (event.author, dict(event.payload)) != (author.name, payload):
        raise _overtaken(event)


def _overtaken(event: Event) -> ConflictError:
    words = ("name", "risk", "priority", "status", "note", "answers")
    said = ", ".join(f"{key} {event.payload[key]}" for key in words if key in event.payload)
    cluster_id = event.payload["cluster_id"]
    return ConflictError(f"{event.author} has said of {cluster_id} meanwhile: {said}; look at it and say yours again")


def _refuse_unknown(workspace: Workspace, events: list[Event], cluster_id: str) -> None:
    head = last_clustered(events)
    if head is None:
        raise LedgerError("there are no clusters yet; run `oddloop discover` first")
    known = set(read_lasting(workspace, head).ids["cluster_id"].to_pylist()) | set(fold_names(events))
    if cluster_id not in known:
        close = difflib.get_close_matches(cluster_id, sorted(known), n=3)
        hint = f"did you mean {', '.join(close)}?" if close else "`oddloop discover` lists them"
        raise LedgerError(f"cluster {cluster_id!r} does not exist; {hint}")


def _taken_over(names: dict[str, Scenario], cluster_id: str) -> dict[str, Any]:
    source = names.get(cluster_id)
    if source is None or not source.name:
        named = ", ".join(s.cluster_id for s in names.values() if s.name) or "none"
        raise LedgerError(f"cluster {cluster_id!r} has no name to take over; named: {named}")
    taken = {"name": source.name, "risk": source.risk, "priority": source.priority, "status": source.status}
    return {key: value for key, value in taken.items() if value}


def _refuse_values(workspace: Workspace, said: dict[str, Any]) -> None:
    if not said:
        raise LedgerError(f"nothing was said of the cluster; {_NOTHING_SAID}")
    if said.get("status", "new") not in STATUSES:
        raise LedgerError(f"status {said['status']!r} is not one of {', '.join(STATUSES)}")
    if said.get("priority", 0) < 0:
        raise LedgerError(f"priority {said['priority']} is below 0; 1 is first, 0 is none")
    risk_weight(said.get("risk", ""), workspace.config.discover.names.risk_levels)
