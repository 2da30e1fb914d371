"""The loop: do whatever is stale, in order.

Labels in? -> train -> score -> coverage -> evaluate the new model, weigh whether it helped -> discover -> say why gaps
exist, where the policy asks -> enough? -> open the next round -> select -> propose the picks. Each step is a pure
function of its inputs kept in a derived folder, or one event in the ledger, so a run that was killed at any moment is
finished by the next one, and a run with nothing to do does nothing.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from oddloop.errors import LedgerError, OddloopError, TrainError, WorkspaceError
from oddloop.lake.derived import Derived, sweep
from oddloop.lake.lock import locked
from oddloop.lake.parts import prune_parts
from oddloop.lake.workspace import Workspace
from oddloop.rounds.after_labels import Retraining
from oddloop.rounds.costs import with_fitted_prices
from oddloop.rounds.diagnosis import run_diagnosis
from oddloop.rounds.discovery.lasting import record_clusters
from oddloop.rounds.discovery.scenarios import read_scenarios
from oddloop.rounds.evaluate_hook import evaluation_of
from oddloop.rounds.evidence.announce import announce
from oddloop.rounds.evidence.weigh import weigh
from oddloop.rounds.labels import count_awaited, count_labelled
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.model import ModelTables, current_model, measured_model, trained_model
from oddloop.rounds.opening import Opening
from oddloop.rounds.orphans import end_orphans
from oddloop.rounds.overall import overall_metrics
from oddloop.rounds.propose import proposal_of, write_files
from oddloop.rounds.required import awaits_review
from oddloop.rounds.review.remembered import scenes_set_aside
from oddloop.rounds.shell import RunSummary, Shell, Step
from oddloop.rounds.snapshots import append_snapshot
from oddloop.rounds.stages import STAGES, Context, run_cards
from oddloop.rounds.state import BEFORE_LABELS, DISCOVERY, RoundState
from oddloop.rounds.tracking.in_run import Outbox
from oddloop.select import find_policy


def run(workspace: Workspace, shell: Shell, *, go_on: bool = False) -> RunSummary:
    """Do whatever is stale, in order, and say what was done.

    Safe to call at any time; one run per workspace at a time.

    Args:
        workspace: the workspace.
        shell: who asks, the clock, the engine, and whom to tell.
        go_on: propose a round even where a rule of `[stop]` says that there should be no more.

    Raises:
        OddloopError: what, where and how to mend; all that was finished before stays.
    """
    with _begun(workspace, shell) as run:
        run.opening = Opening(workspace, run.ledger, shell, run.note, go_on=go_on)
        run.take_labels()
        run.push()
        run.train_if_due()
        run.evaluate_if_due()
        run.push()
        stages = run.stages("select", then={"coverage": run.assess}, around={"select": run.opening.around_picks})
        state = run.propose(stages)
        run.push()
        return RunSummary(tuple(run.steps), state.round_id, state.status, run.waiting_for(state, stages["select"]))


def run_stages(workspace: Workspace, shell: Shell, *, until: str = "select", refit: bool = False) -> dict[str, Derived]:
    """Run the stages up to and with `until`, where they are stale; of rounds nothing is recorded in the ledger.

    With `refit` scene vectors get a new basis, even where the old one still suits.
    """
    with _begun(workspace, shell) as run:
        run.refit = refit
        return run.stages(until)


def train_if_due(workspace: Workspace, shell: Shell) -> dict[str, Any]:
    """Take labels, and train where a round waits for it; returns the training's record, or nothing."""
    with _begun(workspace, shell) as run:
        run.take_labels()
        record = run.train_if_due()
        run.push()
        return record


def evaluate_if_due(workspace: Workspace, shell: Shell) -> dict[str, Any]:
    """Call the evaluation command where a trained model waits for it; what it made, or nothing."""
    with _begun(workspace, shell) as run:
        return run.evaluate_if_due()


@contextlib.contextmanager
def _begun(workspace: Workspace, shell: Shell) -> Iterator[_Run]:
    """A run that holds the workspace, after what killed runs left behind was swept away."""
    with locked(workspace.storage):
        if workspace.storage.is_local:
            end_orphans(workspace.storage.local_path())
        sweep(workspace.storage)
        ledger = open_ledger(workspace)
        run = _Run(workspace, ledger, shell)
        try:
            yield run
            if any(step.computed for step in run.steps):
                prune_parts(workspace.storage)
        except OddloopError:  # what was recorded before belongs on the tracker, and a failed training too
            run.push()
            raise
        finally:
            ledger.close()


class _ReviewBegunError(LedgerError):
    """Somebody has decided on a pick, so that the round keeps its picks."""


def _keep_decisions(state: RoundState | None) -> None:
    if state and state.decisions:
        raise _ReviewBegunError(f"round {state.round_id} is being reviewed; it keeps its picks")


_NOTHING: Mapping[str, Any] = {}


