"""States of rounds that are kept between reads: since events are only ever added, a later read begins after them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from oddloop.rounds.state import BESIDE_ROUNDS, Event, RoundState, fold


@dataclass
class _Round:
    first_seq: int
    last_seq: int
    state: RoundState


@dataclass
class Folded:
    """What the events that were read so far have made of the rounds."""

    _rounds: dict[str, _Round] = field(default_factory=dict)
    _through: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seen(self, round_id: str | None = None) -> int:
        """Number of the last event that need not be read again, of one round or of all."""
        known = self._rounds.get(round_id) if round_id else None
        return max(self._through, known.last_seq if known else 0)

    def state(self, round_id: str) -> RoundState | None:
        """State of a round, None where it has not begun."""
        known = self._rounds.get(round_id)
        return known.state if known else None

    def states(self) -> list[RoundState]:
        """States of all rounds, oldest first."""
        return [known.state for known in sorted(self._rounds.values(), key=lambda known: known.first_seq)]

    def take(self, events: Iterable[Event], *, are_all: bool) -> None:
        """Fold what came after, of all rounds where `are_all`; what is folded already does nothing."""
        with self._lock:
            last = self._through
            for round_id, new in _by_round(events).items():
                last = max(last, new[-1].seq)
                if round_id not in BESIDE_ROUNDS:
                    self._fold(round_id, new)
            if are_all:
                self._through = last

    def _fold(self, round_id: str, events: list[Event]) -> None:
        known = self._rounds.get(round_id)
        new = [event for event in events if known is None or event.seq > known.last_seq]
        state = fold(new, known.state if known else None)
        if state is not None and new:
            self._rounds[round_id] = _Round(known.first_seq if known else new[0].seq, new[-1].seq, state)


def _by_round(events: Iterable[Event]) -> Mapping[str, list[Event]]:
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.round_id, []).append(event)
    return groups
