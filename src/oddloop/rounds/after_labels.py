"""What follows once labels are in: guard the held-out scenes, write down the dataset, train, evaluate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TrainError, WorkspaceError
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.datasets import record_dataset, tag_sources
from oddloop.rounds.evaluate_hook import evaluate, request_evaluation
from oddloop.rounds.hook import read_attempts
from oddloop.rounds.labels import count_awaited, count_labelled
from oddloop.rounds.leakage import describe_leak, find_leaks
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.shell import Shell, Step
from oddloop.rounds.state import ROUND_ZERO, RoundState
from oddloop.rounds.train_due import labelled_scenes, needs_training, request_training, training_set
from oddloop.rounds.train_hook import train


class Retraining:
    """The steps from labels to a new model, each an event of the ledger at most."""

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        shell: Shell,
        timed: Callable[[str, Callable[[], Derived]], Derived],
    ) -> None:
        self._workspace, self._ledger, self._shell, self._timed = workspace, ledger, shell, timed

    def take_labels(self, state: RoundState) -> Step | None:
        """Record that a round is labelled, where all of its picks are; the step that this was."""
        if count_awaited(self._workspace, state):
            return None
        n_labelled, cost = count_labelled(self._workspace, state.pick_ids)
        payload = {"n_scenes": n_labelled, "cost": cost, "predicted_cost": state.cost}
        # Where there is a training, it records what it was done on.
        is_last = not self._workspace.config.train.command
        dataset = {"dataset": self._dataset(state.round_id, labelled_scenes(self._workspace))} if is_last else {}
        self._record(state.round_id, "labelled", payload | dataset, key="labels")
        return Step("labels", "", True, 0.0, {"round_id": state.round_id, **payload})

    def train_if_due(self) -> dict[str, Any]:
        """The training that a round's labels call for, or the first one; its record, or nothing.

        Raises:
            LeakageError: a scene to train on is too close to a held-out one.
            TrainError: the training failed, which is recorded.
        """
        round_id = needs_training(self._workspace, self._ledger.rounds())
        return self._train(round_id) if round_id is not None else {}

    def _train(self, round_id: str) -> dict[str, Any]:
        guarded = training_set(self._workspace, self._ledger.rounds())
        for leak in guarded.leaks:
            self._shell.on_step(Step("leakage", "", True, 0.0, {"found": describe_leak(leak, guarded.rules)}))
        self._begin_round_zero(round_id, guarded.labelled)
        dataset = self._dataset(round_id, guarded.labelled)
        request = request_training(self._workspace, round_id, guarded.labelled, dataset["digest"], self._shell.progress)
        try:
            trained = self._timed("train", lambda: train(self._workspace, request))
        except TrainError as error:
            failed: dict[str, Any] = {"model_id": request.model_id, "error": str(error), "dataset": dataset}
            failed["attempts"] = list(error.attempts)
            self._record(round_id, "train_failed", failed, key=str(self._shell.now_ns()))
            raise
        record = {"model_id": request.model_id, "digest": trained.digest, "rows": dict(trained.manifest["rows"])}
        attempts = read_attempts(self._workspace.storage.local_path(request.logs), "train")
        record |= {"dataset": dataset, "leakage": guarded.to_json(), "attempts": attempts}
        self._record(round_id, "trained", record, key=trained.digest)
        return record

    def evaluate_if_due(self) -> dict[str, Any]:
        """Evaluate the newest model, where it was trained and not measured yet; what that made, or nothing.

        Raises:
            TrainError: the evaluation failed; the training stays.
        """
        state = next((s for s in reversed(self._ledger.rounds()) if s.status == "trained"), None)
        if state is None or not self._workspace.config.evaluate.command:
            return {}
        request = request_evaluation(self._workspace, state, self._shell.progress)
        training = str(state.training["digest"])
        done = self._timed("evaluation", lambda: evaluate(self._workspace, request, training))
        return {"model_id": request.model_id, "digest": done.digest, "rows": dict(done.manifest["rows"])}

    def tell_of_leaks(self, state: RoundState) -> None:
        """Say which picks a training would refuse or leave out, before anybody has paid for their labels."""
        if not self._workspace.config.train.command:
            return
        rules, rounds = self._workspace.config.leakage, self._ledger.rounds()
        for leak in find_leaks(self._workspace, state.pick_ids, rounds):
            says = getattr(rules, leak.rule)
            if len(leak) and says in ("refuse", "leave_out"):
                told = {"picks": describe_leak(leak, rules), "says": f'[leakage] {leak.rule} = "{says}"'}
                self._shell.on_step(Step("leakage", "", True, 0.0, told))

    def _begin_round_zero(self, round_id: str, labelled: pa.Table) -> None:
        if round_id == ROUND_ZERO and not self._ledger.events(ROUND_ZERO):
            cost = None if labelled["cost"].null_count else pc.sum(labelled["cost"]).as_py()
            payload = {"n_scenes": labelled.num_rows, "cost": cost, "predicted_cost": None}
            self._record(round_id, "labelled", payload, key="labels")

    def _dataset(self, round_id: str, labelled: pa.Table) -> dict[str, Any]:
        """Write down the version of the labelled set that these scenes are; its record for the ledger."""
        begun = time.perf_counter()
        record = record_dataset(self._workspace, self._ledger, self._shell.engine, round_id, labelled)
        counts = {name: record[name] for name in ("n_scenes", "n_logs", "n_added", "n_corrected", "n_removed")}
        self._shell.on_step(Step("dataset", record["digest"], True, time.perf_counter() - begun, counts))
        try:
            tag_sources(self._workspace, record, round_id)
        except WorkspaceError as error:  # a tag helps to find the version again, a training does not wait for it
            self._shell.on_step(Step("tag", record["digest"], True, 0.0, {"failed": str(error)}))
        return record

    def _record(self, round_id: str, kind: str, payload: dict[str, Any], *, key: str) -> None:
        self._ledger.append(round_id, kind, payload, key=key, author=self._shell.stamp())
