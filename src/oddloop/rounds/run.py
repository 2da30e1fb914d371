"""The loop: do whatever is stale, in order.

Labels in? -> train -> evaluate -> close the round -> score -> coverage -> discover -> select -> propose the next one.
Each step is a pure function of its inputs kept in a derived folder, or one event in the ledger, so a run that was
killed at any moment is finished by the next one, and a run with nothing to do does nothing.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow.compute as pc

from oddloop.engine import Engine
from oddloop.errors import TrainError, WorkspaceError
from oddloop.lake.derived import Derived, sweep
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evaluate import summarize_evaluation
from oddloop.rounds.labels import count_labelled
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.model import current_model
from oddloop.rounds.propose import proposal_of, publish
from oddloop.rounds.stages import STAGES, Context, Progress
from oddloop.rounds.state import ROUND_ZERO, RoundState, round_name
from oddloop.rounds.train import train
from oddloop.rounds.training import needs_training, request_training


@dataclass(frozen=True)
class Step:
    """One step of a run: what, the digest of its result, whether it was done now, its time, its row counts."""

    name: str
    digest: str
    computed: bool
    seconds: float
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSummary:
    """What a run did, step by step, and where the loop stands now."""

    steps: tuple[Step, ...]
    round_id: str
    status: str
    waiting_for: str

    @property
    def n_computed(self) -> int:
        """Steps that had something to do."""
        return sum(step.computed for step in self.steps)

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return {**asdict(self), "n_computed": self.n_computed}


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Tell nobody of progress."""


def no_step(_step: Step) -> None:
    """Tell nobody of steps."""


@dataclass(frozen=True)
class Shell:
    """What the outside gives to a run: who asks, the clock, the engine, and where to tell of steps and progress."""

    author: str
    engine: Engine
    now_ns: Callable[[], int] = time.time_ns
    progress: Progress = no_progress
    on_step: Callable[[Step], None] = no_step

    def stamp(self) -> Author:
        """The author, now."""
        return Author(self.author, self.now_ns())


def open_ledger(workspace: Workspace) -> Ledger:
    """The workspace's ledger.

    Raises:
        WorkspaceError: the workspace is in an object store and no database is named.
    """
    url = workspace.config.ledger.url
    if not url and not workspace.storage.is_local:
        raise WorkspaceError(f"{workspace.storage.url}: an object store cannot hold the ledger; set [ledger] url")
    return Ledger(url or f"sqlite:///{workspace.storage.local_path('ledger.db')}")


def run(workspace: Workspace, shell: Shell) -> RunSummary:
    """Do whatever is stale, in order, and say what was done.

    Safe to call at any time; one run per workspace at a time.

    Raises:
        OddloopError: what, where and how to mend; all that was finished before stays.
    """
    with locked(workspace.storage):
        sweep(workspace.storage)
        return _Run(workspace, open_ledger(workspace), shell).go()


def run_stages(workspace: Workspace, shell: Shell, *, until: str = "select") -> dict[str, Derived]:
    """Run the stages up to and with `until`, where they are stale; nothing is recorded in the ledger."""
    with locked(workspace.storage):
        sweep(workspace.storage)
        ledger = open_ledger(workspace)
        try:
            return _Run(workspace, ledger, shell).stages(until)
        finally:
            ledger.close()


def train_if_due(workspace: Workspace, shell: Shell) -> dict[str, Any]:
    """Take labels, and train where a round waits for it; returns the training's record, or nothing."""
    with locked(workspace.storage):
        sweep(workspace.storage)
        ledger = open_ledger(workspace)
        try:
            return _Run(workspace, ledger, shell).train()
        finally:
            ledger.close()