class _Run:
    """The steps of one run; each reads where the loop stands from the ledger, and adds to it at most."""

    def __init__(self, workspace: Workspace, ledger: Ledger, shell: Shell) -> None:
        self.workspace, self.ledger, self.shell = workspace, ledger, shell
        self.steps: list[Step] = []
        self.refit = False
        self._retraining = Retraining(workspace, ledger, shell, self._timed)
        self._outbox = Outbox(workspace, ledger, shell)
        self.opening = Opening(workspace, ledger, shell, self.note, go_on=False)

    def take_labels(self) -> None:
        """Record that an open round is labelled, once all of its picks are."""
        state = self._open_round()
        if state is None or state.status not in BEFORE_LABELS or awaits_review(self.workspace, state):
            return
        if not state.picks:  # the review has left nothing to label
            self._record(state.round_id, "closed", {}, key="nothing-left")
            return
        step = self._retraining.take_labels(state)
        if step is not None:
            self.note(step)

    def evaluate_if_due(self) -> dict[str, Any]:
        """The evaluation of a newly trained model, where the training does not do it; what it made, or nothing."""
        return self._retraining.evaluate_if_due()

    def train_if_due(self) -> dict[str, Any]:
        """The training that a round's labels call for, or the first one; its record, or nothing."""
        trained = self._retraining.train_if_due()
        if trained:
            return trained
        state = self._open_round()
        if state is not None and state.status in (
            "labelled",
            "train_failed",
        ):  # there is no training command (any more)
            self._record(state.round_id, "closed", {}, key="no-training")
        return {}

    def stages(
        self,
        until: str,
        then: Mapping[str, Callable[[Derived], None]] = _NOTHING,
        around: Mapping[str, Callable[[Context, dict[str, Derived]], AbstractContextManager[None]]] = _NOTHING,
    ) -> dict[str, Derived]:
        """The stages' derived folders, in the order of the data flow, up to and with `until`.

        What stands in `then` is done right after its stage, so that no later stage's error can keep it from being done;
        what stands in `around` before and after it, even where it fails.
        """
        self.workspace = with_fitted_prices(self.workspace, self.ledger.rounds())
        model = current_model(self.workspace, self.ledger)
        wanted = STAGES
        if model is None and until == "coverage":  # counting needs no model
            model, wanted = measured_model(self.workspace), {until: STAGES[until]}
        if model is None and until == "discover":  # scenes are alike by what is known of them
            model = measured_model(self.workspace)
        if model is None:
            raise WorkspaceError(
                f"{self.workspace.storage.url}: no predictions to score; ingest some, or give a [train] command and "
                "labels to train a first model; what the data lacks needs neither: `oddloop coverage`"
            )
        context = self._context(model)
        done: dict[str, Derived] = {}
        for name, stage in wanted.items():
            with around[name](context, done) if name in around else contextlib.nullcontext():
                done[name] = self._timed(name, functools.partial(stage, context, done))
            if name == "coverage":
                append_snapshot(self.workspace, done[name], self.shell.now_ns())
            if name in then:
                then[name](done[name])
            if name == "discover":
                context = self._follow_clusters(context, done)
                done |= self._diagnosed(done["coverage"])
            if name == until:
                break
        return done

    def _context(self, model: ModelTables) -> Context:
        scenarios = read_scenarios(self.workspace, self.ledger.events(DISCOVERY))
        aside = scenes_set_aside(self.workspace, self.ledger.events(), self.ledger.rounds())
        shell = self.shell
        return Context(self.workspace, shell.engine, model, shell.progress, scenarios, shell.on_step, aside, self.refit)

    def _follow_clusters(self, context: Context, done: dict[str, Derived]) -> Context:
        """Give the clusters their lasting ids, and make their cards; named scenarios may have other scenes now."""
        lasting = record_clusters(self.workspace, self.ledger, done["discover"], self.shell.stamp())
        after = self._context(context.model)
        if after.scenario_inputs() != context.scenario_inputs():
            done["coverage"] = self._timed("coverage", lambda: STAGES["coverage"](after, done))
        done["cards"] = self._timed("cards", lambda: run_cards(after, done, lasting))
        return after

    def _diagnosed(self, covered: Derived) -> dict[str, Derived]:
        """Why gaps exist, where the policy asks what segments need."""
        chosen = self.workspace.config.select
        if not find_policy(chosen.policy).uses_needs or not chosen.gap_driven.need:
            return {}
        return {"diagnosis": self._timed("diagnosis", lambda: run_diagnosis(self.workspace, covered.digest))}

    def assess(self, covered: Derived) -> None:
        """Record what a newly trained model is worth, and whether its round helped."""
        self.evaluate(covered)
        self.weigh()

    def evaluate(self, covered: Derived) -> None:
        """Record what a newly trained model is worth, and close its round."""
        state = self._open_round()
        if state is None or state.status not in ("trained", "evaluated"):
            return
        if state.status == "trained":
            covered = self._measured(state, covered)
            payload = overall_metrics(covered, str(state.training["model_id"]))
            evaluated = evaluation_of(self.workspace, state)
            payload |= {"evaluation": evaluated.digest} if evaluated else {}
            self._record(state.round_id, "evaluated", payload, key=covered.digest)
        self._record(state.round_id, "closed", {}, key="evaluated")
        self.note(Step("evaluate", covered.digest, True, 0.0, {"round_id": state.round_id}))
        self.push()

    def _measured(self, state: RoundState, covered: Derived) -> Derived:
        """Coverage of the newly trained model: done by itself where another one is in service, and scored."""
        if covered.manifest["settings"]["model_id"] == state.training["model_id"]:
            return covered
        context = self._context(trained_model(self.workspace, state))
        return self._timed("coverage", lambda: STAGES["coverage"](context, {}))

    def weigh(self) -> None:
        """Record whether the last round helped, where that is not recorded yet; a training that fails is told only."""
        begun = time.perf_counter()
        try:
            payload = weigh(self.workspace, self.ledger.rounds(), self.shell)
        except TrainError as error:
            self.note(Step("evidence", "", False, time.perf_counter() - begun, {"failed": str(error)}))
            return
        if payload is None:
            return
        state = [s for s in self.ledger.rounds() if s.evaluation][-1]
        if state.evidence.get("digest") != payload["digest"]:
            self._record(state.round_id, "evidence", payload, key=payload["digest"])
            detail = {"round_id": state.round_id, "verdict": payload["verdict"]}
            self.note(Step("evidence", payload["digest"], True, time.perf_counter() - begun, detail))

    def propose(self, stages: dict[str, Derived]) -> RoundState:
        """Record the picks for the open round, or for a new one.

        A round that people have begun to review, send or label keeps its picks, whatever has changed since; no picks
        record nothing.
        """
        begun = time.perf_counter()
        state = self._open_round()
        n_before = state.n_events if state else 0
        proposal = proposal_of(self.workspace, stages)
        proposal["forecast"] = announce(self.workspace, self.ledger.rounds(), proposal["cost"])
        if proposal["picks"] and not (state and self._is_fixed(state)):
            state = self.opening.open_if_due(stages, proposal)
            if state is None:
                return RoundState("", "stopped")
            state = self._propose(state.round_id, proposal, stages["select"].digest)
        if state is None or not state.proposal:
            return state or RoundState("", "idle")
        is_new = write_files(self.workspace, state) or state.n_events > n_before
        if is_new:
            self._retraining.tell_of_leaks(state)
        detail = {"round_id": state.round_id, "picks": len(state.picks), "cost": state.cost}
        digest = str(state.proposal["stages"]["select"])
        self.note(Step("propose", digest, is_new, time.perf_counter() - begun, detail))
        return state

    def _propose(self, round_id: str, proposal: dict[str, Any], digest: str) -> RoundState:
        """Record the picks, unless somebody has begun to review those of before at this very moment."""
        author = self.shell.stamp()
        with contextlib.suppress(_ReviewBegunError):
            self.ledger.append(round_id, "proposed", proposal, key=digest, author=author, guard=_keep_decisions)
        return self.ledger.round(round_id)

    def _is_fixed(self, state: RoundState) -> bool:
        """Whether people have begun to work on the picks."""
        touched = state.status not in ("opened", "proposed") or bool(state.decisions)
        return touched or count_labelled(self.workspace, state.pick_ids)[0] > 0

    def waiting_for(self, state: RoundState, selected: Derived) -> str:
        """What the loop needs next, in words."""
        if reasons := self.opening.stopped:
            return f"`oddloop run --go-on`, or other settings in [stop]: {'; '.join(reasons)}"
        if not state.picks:
            metadata = selected.storage.read_table("picks.parquet").schema.metadata or {}
            return f"candidates: {metadata.get(b'stopped', b'there are none').decode()}"
        if awaits_review(self.workspace, state):
            return f"the review of {len(state.picks)} picks of {state.round_id}: `oddloop review`"
        return f"labels of {count_awaited(self.workspace, state)} of {len(state.picks)} scenes of {state.round_id}"

    def push(self) -> None:
        """Push to the tracker what the ledger has and it has not."""
        for step in self._outbox.push():
            self.note(step)

    def _open_round(self) -> RoundState | None:
        return self.opening.open_round()

    def _record(self, round_id: str, kind: str, payload: dict[str, Any], *, key: str) -> None:
        self.ledger.append(round_id, kind, payload, key=key, author=self.shell.stamp())

    def _timed(self, name: str, work: Callable[[], Derived]) -> Derived:
        self.shell.progress(name, 0, 0)
        begun = time.perf_counter()
        derived = work()
        seconds = time.perf_counter() - begun
        self.note(Step(name, derived.digest, derived.computed, seconds, derived.counts))
        return derived

    def note(self, step: Step) -> None:
        """Keep a step, and tell of it."""
        self.steps.append(step)
        self.shell.on_step(step)
