"""Which model's outputs the loop works on now: the one in service, else the newest that it trained, else the lake's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oddloop.errors import WorkspaceError
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.evaluate_hook import measured_tables
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.state import MODELS, Event, RoundState
from oddloop.rounds.train_hook import LABELLED_FILE, OUTPUT, trained_folder, trained_tables
from oddloop.tables import LABELS, METRICS

MODEL_URI_FILE = "model_uri"
"""In the training command's output, where it writes one: one line, the address of the model."""


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


def current_model(workspace: Workspace, ledger: Ledger) -> ModelTables | None:
    """The model to score with, or None where there is none yet.

    Once a model was promoted, the one in service, unless `[deploy] follow` says otherwise; before, the newest that was
    trained, else the one in the lake.

    Raises:
        WorkspaceError: the lake holds several models or encoders and oddloop.toml names none of them, or the model in
            service is not there any more.
    """
    rounds = ledger.rounds()
    trained = trained_rounds(rounds)
    promotion = last_promotion(ledger.events(MODELS)) if workspace.config.deploy.follow == "promoted" else None
    if promotion is not None:
        return named_model(workspace, rounds, str(promotion.payload["model_id"]))
    if trained:
        return trained_model(workspace, list(trained.values())[-1])
    model_id = _one_of(list(workspace.models()), workspace.config.model.id, "model.id", "predictions")
    if model_id is None:
        return None
    encoder = _one_of(workspace.encoders(), workspace.config.model.encoder, "model.encoder", "features")
    return _lake_model(workspace, model_id, encoder)


def last_promotion(events: Sequence[Event]) -> Event | None:
    """The newest promotion among the events of `models`: its model is in service; None where nothing was promoted."""
    return next((event for event in reversed(events) if event.kind == "promoted"), None)


def known_models(workspace: Workspace, rounds: list[RoundState]) -> dict[str, str]:
    """The round that trained it, by model_id, oldest first; "" for those that were in the lake before."""
    trained = {model_id: state.round_id for model_id, state in trained_rounds(rounds).items()}
    return {model_id: "" for model_id in workspace.models() if model_id not in trained} | trained


def model_uri(workspace: Workspace, state: RoundState) -> str:
    """Where a round's model is, as its training command has written; "" where it has written nothing."""
    output = trained_folder(workspace, state).sub(OUTPUT)
    text = output.read_bytes(MODEL_URI_FILE).decode(errors="replace") if output.exists(MODEL_URI_FILE) else ""
    return text.strip().partition("\n")[0].strip()


def trained_rounds(rounds: list[RoundState]) -> dict[str, RoundState]:
    """Rounds that have trained a model, by the model's id, oldest first."""
    return {str(state.training["model_id"]): state for state in rounds if "digest" in state.training}


def named_model(workspace: Workspace, rounds: list[RoundState], model_id: str) -> ModelTables:
    """The model of an id: of a round, or in the lake.

    Raises:
        WorkspaceError: what it said is not there any more.
    """
    trained = trained_rounds(rounds)
    if model_id in trained:
        return trained_model(workspace, trained[model_id])
    if model_id not in workspace.models():
        raise WorkspaceError(
            f"{workspace.storage.url}: the lake holds no predictions of model {model_id} any more; restore them, or "
            "promote another model with `oddloop rounds promote`"
        )
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
    order = [*in_lake, *by_model]
    others = [model_id for model_id in order if model_id != current.model_id]
    before = order[: order.index(current.model_id)] if current.model_id in order else others
    name = wanted
    if not wanted and len(others) == 1:
        name = others[0]
    elif not wanted and before and (len(before) == 1 or before[-1] in by_model):
        name = before[-1]
    if wanted in trained:
        name = str(trained[wanted].training["model_id"])
    if name not in others:
        what = f"{wanted!r} is {'the current model' if name == current.model_id else 'no model'}" if wanted else ""
        there = f"there are: {', '.join(others)}" if others else "there is no other"
        raise WorkspaceError(f"{what or f'which model to compare {current.model_id} with?'}; {there}")
    return trained_model(workspace, by_model[name]) if name in by_model else _lake_model(workspace, name, None)


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


def trained_model(workspace: Workspace, state: RoundState) -> ModelTables:
    """The model that a round has trained.

    Raises:
        WorkspaceError: its outputs are gone.
    """
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
        measured_tables(workspace, state) or TableFiles("metrics", folder, ()),
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
