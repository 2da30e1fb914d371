"""MLflow: a parent run per loop, a run per round below it, a version of the registered model per trained round.

Runs are found by the tags `al.loop_id` and `al.round_id` before one is made, and all that is logged is compared with
what the run has, so a push that was interrupted anywhere is simply done again. `al.seq`, the place in the ledger of the
last event that a run knows of, is set last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.config.tracker import TrackerConfig
from oddloop.errors import MissingExtraError
from oddloop.rounds.tracking.base import Loop, Promotion, RoundRecord
from oddloop.rounds.tracking.mlflow_model import MlflowModels
from oddloop.rounds.tracking.mlflow_names import MAX_DIGEST, metric_name
from oddloop.rounds.tracking.mlflow_place import artifact_root, patiently, place_of
from oddloop.rounds.tracking.mlflow_upload import upload

LOOP, ROUND, SEQ, STATUS, SERVING = "al.loop_id", "al.round_id", "al.seq", "al.status", "al.in_service"
_PARENT, _NOTE = "mlflow.parentRunId", "mlflow.note.content"
_KIND = {"mlflow.experimentKind": "custom_model_development"}
"""Has MLflow's page show runs, and not what it has for language models."""
_BATCH = 1000
"""Most metrics that MLflow takes in one request."""
_ENDED = {"closed": "FINISHED", "train_failed": "FAILED"}
"""Status of a run by that of its round; any other is running."""


