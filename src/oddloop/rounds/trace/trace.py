"""The whole life of a scene, from what the ledger, the snapshots and the derived folders still know.

Time grows with the events of the ledger and, per round, with one row and one column of its pool snapshot; resampling
for what changed is done once. Folders that are gone are named, and the rest is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oddloop.errors import WorkspaceError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.review import at_text
from oddloop.rounds.stages import make_generator
from oddloop.rounds.state import BESIDE_ROUNDS, DISCOVERY, Event, RoundState, fold
from oddloop.rounds.trace.candidacy import candidacies
from oddloop.rounds.trace.clusters import memberships
from oddloop.rounds.trace.learning import labelling, learning
from oddloop.rounds.trace.moment import Moment
from oddloop.rounds.trace.people import handling
from oddloop.rounds.trace.reading import Keep, Reader, make_anew
from oddloop.tables import SCENES


@dataclass(frozen=True)
class Trace:
    """A scene's life.

    Attributes:
        scene_id: the scene.
        summary: one sentence.
        moments: in the order of the ledger; what nobody recorded the time of comes first.
        missing: files that are gone, so that something may not be told.
    """

    scene_id: str
    summary: str
    moments: tuple[Moment, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain content."""
        moments = [moment.to_json() for moment in self.moments]
        return {"scene_id": self.scene_id, "summary": self.summary, "moments": moments, "missing": list(self.missing)}


@dataclass(frozen=True)
class _Past:
    """What the ledger says, alike for all scenes: its events, those of each round, the rounds, their last events."""

    events: Sequence[Event]
    by_round: Mapping[str, list[Event]]
    states: Sequence[RoundState]
    at: Mapping[tuple[str, str], Event]


def trace_scene(
    workspace: Workspace, ledger: Ledger, scene_id: str, keep: Keep = make_anew, as_of: int | None = None
) -> Trace:
    """Tell the life of a scene: seen, scored, clustered, picked, reviewed, sent, labelled, learned from.

    Args:
        workspace: the workspace; nothing in it is changed, and it may be in use.
        ledger: its ledger.
        scene_id: the scene.
        keep: gives the value of a key, made where it is not kept; for who asks often.
        as_of: only events up to this number count; needed where anything is kept.

    Raises:
        WorkspaceError: neither the lake nor the ledger knows the scene.
    """
    past: _Past = keep(("past", as_of), lambda: _past(ledger.events(as_of=as_of)))
    reader = Reader(workspace, scene_id, keep=keep)
    rng = make_generator(workspace.config.workspace.seed, "trace")
    moments = [*_scene(reader), *_told(reader, past, rng)]
    if not moments:
        raise WorkspaceError(f"{workspace.storage.url}: there is no scene {scene_id!r}; see `oddloop scenes find`")
    ordered = sorted(moments, key=lambda moment: _place(moment, past.events))
    return Trace(scene_id, _summary(ordered), tuple(ordered), tuple(reader.missing))


def _place(moment: Moment, events: Sequence[Event]) -> int:
    """Order of the ledger, since clocks may disagree; what it does not tell of, after the last event of before."""
    if moment.seq is not None:
        return moment.seq
    at_ns = moment.at_ns
    return -1 if at_ns is None else max((event.seq for event in events if event.at_ns <= at_ns), default=0)


def _scene(reader: Reader) -> Iterator[Moment]:
    for row in reader.of_lake(SCENES, ["log_id", "start_ns", "duration_s"], ["split"])[:1]:
        split = str(row.get("split") or "pool")
        held_out = "; held out for evaluation, so it is never picked" if split == "eval" else ""
        length = f"{row['duration_s']:,.3g} s"
        text = f"a scene of log {row['log_id']}, driven on {at_text(row['start_ns'])}, {length}{held_out}"
        yield Moment("scene", text, detail={name: row[name] for name in ("log_id", "start_ns", "duration_s")})


def _past(events: Sequence[Event]) -> _Past:
    by_round: dict[str, list[Event]] = {}
    for event in events:
        by_round.setdefault(event.round_id, []).append(event)
    states = [s for name, own in by_round.items() if name not in BESIDE_ROUNDS and (s := fold(own)) is not None]
    return _Past(events, by_round, states, {(event.round_id, event.kind): event for event in events})


def _told(reader: Reader, past: _Past, rng: np.random.Generator) -> Iterator[Moment]:
    proposed = [(state, past.at[state.round_id, "proposed"]) for state in past.states if state.proposal]
    yield from memberships(reader, past.by_round.get(DISCOVERY, []))
    yield from candidacies(reader, proposed)
    for own in past.by_round.values():
        yield from handling(reader.scene_id, own)
    yield from labelling(reader, _predicted(reader.scene_id, past.states))
    yield from learning(reader, past.states, past.at, rng)


def _predicted(scene_id: str, states: Sequence[RoundState]) -> dict[str, float]:
    """Predicted cost by round that picked the scene."""
    mine = ((s.round_id, pick) for s in states for pick in s.picks if pick["scene_id"] == scene_id)
    return {round_id: float(pick["cost"]) for round_id, pick in mine}


def _summary(moments: Sequence[Moment]) -> str:
    """What the moments come to."""
    rounds = [moment.round_id for moment in moments if moment.kind == "candidate"]
    picked = [moment.round_id for moment in moments if moment.kind == "picked"]
    parts = []
    if picked:
        parts.append(f"picked in {', '.join(dict.fromkeys(picked))}")
    elif rounds:
        parts.append(f"a candidate in {_span(rounds)}, never picked (`oddloop select --explain` asks the policy again)")
    if any(moment.kind == "labelled" for moment in moments):
        parts.append("labelled")
    parts += [moment.text for moment in moments if moment.kind == "trained"]
    return "; ".join(parts) or "never a candidate"


def _span(rounds: Sequence[str]) -> str:
    return rounds[0] if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]} ({len(rounds)} rounds)"
