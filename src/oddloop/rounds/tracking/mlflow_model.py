"""MLflow's registry: a version per trained round, and the alias of the one in service."""

from __future__ import annotations

from typing import Any

from oddloop.rounds.tracking.base import RoundRecord
from oddloop.rounds.tracking.mlflow_names import model_name
from oddloop.rounds.tracking.mlflow_upload import MODEL_FOLDER

IN_SERVICE = "in_service"


class MlflowModels:
    """Versions of one registered model."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, model_name(name)

    def register(self, run: Any, record: RoundRecord, loop_id: str) -> str:
        """The version of a round's model, made where the run has none; returns its number.

        Its source is where the training command says that the model is. A local path is none for a server, which
        refuses to look at it; then the source is the run's own `model` folder, whose `oddloop.json` says the path.
        """
        model, run_id = record.model, str(run.info.run_id)
        assert model is not None  # noqa: S101  the caller has looked
        known = self._version_of(run_id)
        if known:
            return known
        self._make_model()
        own = f"{run.info.artifact_uri}/{MODEL_FOLDER}"
        is_remote = "://" in model.uri and not model.uri.startswith("file:")
        tags = {
            "al.loop_id": loop_id,
            "al.round_id": record.round_id,
            "al.model_id": model.model_id,
            "al.model_uri": model.uri,
            "al.training": model.digest,
            "al.dataset_digest": record.dataset.digest if record.dataset else "",
        }
        source = model.uri if is_remote else own
        made = self._client.create_model_version(
            self._name, source, run_id=run_id, tags=tags, description=f"{model.model_id}, trained in {record.round_id}"
        )
        return str(made.version)

    def serve(self, run_id: str) -> str:
        """Move the alias to a run's version; where it has none, nothing that is registered is in service."""
        version = self._version_of(run_id) if run_id else ""
        if version:
            self._client.set_registered_model_alias(self._name, IN_SERVICE, version)
        elif self._client.search_registered_models(f"name = '{self._name}'"):
            self._client.delete_registered_model_alias(self._name, IN_SERVICE)
        return version

    def _version_of(self, run_id: str) -> str:
        found = self._client.search_model_versions(f"run_id = '{run_id}'")
        mine = sorted(int(version.version) for version in found if version.name == self._name)
        return str(mine[0]) if mine else ""

    def _make_model(self) -> None:
        if not self._client.search_registered_models(f"name = '{self._name}'"):
            self._client.create_registered_model(self._name)