class _Run:
    """One run's moving parts: the workspace, the ledger, the shell, and the steps so far."""

    def __init__(self, workspace: Workspace, ledger: Ledger, shell: Shell) -> None:
        self.workspace, self.ledger, self.shell = workspace, ledger, shell
        self.steps: list[Step] = []

    def go(self) -> RunSummary:
        try:
            self.train()
            stages = self.stages("select")
            self._evaluate(stages["coverage"])
            state = self._propose(stages)
        finally:
            self.ledger.close()
        return RunSummary(tuple(self.steps), state.round_id, state.status, self._waiting_for(state))

    def train(self) -> dict[str, Any]:
        """Labels in, then the training that they call for; its record, or nothing."""
        self._take_labels()
        round_id = needs_training(self.workspace, self.ledger.rounds())
        if round_id is None:
            self._close_without_training()
            return {}
        return self._train(round_id)

    def _take_labels(self) -> None:
        state = self._open_round()
        if state is None or state.status != "proposed":
            return
        scene_ids = [str(pick["scene_id"]) for pick in state.picks]
        n_labelled, cost = count_labelled(self.workspace, scene_ids)
        if scene_ids and n_labelled == len(scene_ids):
            payload = {"n_scenes": n_labelled, "cost": cost, "predicted_cost": state.proposal["cost"]}
            self.ledger.append(state.round_id, "labelled", payload, key="labels", author=self.shell.stamp())
            self._note(Step("labels", "", True, 0.0, {"round_id": state.round_id, **payload}))

    def _train(self, round_id: str) -> dict[str, Any]:
        request = request_training(self.workspace, round_id)
        if round_id == ROUND_ZERO and not self.ledger.events(ROUND_ZERO):
            cost = None if request.labelled["cost"].null_count else pc.sum(request.labelled["cost"]).as_py()
            payload = {"n_scenes": request.labelled.num_rows, "cost": cost, "predicted_cost": None}
            self.ledger.append(round_id, "labelled", payload, key="labels", author=self.shell.stamp())
        try:
            trained = self._timed("train", lambda: train(self.workspace.storage, request))
        except TrainError as error:
            stamp = self.shell.stamp()
            failed = {"model_id": request.model_id, "error": str(error)}
            self.ledger.append(round_id, "train_failed", failed, key=str(stamp.at_ns), author=stamp)
            raise
        record = {"model_id": request.model_id, "digest": trained.digest, "rows": dict(trained.manifest["rows"])}
        self.ledger.append(round_id, "trained", record, key=trained.digest, author=self.shell.stamp())
        return record

    def _close_without_training(self) -> None:
        state = self._open_round()
        if state is not None and state.status == "labelled" and not self.workspace.config.train.command:
            self.ledger.append(state.round_id, "closed", {}, key="no-training", author=self.shell.stamp())

    def stages(self, until: str) -> dict[str, Derived]:
        """The stages' derived folders by name, in the order of the data flow, up to and with `until`."""
        model = current_model(self.workspace, self.ledger.rounds())
        if model is None:
            raise WorkspaceError(
                f"{self.workspace.storage.url}: no predictions to score; ingest some, "
                "or give a [train] command and labels to train a first model"
            )
        context = Context(self.workspace, self.shell.engine, model, self.shell.progress)
        done: dict[str, Derived] = {}
        for name, stage in STAGES.items():
            done[name] = self._timed(name, functools.partial(stage, context, done))
            if name == until:
                break
        return done

    def _evaluate(self, covered: Derived) -> None:
        state = self._open_round()
        if state is None or state.status not in ("trained", "evaluated"):
            return
        if state.status == "trained":
            payload = summarize_evaluation(covered, str(state.training["model_id"]))
            self.ledger.append(state.round_id, "evaluated", payload, key=covered.digest, author=self.shell.stamp())
        self.ledger.append(state.round_id, "closed", {}, key="evaluated", author=self.shell.stamp())
        self._note(Step("evaluate", covered.digest, True, 0.0, {"round_id": state.round_id}))

    def _propose(self, stages: dict[str, Derived]) -> RoundState:
        """Record the picks for the open round, or a new one; no picks and no open round record nothing."""
        begun = time.perf_counter()
        proposal = proposal_of(self.workspace, stages)
        rounds = self.ledger.rounds()
        open_round = self._open_round()
        if open_round is None and not proposal["picks"]:
            return RoundState("", "idle")
        round_id = open_round.round_id if open_round else round_name(1 + max((s.number for s in rounds), default=0))
        n_before = open_round.n_events if open_round else 0
        self.ledger.append(round_id, "proposed", proposal, key=stages["select"].digest, author=self.shell.stamp())
        state = self.ledger.round(round_id)
        is_new = publish(self.workspace, state, stages) or state.n_events > n_before
        detail = {"round_id": round_id, "picks": len(state.picks), "cost": state.proposal["cost"]}
        self._note(Step("propose", stages["select"].digest, is_new, time.perf_counter() - begun, detail))
        return state

    def _open_round(self) -> RoundState | None:
        return next((s for s in reversed(self.ledger.rounds()) if s.is_open), None)

    def _waiting_for(self, state: RoundState) -> str:
        if not state.picks:
            return "candidates: none is left, or none fits the budget"
        n_labelled, _ = count_labelled(self.workspace, [str(p["scene_id"]) for p in state.picks])
        return f"labels of {len(state.picks) - n_labelled} of {len(state.picks)} scenes of {state.round_id}"

    def _timed(self, name: str, work: Callable[[], Derived]) -> Derived:
        self.shell.progress(name, 0, 0)
        begun = time.perf_counter()
        derived = work()
        seconds = time.perf_counter() - begun
        self._note(Step(name, derived.digest, derived.computed, seconds, dict(derived.manifest["rows"])))
        return derived

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        self.shell.on_step(step)
