"""Why no round was proposed, in the ledger: `stopped` once per state, `went_on` where a person wanted one anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from oddloop.config import StopConfig
from oddloop.lake.fingerprint import digest_of
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.state import STOPPING
from oddloop.select.stopping import Answer

STOPPED, WENT_ON = "stopped", "went_on"


@dataclass(frozen=True)
class Stop:
    """What the rules said when a round was due.

    Attributes:
        after: the last round, "" where there was none.
        next_round: the round that was due.
        answers: all rules that are set, those that say stop among them.
        digest: tells this state from others: the round, the rules that say stop, and the settings.
    """

    after: str
    next_round: str
    answers: tuple[Answer, ...]
    digest: str

    @property
    def reasons(self) -> list[str]:
        """Why, a sentence per rule that says stop."""
        return [answer.sentence for answer in self.answers if answer.stop]

    @property
    def detail(self) -> dict[str, str]:
        """What each rule says, for people, by the rule's name."""
        words = {True: "stop", False: "go on", None: "no answer"}
        return {answer.rule: f"{words[answer.stop]}: {answer.sentence}." for answer in self.answers}

    @staticmethod
    def of(after: str, next_round: str, answers: Sequence[Answer], config: StopConfig) -> Stop:
        """What these answers come to."""
        rules = sorted(answer.rule for answer in answers if answer.stop)
        return Stop(after, next_round, tuple(answers), digest_of([next_round, rules, asdict(config)]))


def record_stop(ledger: Ledger, stop: Stop, kind: str, author: Author) -> bool:
    """Record that the rules stopped the loop (`stopped`), or were overruled (`went_on`); False where it is known.

    A stop is the same as the last one where the round, the rules and the settings are, whatever the hour.
    """
    events = ledger.events(STOPPING)
    if events and (events[-1].kind, events[-1].payload["digest"]) == (kind, stop.digest):
        return False
    payload = {**asdict(stop), "reasons": stop.reasons}
    ledger.append(STOPPING, kind, payload, key=f"{len(events)}-{stop.digest}", author=author)
    return True


def last_stop(ledger: Ledger, *, as_of: int | None = None) -> dict[str, Any] | None:
    """The payload of the newest `stopped` event, as long as no round was proposed since; None otherwise.

    With `as_of`, as it was when the event of that number had just been recorded.
    """
    events = ledger.events(STOPPING, as_of=as_of)
    if not events or events[-1].kind != STOPPED:
        return None
    known = {state.round_id for state in ledger.rounds(as_of=as_of)}
    payload = dict(events[-1].payload)
    return None if payload["next_round"] in known else payload
