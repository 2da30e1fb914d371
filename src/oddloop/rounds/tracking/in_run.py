"""The outbox of one run: pushed to as the run goes on, and left alone once the tracker was found to be down."""

from __future__ import annotations

import time

from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.shell import Shell, Step
from oddloop.rounds.tracking.outbox import push


class Outbox:
    """Pushes what the ledger has and the tracker has not, and tells of it."""

    def __init__(self, workspace: Workspace, ledger: Ledger, shell: Shell) -> None:
        self._workspace, self._ledger, self._shell = workspace, ledger, shell
        self.is_down = False

    def push(self) -> list[Step]:
        """Push what waits; the step where there was something to do. A tracker that is down is told of once."""
        if self.is_down or not self._workspace.config.tracker.kind:
            return []
        begun = time.perf_counter()
        pushed = push(self._workspace, self._ledger, self._shell.stamp)
        self.is_down = bool(pushed.error)
        if pushed.error:
            what = ", ".join(pushed.waiting)
            self._shell.warn(
                f"the tracker did not take {what}: {pushed.error}; the loop goes on, the next run pushes it"
            )
        if not pushed.done and not pushed.error:
            return []
        detail = {"pushed": len(pushed.done), "waiting": len(pushed.waiting)}
        return [Step("tracker", "", bool(pushed.done), time.perf_counter() - begun, detail)]
