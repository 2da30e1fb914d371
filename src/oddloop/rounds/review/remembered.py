"""Scenes that people have rejected or deferred, over all rounds: the ledger is the truth, and policies obey it.

The last word on a scene counts, in whichever round it was said; what is said of a scene outside of any round stands
beside the rounds, under `review`. While a round is open its own decisions shut nothing out of its candidates, so that
nothing runs again because of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.review.board import DEFER, REJECT, SWAP, UNDO
from oddloop.rounds.state import REVIEW, Event, RoundState, newest_open, next_number

REJECTED, DEFERRED, SKIPPED = "rejected", "deferred", "skipped"


def last_words(events: Iterable[Event]) -> dict[str, Event]:
    """The last decision on each scene that there was one on, in any round or beside them."""
    return {str(event.payload["scene_id"]): event for event in events if event.kind == "decided"}


def set_aside(events: Iterable[Event], number: int, deferred_for_rounds: int) -> dict[str, dict[str, Event]]:
    """Scenes that are no candidates of a round, by why: `rejected`, or `deferred`.

    Args:
        events: the ledger.
        number: the round's number; only what was said in rounds before it counts.
        deferred_for_rounds: rounds after its own in which a deferred scene is left out.

    Returns:
        for each reason that applies, the last decision by scene.
    """
    found: dict[str, dict[str, Event]] = {}
    for scene_id, event in last_words(events).items():
        if reason := _reason(event, number, deferred_for_rounds):
            found.setdefault(reason, {})[scene_id] = event
    return found


def _reason(event: Event, number: int, deferred_for_rounds: int) -> str:
    decision = event.payload["decision"]
    if decision == UNDO or event.round_id == REVIEW:
        return ""
    ago = number - int(event.round_id.removeprefix("r"))
    if decision in (REJECT, SWAP) and ago > 0:
        return REJECTED
    return DEFERRED if decision == DEFER and 0 < ago <= deferred_for_rounds else ""


def scenes_set_aside(
    workspace: Workspace, events: Sequence[Event], rounds: Sequence[RoundState]
) -> dict[str, list[str]]:
    """Ids, sorted, of the scenes that are no candidates of the open round, or else of the next, by why."""
    current = newest_open(rounds)
    number = current.number if current else next_number(rounds)
    found: dict[str, Iterable[str]] = dict(set_aside(events, number, workspace.config.review.deferred_for_rounds))
    left = _left_without_labels(events, rounds, number) - {scene_id for scenes in found.values() for scene_id in scenes}
    found = {**found, SKIPPED: left} if left else found
    return {reason: sorted(scenes) for reason, scenes in sorted(found.items())}


def _left_without_labels(events: Sequence[Event], rounds: Sequence[RoundState], number: int) -> set[str]:
    """Scenes that annotators of an earlier round could not label, and that nobody wants again."""
    words = last_words(events)
    skipped = {scene_id for state in rounds if state.number < number for scene_id in state.skipped}
    return {s for s in skipped if s not in words or words[s].payload["decision"] != UNDO}


def take_back(ledger: Ledger, scene_id: str, reason: str, author: Author) -> Event:
    """Make a scene that was rejected, deferred or left without labels in a round before a candidate again.

    Raises:
        LedgerError: it is none of that.
    """
    last = last_words(ledger.events()).get(scene_id)
    is_skipped = any(scene_id in state.skipped for state in ledger.rounds())
    if not is_skipped and (last is None or last.payload["decision"] not in (REJECT, SWAP, DEFER)):
        raise LedgerError(f"scene {scene_id!r} is no pick of the open round, and nobody has rejected or deferred it")
    payload = {"scene_id": scene_id, "decision": UNDO, "reason": reason}
    key = f"{quote(scene_id)}/{last.seq if last else SKIPPED}/{UNDO}"
    return ledger.append(REVIEW, "decided", payload, key=key, author=author)
