"""The evaluation hook: for teams whose training does not measure its model itself.

The command gets the training's output folder and a Parquet file of the held-out scenes, and writes `metrics/*.parquet`.
The result is `derived/evaluate/<digest>/`, whole or not at all: where it fails, the training stays. Metrics that the
training has written, and the evaluation has not, are taken over: errors on training scenes say why a gap exists.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.config import HookConfig
from oddloop.errors import TrainError
from oddloop.lake.derived import Derived, Recipe, derive, find
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.hook import Call, run_hook, settings_of
from oddloop.rounds.shell import Progress, no_progress
from oddloop.rounds.state import RoundState
from oddloop.rounds.train_hook import OUTPUT, refuse_bad_tables, trained_folder, trained_tables
from oddloop.tables import LABELS, METRICS, SCENES, is_held_out

SCENES_FILE = "held_out.parquet"
TAKEN_OVER_FILE = "from-training.parquet"
_STAGE = "evaluate"


@dataclass(frozen=True)
class EvaluateRequest:
    """One evaluation to do.

    Attributes:
        hook: the team's command, and how it is run.
        model_id: the model.
        training: folder of its training.
        scenes: scene_id, log_id and labelled of every held-out scene.
        seed: seed for the command.
        purpose: `round`, or `curve`.
        logs: folder of the workspace where the log of every attempt is kept.
        progress: told of what the command says of its progress.
    """

    hook: HookConfig
    model_id: str
    training: Storage
    scenes: pa.Table
    seed: int
    purpose: Literal["round", "curve"] = "round"
    logs: str = ""
    progress: Progress = no_progress

    def recipe(self, training: str) -> Recipe:
        """What the result is a pure function of; `training` is the training's digest."""
        inputs = {"training": training, "held_out": digest_of(self.scenes.to_pylist())}
        return Recipe(_STAGE, inputs, settings_of(self.hook, self.model_id), seed=self.seed)


def held_out_scenes(workspace: Workspace) -> pa.Table:
    """scene_id, log_id, and whether it has labels, of every held-out scene, sorted by scene_id."""
    scenes = read_table(workspace.table("scenes"), SCENES)
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id"])["scene_id"].combine_chunks()
    scenes = scenes.filter(is_held_out(scenes)).select(["scene_id", "log_id"]).sort_by("scene_id")
    has_labels = pc.is_in(scenes["scene_id"], value_set=labels.cast(scenes["scene_id"].type))
    return scenes.append_column("labelled", has_labels).combine_chunks()


def request_evaluation(workspace: Workspace, state: RoundState, progress: Progress = no_progress) -> EvaluateRequest:
    """The evaluation of a trained round's model."""
    config = workspace.config
    return EvaluateRequest(
        hook=config.evaluate,
        model_id=str(state.training["model_id"]),
        training=trained_folder(workspace, state),
        scenes=held_out_scenes(workspace),
        seed=config.workspace.seed,
        logs=f"rounds/{state.round_id}/logs",
        progress=progress,
    )


def evaluate(workspace: Workspace, request: EvaluateRequest, training: str) -> Derived:
    """Run the evaluation where its result is not there yet; `training` is the training's digest.

    Raises:
        TrainError: the command failed, or wrote no metrics of held-out scenes, or other ones than it should.
    """
    recipe = request.recipe(training)
    return derive(workspace.storage, recipe, lambda staging: evaluate_into(workspace, staging, request))


def evaluate_into(workspace: Workspace, staging: Storage, request: EvaluateRequest) -> dict[str, int]:
    """Run the evaluation into a folder; rows of metrics, all checked.

    Raises:
        TrainError: see `evaluate`.
    """
    folder, place = staging.local_path(), workspace.storage.local_path()
    folder.mkdir(exist_ok=True)
    pq.write_table(request.scenes, folder / SCENES_FILE)
    what = f"evaluation of {request.model_id}"
    logs = place / request.logs if request.logs else None
    values = _values(request, folder, place)
    run_hook(Call("evaluate", what, request.hook, values, folder, folder / OUTPUT, place, logs, request.progress))
    tables = {name: files for name, files in trained_tables(staging).items() if name == METRICS.name}
    refuse_bad_tables(workspace, tables, request.model_id, what)
    metrics = read_table(tables[METRICS.name], METRICS) if tables else METRICS.empty()
    if not pc.any(pc.is_in(metrics["scene_id"], value_set=request.scenes["scene_id"].combine_chunks())).as_py():
        raise TrainError(
            f"{what} ended well but wrote no metrics of held-out scenes; it must write metrics/*.parquet to its output "
            "folder, with the scenes that it is given"
        )
    n_taken = _take_over(staging, request.training, metrics)
    return {"metrics": metrics.num_rows, "metrics of the training": n_taken}


def evaluation_of(workspace: Workspace, state: RoundState) -> Derived | None:
    """A trained round's evaluation; None where there is none, or its training has measured the model itself."""
    if "digest" not in state.training:
        return None
    digest = state.evaluation.get("evaluation")
    if digest:
        folder = workspace.storage.sub(f"derived/{_STAGE}/{digest}")
        return Derived(folder, {"digest": digest}, computed=False)
    if state.evaluation or not workspace.config.evaluate.command:
        return None
    return find(workspace.storage, request_evaluation(workspace, state).recipe(str(state.training["digest"])))


def measured_tables(workspace: Workspace, state: RoundState) -> TableFiles | None:
    """Metrics of a trained round's model, from its evaluation where there is one; None: there are none."""
    evaluated = evaluation_of(workspace, state)
    folder = evaluated.storage if evaluated is not None else trained_folder(workspace, state)
    return trained_tables(folder).get(METRICS.name)


def _values(request: EvaluateRequest, folder: Path, workspace: Path) -> Mapping[str, str]:
    return {
        "model": str(request.training.local_path(OUTPUT)),
        "scenes": str(folder / SCENES_FILE),
        "model_id": request.model_id,
        "seed": str(request.seed),
        "purpose": request.purpose,
        "workspace": str(workspace),
        "python": sys.executable,
    }


def _take_over(staging: Storage, training: Storage, metrics: pa.Table) -> int:
    """Add what the training has measured and the evaluation has not; its rows."""
    files = trained_tables(training).get(METRICS.name)
    if not files:
        return 0
    theirs = read_table(files, METRICS)
    rest = theirs.filter(pc.invert(pc.is_in(_keys(theirs), value_set=_keys(metrics).combine_chunks())))
    if rest.num_rows:
        staging.write_table(f"{OUTPUT}/{METRICS.name}/{TAKEN_OVER_FILE}", rest)
    return int(rest.num_rows)


def _keys(metrics: pa.Table) -> Any:
    return pc.binary_join_element_wise(metrics["scene_id"], metrics["metric"], "\0")