class MlflowTracker:
    """Pushes to MLflow; `Tracker` says what its methods promise."""

    def __init__(self, config: TrackerConfig, loop: Loop) -> None:
        """Remember where to push to; nothing is asked of the server yet.

        Raises:
            MissingExtraError: MLflow is not installed.
            TrackerError: the workspace cannot hold the database that the tracking URI names.
        """
        self._config, self._loop = config, loop
        self._uri = place_of(config, loop)
        self._experiment_id = self._parent_id = ""
        with patiently(config.timeout_s):
            try:
                from mlflow.tracking import MlflowClient
            except ImportError as error:
                raise MissingExtraError(f"MLflow is not installed: pip install 'oddloop[mlflow]' ({error})") from error
            self._client: Any = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        self._models = MlflowModels(self._client, config.registered_model or loop.name)

    def push_round(self, record: RoundRecord) -> str:
        """Make the round's run as the record says; returns its run_id."""
        with patiently(self._config.timeout_s):
            run = self._client.get_run(self._run_of(record.round_id, record.begun_at_ns))
            run_id = str(run.info.run_id)
            self._log_values(run, record)
            self._log_dataset(run, record)
            files = upload(self._client, run, record)
            if record.model is not None:
                self._models.register(run, record, self._loop.loop_id)
            self._follow_status(run, record)
            told = {STATUS: record.status, _NOTE: record.summary, "al.files": files, SEQ: str(record.seq)}
            if record.model is not None:
                told["al.model_id"] = record.model.model_id
            self._set_tags(run_id, told)
            return run_id

    def push_promotion(self, promotion: Promotion) -> str:
        """Move the alias `in_service` to the model's version; returns its number, "" where MLflow has none."""
        with patiently(self._config.timeout_s):
            parent = self._parent(promotion.at_ns)
            run_ids = self._find(promotion.round_id) if promotion.round_id else []
            version = self._models.serve(run_ids[0] if run_ids else "")
            self._set_tags(parent, {SERVING: promotion.model_id, "al.in_service_why": promotion.why})
            return version

    def _experiment(self) -> str:
        """The experiment's id; it is made where it is missing."""
        if not self._experiment_id:
            name = self._config.experiment or self._loop.name
            known = self._client.get_experiment_by_name(name)
            self._experiment_id = str(known.experiment_id if known else self._make_experiment(name))
        return self._experiment_id

    def _make_experiment(self, name: str) -> str:
        root = artifact_root(self._uri, self._loop)
        return str(self._client.create_experiment(name, artifact_location=root, tags=_KIND))

    def _parent(self, at_ns: int) -> str:
        if not self._parent_id:
            tags = {LOOP: self._loop.loop_id, ROUND: ""}
            self._parent_id = self._find_or_make("", self._loop.name, tags, at_ns)
        return self._parent_id

    def _run_of(self, round_id: str, at_ns: int) -> str:
        tags = {LOOP: self._loop.loop_id, ROUND: round_id, _PARENT: self._parent(at_ns)}
        return self._find_or_make(round_id, round_id, tags, at_ns)

    def _find_or_make(self, round_id: str, name: str, tags: Mapping[str, str], at_ns: int) -> str:
        found = self._find(round_id)
        if not found:
            tags = {**tags, "mlflow.source.name": "oddloop"}
            self._client.create_run(self._experiment(), _ms(at_ns), tags, name)
            found = self._find(round_id)
        for other in found[1:]:  # made by another process at the same moment: whoever sees both keeps the same one
            self._client.delete_run(other)
        return found[0]

    def _find(self, round_id: str) -> list[str]:
        """Runs of a round, or of the loop, in an order of their own: one, unless two processes have pushed at once."""
        query = f"tags.`{LOOP}` = '{self._loop.loop_id}' and tags.`{ROUND}` = '{round_id}'"
        return sorted(str(run.info.run_id) for run in self._client.search_runs([self._experiment()], query))

    def _log_values(self, run: Any, record: RoundRecord) -> None:
        from mlflow.entities import Metric, Param

        parameters = {k: v for k, v in record.parameters.items() if record.is_fixed and k not in run.data.params}
        values = {metric_name(name): value for name, value in record.metrics.items()}
        new = [(name, value) for name, value in values.items() if run.data.metrics.get(name) != value]
        overall = [(metric_name(n), v) for n, v in record.metrics.items() if not n.startswith("segment/")]
        # The loop's run has one point per round; the same point logged again is one point.
        for run_id, told, at_ns in (
            (run.info.run_id, new, record.at_ns),
            (self._parent(record.begun_at_ns), overall if new else [], record.begun_at_ns),
        ):
            metrics = [Metric(name, value, _ms(at_ns), record.number) for name, value in told]
            for start in range(0, len(metrics), _BATCH):
                self._client.log_batch(run_id, metrics=metrics[start : start + _BATCH])
        if parameters:
            self._client.log_batch(run.info.run_id, params=[Param(k, v) for k, v in parameters.items()])

    def _log_dataset(self, run: Any, record: RoundRecord) -> None:
        if record.dataset is None:
            return
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.entities import Dataset, DatasetInput, InputTag

        digest = record.dataset.digest[:MAX_DIGEST]
        if digest in {known.dataset.digest for known in run.inputs.dataset_inputs}:
            return
        source = resolve_dataset_source(record.dataset.uri)
        told = MetaDataset(source, name=record.dataset.name, digest=digest).to_dict()
        dataset = Dataset(**{name: told[name] for name in ("name", "digest", "source_type", "source")})
        tags = {
            "mlflow.data.context": "training",
            LOOP: self._loop.loop_id,
            ROUND: record.round_id,
            "al.digest": record.dataset.digest,
            "al.n_scenes": str(record.dataset.n_scenes),
        }
        entities = [InputTag(name, value) for name, value in tags.items()]
        self._client.log_inputs(run.info.run_id, [DatasetInput(dataset, entities)])

    def _follow_status(self, run: Any, record: RoundRecord) -> None:
        status = _ENDED.get(record.status, "RUNNING")
        if run.info.status == status:
            return
        if status == "RUNNING":
            self._client.update_run(run.info.run_id, status)
        else:
            self._client.set_terminated(run.info.run_id, status, _ms(record.at_ns))

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self._client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def _ms(at_ns: int) -> int:
    return at_ns // 1_000_000
