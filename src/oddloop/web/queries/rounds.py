"""The rounds, and one of them with its picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from oddloop.report.columns import finite
from oddloop.rounds.state import TRACKER, RoundState
from oddloop.web.paging import PageAsked, Part, part_of
from oddloop.web.queries.models import Measured, measured_of
from oddloop.web.store import View

_MANY = ("decided", "received")
"""Events of which there may be one or more per scene."""
_PAGES = {"label-studio": "/projects/{}/data", "cvat": "/tasks/{}"}
"""Where labelling tools show what was sent to them."""
STEPS = ("proposed", "reviewed", "sent", "labelled", "trained", "evaluated")
"""What a round passes through, for people; review and sending may be left out."""


@dataclass(frozen=True)
class Step:
    """A step of a round; `state` is `done`, `now`, `next` or `skipped`."""

    name: str
    state: str


@dataclass(frozen=True)
class RoundLine:
    """A round in one line; costs are in `cost_unit`, null where they are not known."""

    round_id: str
    status: str
    model_id: str
    policy: str
    n_picks: int
    n_candidates: int | None
    cost: float | None
    paid: float | None
    budget: float | None
    cost_unit: str


@dataclass(frozen=True)
class Reason:
    """Why a scene was picked: a stable code, and a sentence."""

    code: str
    text: str


@dataclass(frozen=True)
class Pick:
    """A picked scene; `decision` is the last one on it, "" where nobody has decided."""

    rank: int
    scene_id: str
    log_id: str
    cost: float | None
    cumulative_cost: float | None
    gain: float | None
    reasons: tuple[Reason, ...]
    decision: str
    decided_by: str


@dataclass(frozen=True)
class Evidence:
    """Whether the picks of a round helped: the verdict, and what it rests on, in sentences."""

    round_id: str
    verdict: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Elsewhere:
    """Where a round is in another tool: a tracker, or a labelling tool.

    `url` is "" where it has no address of its own for browsers; `name` is what the tool calls the round or its project.
    """

    tool: str
    name: str
    url: str


@dataclass(frozen=True)
class Moment:
    """Something that happened: what, when (ns since the Unix epoch), who."""

    kind: str
    at_ns: int
    author: str


@dataclass(frozen=True)
class Round:
    """A round: where it stands, what it picked, the model that came of it, and where it comes from.

    `measured` are the metrics of the model over all scenes, after the round's labels; `tracker` and `labelling` say
    where the round is in other tools, null where it was not sent there.
    """

    line: RoundLine
    steps: tuple[Step, ...]
    score: str
    seed: int | None
    pool_digest: str
    policy_digest: str
    stages: dict[str, str]
    picks: Part[Pick]
    measured: tuple[Measured, ...]
    evidence: Evidence | None
    tracker: Elsewhere | None
    labelling: Elsewhere | None
    history: tuple[Moment, ...]


def list_rounds(view: View) -> tuple[RoundLine, ...]:
    """All rounds, newest first."""
    return tuple(line_of(state) for state in reversed(view.rounds))


def line_of(state: RoundState) -> RoundLine:
    """A round in one line."""
    proposal = state.proposal
    return RoundLine(
        round_id=state.round_id,
        status=state.status,
        model_id=str(state.training.get("model_id") or proposal.get("model_id") or ""),
        policy=str(proposal.get("policy", "")),
        n_picks=len(state.picks) if proposal else int(state.labels.get("n_scenes", 0)),
        n_candidates=proposal.get("pool", {}).get("n_candidates"),
        cost=finite((state.review or proposal).get("cost")),
        paid=finite(state.labels.get("cost")),
        budget=finite(proposal.get("budget")),
        cost_unit=str(proposal.get("cost_unit", "")),
    )


def read_round(view: View, round_id: str, asked: PageAsked) -> Round:
    """A round, with the part of its picks that is asked for.

    Raises:
        NothingThereError: there is no such round.
    """
    state = view.round(round_id)
    proposal = state.proposal
    return Round(
        line=line_of(state),
        steps=steps_of(state),
        score=str(proposal.get("score", "")),
        seed=proposal.get("seed"),
        pool_digest=str(proposal.get("pool", {}).get("digest", "")),
        policy_digest=str(proposal.get("policy_source", "")),
        stages={name: str(digest) for name, digest in proposal.get("stages", {}).items()},
        picks=_picks(state, asked),
        measured=measured_of(state),
        evidence=evidence_of(state),
        tracker=_in_tracker(view, round_id),
        labelling=_in_labelling(state),
        history=tuple(Moment(e.kind, e.at_ns, e.author) for e in view.events(round_id) if e.kind not in _MANY),
    )


def _in_tracker(view: View, round_id: str) -> Elsewhere | None:
    """The round's run in the experiment tracker, by the last push; the tracker's own address where it is a server."""
    told = [e.payload for e in view.events(TRACKER) if e.kind == "pushed" and e.payload["what"] == round_id]
    if not told:
        return None
    name, server = str(told[-1].get("ref", "")), view.config.tracker.tracking_uri
    return Elsewhere(str(told[-1].get("kind", "")), name, next(filter(is_linkable, (name, server)), ""))


def _in_labelling(state: RoundState) -> Elsewhere | None:
    """Where its picks were sent: the project of Label Studio, the task of CVAT."""
    sent = state.sending
    if not sent:
        return None
    tool, project, url = (str(sent.get(name) or "") for name in ("tool", "project", "url"))
    if not is_linkable(url):
        return Elsewhere(tool, project or url, "")
    page = _PAGES.get(tool, "") if project else ""
    return Elsewhere(tool, project, f"{url.rstrip('/')}{page.format(quote(project, safe=''))}")


def is_linkable(address: str) -> bool:
    """Whether a browser may be led to an address: no `javascript:`, and no file.

    >>> is_linkable("https://a.example/x"), is_linkable("javascript:alert(1)"), is_linkable("sqlite:///mlflow.db")
    (True, False, False)
    """
    return address.startswith(("http://", "https://"))


def evidence_of(state: RoundState) -> Evidence | None:
    """What is known of whether the picks helped; None where nothing was weighed."""
    sentences = tuple(str(sentence) for sentence in state.evidence.get("sentences", ()))
    return Evidence(state.round_id, str(state.evidence.get("verdict", "")), sentences) if sentences else None


def _picks(state: RoundState, asked: PageAsked) -> Part[Pick]:
    rows = part_of(state.picks, asked)
    return Part(tuple(_pick(row, state) for row in rows.items), rows.total, rows.limit, rows.offset)


def _pick(row: Mapping[str, Any], state: RoundState) -> Pick:
    decided = state.decisions.get(str(row["scene_id"]))
    return Pick(
        rank=row["rank"],
        scene_id=row["scene_id"],
        log_id=row["log_id"],
        cost=finite(row["cost"]),
        cumulative_cost=finite(row["cumulative_cost"]),
        gain=finite(row["gain"]),
        reasons=tuple(Reason(reason["code"] or "", reason["text"] or "") for reason in row["reasons"] or ()),
        decision=str(decided.payload.get("decision", "")) if decided else "",
        decided_by=decided.author if decided else "",
    )


def steps_of(state: RoundState) -> tuple[Step, ...]:
    """The steps of a round and where it stands among them."""
    parts = (state.proposal, state.review, state.sending, state.labels, state.training.get("digest"), state.evaluation)
    done = [bool(part) for part in parts]
    last = max((place for place, is_done in enumerate(done) if is_done), default=-1)
    waits = state.is_open and state.status != ""
    return tuple(Step(name, _step_state(place, last, done[place], waits)) for place, name in enumerate(STEPS))


def _step_state(place: int, last: int, is_done: bool, waits: bool) -> str:
    if is_done:
        return "done"
    if place < last:
        return "skipped"
    return "now" if waits and place == last + 1 else "next" if waits else "skipped"
