"""Where each pick of a round stands: what was decided on it last, and what stands in its place.

A fold over the round's state. A pick that nobody has decided on, or whose decision was undone, is kept like one that
is approved, as long as the review goes on. A swap brings a scene in; it stays in as long as that swap is the last word
on the pick that it replaces, and what was decided on the scene before it came in does not count.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.errors import LedgerError
from oddloop.rounds.state import Event, RoundState, newest_open

APPROVE, REJECT, DEFER, SWAP, UNDO = "approve", "reject", "defer", "swap", "undo"
DECISIONS = (APPROVE, REJECT, DEFER, SWAP, UNDO)
KEEPS = (APPROVE, "")
"""Decisions that leave a pick in; "" is none."""
_ROUNDING = 1e-9
"""Relative: costs are added up in another order than the policy did."""


def round_to_review(rounds: Sequence[RoundState]) -> RoundState | None:
    """The open round that has picks, or else the newest that has; None without any. `rounds` are oldest first."""
    with_picks = [state for state in rounds if state.proposal.get("picks")]
    return newest_open(with_picks) or (with_picks[-1] if with_picks else None)


@dataclass(frozen=True)
class Standing:
    """A pick, and what people have said of it.

    Attributes:
        pick: the pick as the ledger has it: scene_id, log_id, gain, cost, reasons.
        event: the last decision on it, one that was undone too; None where there was none.
        instead_of: the pick that it replaces; "" where the policy picked it at first.
        since: number of the swap that brought it in; 0 where the policy picked it at first.
    """

    pick: Mapping[str, Any]
    event: Event | None = None
    instead_of: str = ""
    since: int = 0

    @property
    def scene_id(self) -> str:
        """The scene."""
        return str(self.pick["scene_id"])

    @property
    def cost(self) -> float:
        """Predicted cost, in the cost unit."""
        return float(self.pick["cost"])

    @property
    def decision(self) -> str:
        """`approve`, `reject`, `defer` or `swap`; "" where nothing is decided."""
        word = str(self.event.payload["decision"]) if self.event else ""
        return "" if word == UNDO else word

    @property
    def seen(self) -> int:
        """What a reviewer who looks now has seen: the number of the last decision, 0 for none."""
        return self.event.seq if self.event else 0

    @property
    def is_kept(self) -> bool:
        """Whether it would be labelled if the review ended now and the undecided were approved."""
        return self.decision in KEEPS

    @property
    def replaced_by(self) -> str:
        """The scene that a swap has brought in for it; "" for none."""
        replacement = self.event.payload.get("replacement") if self.event and self.decision == SWAP else None
        return str(replacement["scene_id"]) if replacement else ""


@dataclass(frozen=True)
class Board:
    """All picks of a round, the policy's in greedy order, then replacements in the order in which they came.

    >>> picks = [{"scene_id": "a", "cost": 2.0}, {"scene_id": "b", "cost": 1.0}]
    >>> board = Board.of(RoundState("r001", "proposed", {"picks": picks, "budget": 4.0}))
    >>> board.cost, board.left, [standing.decision for standing in board.standings]
    (3.0, 1.0, ['', ''])
    """

    round_id: str
    budget: float
    standings: tuple[Standing, ...]

    @staticmethod
    def of(state: RoundState) -> Board:
        """The picks of a round's proposal as its decisions have left them."""
        found = []
        waiting = [(0, i, pick, "") for i, pick in enumerate(state.proposal.get("picks", ()))]
        while waiting:
            since, _, pick, instead_of = heapq.heappop(waiting)
            last = state.decisions.get(str(pick["scene_id"]))
            standing = Standing(pick, last if last and last.seq > since else None, instead_of, since)
            found.append(standing)
            if standing.replaced_by and standing.event:
                replacement = standing.event.payload["replacement"]
                heapq.heappush(waiting, (standing.event.seq, 0, replacement, standing.scene_id))
        return Board(state.round_id, float(state.proposal.get("budget", 0.0)), tuple(found))

    @property
    def kept(self) -> list[Standing]:
        """Picks that are in."""
        return [standing for standing in self.standings if standing.is_kept]

    @property
    def seen(self) -> int:
        """What a reviewer who looks at the whole round now has seen: the number of the last decision, 0 for none."""
        return max((standing.seen for standing in self.standings), default=0)

    @property
    def cost(self) -> float:
        """What the picks cost that are in."""
        return sum(standing.cost for standing in self.kept)

    @property
    def left(self) -> float:
        """What is left of the budget."""
        return max(self.budget - self.cost, 0.0)

    def fits(self, cost: float, without: str = "") -> bool:
        """Whether the budget pays for so much more, once a pick is out."""
        kept = sum(standing.cost for standing in self.kept if standing.scene_id != without)
        return kept + cost <= self.budget * (1 + _ROUNDING)

    def find(self, scene_id: str) -> Standing:
        """A pick.

        Raises:
            LedgerError: the scene is none.
        """
        found = next((s for s in self.standings if s.scene_id == scene_id), None)
        if found is None:
            raise LedgerError(f"scene {scene_id!r} is no pick of {self.round_id}; `oddloop review` lists them")
        return found
