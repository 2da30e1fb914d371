"""What looks at the current model's scores without moving the loop on: the workspace is held, the model found."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, sweep
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import with_fitted_prices
from oddloop.rounds.discovery.scenarios import read_scenarios
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.model import ModelTables, current_model
from oddloop.rounds.review.remembered import scenes_set_aside
from oddloop.rounds.shell import Shell, Step
from oddloop.rounds.stages import Context, run_score
from oddloop.rounds.state import DISCOVERY, RoundState


@dataclass(frozen=True)
class Session:
    """The workspace, held; its rounds, and the current model."""

    shell: Shell
    context: Context
    rounds: list[RoundState]

    def score(self, model: ModelTables | None = None) -> Derived:
        """Scores of the current model, or of another, made where they are stale."""
        context = self.context
        if model is not None:
            context = replace(context, model=model, _tables={})
        return self.timed("score", lambda: run_score(context, {}))

    def timed(self, name: str, work: Callable[[], Derived]) -> Derived:
        """Do a step and tell of it."""
        begun = time.perf_counter()
        derived = work()
        seconds = time.perf_counter() - begun
        self.shell.on_step(Step(name, derived.digest, derived.computed, seconds, derived.counts))
        return derived


@contextlib.contextmanager
def session(workspace: Workspace, shell: Shell) -> Iterator[Session]:
    """Hold the workspace and find its current model.

    Raises:
        WorkspaceError: there is no model that has predictions.
    """
    with locked(workspace.storage):
        sweep(workspace.storage)
        ledger = open_ledger(workspace)
        try:
            rounds, scenarios = ledger.rounds(), read_scenarios(workspace, ledger.events(DISCOVERY))
            aside = scenes_set_aside(workspace, ledger.events(), rounds)
            model = current_model(workspace, ledger)
        finally:
            ledger.close()
        if model is None:
            raise WorkspaceError(f"{workspace.storage.url}: no predictions, so there are no scores; ingest some")
        workspace = with_fitted_prices(workspace, rounds)
        context = Context(workspace, shell.engine, model, shell.progress, scenarios, set_aside=aside)
        yield Session(shell, context, rounds)
