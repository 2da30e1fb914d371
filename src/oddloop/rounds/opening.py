"""A new round is opened once the rules of `[stop]` let it, before its picks are made where they need not see them.

So a policy that fails leaves a round that is due, with nothing picked, and the next run picks for that one.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from oddloop.errors import OddloopError
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.shell import Shell, Step
from oddloop.rounds.stages import Context, count_candidates
from oddloop.rounds.state import RoundState, newest_open, next_number, round_name
from oddloop.rounds.stopping import STOPPED, WENT_ON, Question, Stop, ask, needs_picks, record_stop


class Opening:
    """What one run knows of whether a new round is due; `go_on` overrules the rules.

    Attributes:
        stopped: why there is none, a sentence per rule that says stop.
    """

    def __init__(
        self, workspace: Workspace, ledger: Ledger, shell: Shell, note: Callable[[Step], None], *, go_on: bool
    ) -> None:
        self.stopped: list[str] = []
        self._workspace, self._ledger, self._shell, self._note = workspace, ledger, shell, note
        self._go_on, self._asked = go_on, False

    @contextlib.contextmanager
    def around_picks(self, context: Context, done: Mapping[str, Derived]) -> Iterator[None]:
        """Open before the picks are made; where a rule has to see them, only once making them has failed.

        Without candidates nothing is due.
        """
        is_due = self.open_round() is None and count_candidates(context, done) > 0
        if is_due and not needs_picks(self._workspace.config.stop):
            self.open_if_due(done)
        try:
            yield
        except OddloopError:
            if is_due:
                self.open_if_due(done)
            raise

    def open_if_due(self, done: Mapping[str, Derived], proposal: Mapping[str, Any] | None = None) -> RoundState | None:
        """The open round, opened now where there was none; None where a rule says that there should be none.

        Without a proposal, rules that look at the picks are not asked.
        """
        state = self.open_round()
        if state is not None or self._is_over(done, proposal):
            return state
        name = self._next_name()
        self._ledger.append(name, "opened", {}, key="due", author=self._shell.stamp())
        return self._ledger.round(name)

    def open_round(self) -> RoundState | None:
        """The newest round that is not closed."""
        return newest_open(self._ledger.rounds())

    def _next_name(self) -> str:
        return round_name(next_number(self._ledger.rounds()))

    def _is_over(self, done: Mapping[str, Derived], proposal: Mapping[str, Any] | None) -> bool:
        """Whether a rule of `[stop]` keeps a new round from being opened; what the rules say is told and recorded."""
        if self._asked:
            return bool(self.stopped)
        self._asked = True
        begun, rounds = time.perf_counter(), self._ledger.rounds()
        answers = ask(Question(self._workspace, self._ledger, rounds, done, proposal, self._shell.now_ns()))
        if not answers:
            return False
        after = rounds[-1].round_id if rounds else ""
        stop = Stop.of(after, self._next_name(), answers, self._workspace.config.stop)
        self.stopped = [] if self._go_on else stop.reasons
        kind = WENT_ON if self._go_on else STOPPED
        is_new = bool(stop.reasons) and record_stop(self._ledger, stop, kind, self._shell.stamp())
        self._note(Step("stop", stop.digest, is_new, time.perf_counter() - begun, stop.detail))
        return bool(self.stopped)
