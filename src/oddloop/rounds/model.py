"""Which model's outputs the loop works on now: the newest that it trained, else the one in the lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oddloop.errors import WorkspaceError
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.state import RoundState
from oddloop.rounds.train import LABELLED_FILE, trained_folder, trained_tables
from oddloop.tables import LABELS, METRICS


@dataclass(frozen=True)
class ModelTables:
    """Where a model's outputs are.

    Attributes:
        model_id: the model.
        predictions: files by task.
        features: files of its scene or frame vectors, `features/<encoder_id>`, or None.
        metrics: files of metrics; they may hold other models' rows too.
        digest: tells it from another model of this name: of its training, or as `[model] digest` says; "" unknown.
        head: files of the last layer that the vectors go into, or None.
        trained_on: table with the scene_id of what it was trained on; `labels` has scenes of rounds, too; None unknown.
    """

    model_id: str
    predictions: Mapping[str, TableFiles]
    features: TableFiles | None
    metrics: TableFiles
    digest: str = ""
    head: TableFiles | None = None
    trained_on: TableFiles | None = None


def current_model(workspace: Workspace, rounds: list[RoundState]) -> ModelTables | None:
    """The model to score with, or None where there is none yet.

    Raises:
        WorkspaceError: the lake holds several models or encoders and oddloop.toml names none of them.
    """
    trained = [state for state in rounds if "digest" in state.training]
    if trained:
        return _trained_model(workspace, trained[-1])
    model_id = _one_of(list(workspace.models()), workspace.config.model.id, "model.id", "predictions")
    if model_id is None:
        return None
    encoder = _one_of(workspace.encoders(), workspace.config.model.encoder, "model.encoder", "features")
    return _lake_model(workspace, model_id, encoder)


def other_model(workspace: Workspace, rounds: list[RoundState], current: ModelTables, wanted: str = "") -> ModelTables:
    """A model to compare the current one with.

    Args:
        workspace: the workspace.
        rounds: all rounds of its ledger.
        current: the current model.
        wanted: a model_id, or the round that trained it; "" means the model before the current one: trained before it,
            or the only other one in the lake.

    Raises:
        WorkspaceError: there is no such model, it is the current one, or nothing says which is meant.
    """
    trained = {state.round_id: state for state in rounds if "digest" in state.training}
    by_model = {str(state.training["model_id"]): state for state in trained.values()}
    in_lake = [model_id for model_id in workspace.models() if model_id not in by_model]
    others = [model_id for model_id in (*in_lake, *by_model) if model_id != current.model_id]
    name = wanted
    if not wanted and (len(others) == 1 or (others and others[-1] in by_model)):
        name = others[-1]
    if wanted in trained:
        name = str(trained[wanted].training["model_id"])
    if name not in others:
        what = f"{wanted!r} is {'the current model' if name == current.model_id else 'no model'}" if wanted else ""
        there = f"there are: {', '.join(others)}" if others else "there is no other"
        raise WorkspaceError(f"{what or f'which model to compare {current.model_id} with?'}; {there}")
    return _trained_model(workspace, by_model[name]) if name in by_model else _lake_model(workspace, name, None)


def _lake_model(workspace: Workspace, model_id: str, encoder: str | None) -> ModelTables:
    """A model in the lake; without an encoder, its predictions only."""
    tasks = workspace.models()[model_id]
    told = workspace.config.model.trained_on
    return ModelTables(
        model_id,
        {task: workspace.table(f"predictions/{task}/{model_id}") for task in tasks},
        workspace.table(f"features/{encoder}") if encoder else None,
        workspace.table("metrics"),
        workspace.config.model.digest,
        workspace.table(f"heads/{encoder}") or None if encoder else None,
        workspace.files_at(told, "model.trained_on") if told else workspace.table(LABELS.name),
    )


def measured_model(workspace: Workspace) -> ModelTables:
    """What coverage needs where nothing was predicted: the metrics, if there are any, of their one model.

    Raises:
        WorkspaceError: the metrics are of several models and oddloop.toml names none of them.
    """
    metrics = workspace.table("metrics")
    found = read_table(metrics, METRICS, ["model_id"])["model_id"].unique().to_pylist()
    return ModelTables(
        _one_of(sorted(found), workspace.config.model.id, "model.id", "metrics") or "", {}, None, metrics
    )


def _trained_model(workspace: Workspace, state: RoundState) -> ModelTables:
    folder, model_id = trained_folder(workspace, state), str(state.training["model_id"])
    tables = trained_tables(folder)
    predictions = {n.partition("/")[2]: t for n, t in tables.items() if n.startswith("predictions/")}
    if not predictions:
        raise WorkspaceError(
            f"{folder.url}: the outputs of model {model_id} are gone, though the ledger records them; "
            "restore the folder from a backup"
        )
    features = next((t for n, t in tables.items() if n.startswith("features/")), None)
    return ModelTables(
        model_id,
        predictions,
        features,
        tables.get("metrics", TableFiles("metrics", folder, ())),
        str(state.training["digest"]),
        tables.get(features.name.replace("features/", "heads/", 1)) if features else None,
        TableFiles("labelled", folder, (LABELLED_FILE,)),
    )


def _one_of(found: list[str], wanted: str, setting: str, table: str) -> str | None:
    if wanted:
        if wanted not in found:
            raise WorkspaceError(f"{setting} = {wanted!r}, but `{table}` holds: {', '.join(found) or 'nothing'}")
        return wanted
    if len(found) > 1:
        raise WorkspaceError(f"`{table}` holds {', '.join(found)}; say which one in {setting} of oddloop.toml")
    return found[0] if found else None
