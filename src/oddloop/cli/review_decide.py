"""One decision on several scenes from the command line, each recorded for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from oddloop.cli.shell import add_own_code
from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.review import UNDO, Board, decide, describe, take_back
from oddloop.rounds.state import Event


@dataclass
class Asked:
    """What came of it: the events, and what could not be recorded."""

    events: list[Event] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """A line per event for people."""
        return [f"{event.payload['scene_id']}: {describe(event)}" for event in self.events]

    def to_json(self) -> list[dict[str, Any]]:
        """The events for programs."""
        return [{"seq": e.seq, "author": e.author, "at_ns": e.at_ns, **e.payload} for e in self.events]


def decide_on(
    workspace: Workspace,
    ledger: Ledger,
    round_id: str,
    author: Author,
    said: tuple[str, str, int | None],
    scenes: Sequence[str],
) -> Asked:
    """Record a decision on each scene; one that cannot be recorded keeps none of the others from it.

    Without a number in `said`, one's own decisions count as seen, and other people's do not.
    """
    add_own_code(workspace)
    asked = Asked()
    for scene in scenes:
        try:
            asked.events.append(_record(workspace, ledger, round_id, author, said, scene))
        except LedgerError as error:
            asked.errors.append(str(error))
    return asked


def _record(
    workspace: Workspace,
    ledger: Ledger,
    round_id: str,
    author: Author,
    said: tuple[str, str, int | None],
    scene: str,
) -> Event:
    decision, reason, seen = said
    board = Board.of(ledger.round(round_id))
    standing = next((s for s in board.standings if s.scene_id == scene), None)
    if standing is None and decision == UNDO:
        return take_back(ledger, scene, reason, author)
    if seen is None and standing is not None and standing.event is not None:
        is_known = not standing.decision or standing.event.author == author.name
        seen = standing.seen if is_known else 0
    return decide(workspace, ledger, round_id, scene, decision, reason, author, seen=seen or 0)
