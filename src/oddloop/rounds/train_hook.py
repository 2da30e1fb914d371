"""The training hook: call the team's own command, and take what it wrote only if all of it is right.

The command gets a Parquet file of labelled scenes and an empty output folder, and writes there, in table form:
`predictions/<task>/*.parquet`, and where it has them `features/<encoder_id>/*.parquet`, `heads/<encoder_id>/*.parquet`
and `metrics/*.parquet`. The output becomes `derived/train/<digest>/` in one rename, or it leaves no trace.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.config import HookConfig, LakeConfig
from oddloop.errors import TrainError
from oddloop.lake.checks.cures import TOLERATED
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.scan import count_rows, read_table
from oddloop.lake.storage import Storage
from oddloop.lake.validate import find_faults
from oddloop.lake.workspace import TableFiles, Workspace, table_files
from oddloop.rounds.hook import Call, run_hook, settings_of
from oddloop.rounds.shell import Progress, no_progress
from oddloop.rounds.state import RoundState
from oddloop.tables import BY_ENCODER, METRICS, TASKS

LABELLED_FILE = "labelled.parquet"
OUTPUT = "output"


@dataclass(frozen=True)
class TrainRequest:
    """One training to do.

    Attributes:
        hook: the team's command, and how it is run.
        labelled: scene_id, log_id, round_id, cost of every scene to train on.
        model_id: name that the new model gets.
        seed: seed for the command.
        inputs: digests of what the training depends on.
        dataset: digest of the version of the labelled set; "" where it is none of its own.
        purpose: `round`, or `curve`, of which only metrics are kept, so that predictions need not be written.
        logs: folder of the workspace where the log of every attempt is kept; "": none is.
        progress: told of what the command says of its progress.
    """

    hook: HookConfig
    labelled: pa.Table
    model_id: str
    seed: int
    inputs: Mapping[str, str]
    dataset: str = ""
    purpose: Literal["round", "curve"] = "round"
    logs: str = ""
    progress: Progress = no_progress


def train(workspace: Workspace, request: TrainRequest) -> Derived:
    """Run the training where its result is not there yet; returns the complete output folder.

    Raises:
        TrainError: the command could not be started, ended with another exit code than 0, took too long, or wrote
            something that is not in table form. Nothing of its output is kept.
    """
    recipe = Recipe("train", request.inputs, settings_of(request.hook, request.model_id), seed=request.seed)
    return derive(workspace.storage, recipe, lambda staging: train_into(workspace, staging, request))


def trained_folder(workspace: Workspace, state: RoundState) -> Storage:
    """Folder of a round's training: the labelled scenes, the log, and `output/` with its tables."""
    return workspace.storage.sub(f"derived/train/{state.training['digest']}")


def trained_tables(training: Storage) -> dict[str, TableFiles]:
    """Tables of a training's output: `predictions/<task>`, `features/<encoder_id>`, `heads/<encoder_id>`, `metrics`."""
    folder = training.sub(OUTPUT)
    found = {
        f"predictions/{task}": table_files(folder.sub(f"predictions/{task}"), f"predictions/{task}") for task in TASKS
    }
    for name in (f"{table}/{encoder}" for table in BY_ENCODER for encoder in folder.list_folders(table)):
        found[name] = table_files(folder.sub(name), name)
    found["metrics"] = table_files(folder.sub("metrics"), "metrics")
    return {name: files for name, files in found.items() if files}


def train_into(workspace: Workspace, staging: Storage, request: TrainRequest) -> dict[str, int]:
    """Run the training into a folder, with its manifest of scenes and its log; row counts by table, all checked.

    Raises:
        TrainError: see `train`.
    """
    folder, place = staging.local_path(), workspace.storage.local_path()
    pq.write_table(request.labelled, folder / LABELLED_FILE)
    values = {
        "labelled": str(folder / LABELLED_FILE),
        "model_id": request.model_id,
        "seed": str(request.seed),
        "purpose": request.purpose,
        "dataset": request.dataset,
        "workspace": str(place),
        "python": sys.executable,
    }
    logs = place / request.logs if request.logs else None
    what = f"training of {request.model_id}"
    run_hook(Call("train", what, request.hook, values, folder, folder / OUTPUT, place, logs, request.progress))
    return _checked(workspace, staging, request)


def _checked(workspace: Workspace, staging: Storage, request: TrainRequest) -> dict[str, int]:
    """Row counts by table, after all of `oddloop check` has found nothing wrong with them."""
    tables, model_id = trained_tables(staging), request.model_id
    if request.purpose == "round" and not any(
        name.startswith("predictions/") and count_rows(files) for name, files in tables.items()
    ):
        raise TrainError(
            f"training of {model_id} ended well but wrote no predictions; it must write "
            f"predictions/<task>/*.parquet to its output folder, with task one of {', '.join(TASKS)}"
        )
    refuse_bad_tables(workspace, tables, model_id, f"training of {model_id}")
    return {name: count_rows(files) for name, files in tables.items()}


def refuse_bad_tables(workspace: Workspace, tables: Mapping[str, TableFiles], model_id: str, what: str) -> None:
    """Refuse what a command wrote, where `oddloop check` finds a fault in it or metrics are of another model.

    Raises:
        TrainError: all faults, each with its file and row; `what` wrote them.
    """
    faults = _faults(workspace, tables) or _foreign_models(tables, model_id)
    if faults:
        raise TrainError("\n  ".join([f"{what} wrote tables that are not right:", *faults]))


def _faults(workspace: Workspace, tables: Mapping[str, TableFiles]) -> list[str]:
    """Faults of the new tables beside the lake's scenes and frames: a workspace of links is made and checked."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, files in tables.items():
            # In the lake, predictions lie one folder deeper, below their model's name.
            link = Path(scratch, name, "model") if name.startswith("predictions/") else Path(scratch, name)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(files.storage.local_path(), target_is_directory=True)
        theirs = {name: workspace.pointer(name) for name in ("scenes", "frames")}
        ours = {name: str(Path(scratch, name)) for name in (f.name for f in fields(LakeConfig)) if name not in theirs}
        config = replace(workspace.config, lake=LakeConfig(**theirs, **ours), attributes={})
        found = find_faults(Workspace(workspace.storage, config))
    ours_only = [f for f in found if f.code not in TOLERATED and not f.table.startswith(("scenes", "frames"))]
    return [str(fault).replace(f"{scratch}/", "").replace("/model/", "/") for fault in ours_only]


def _foreign_models(tables: Mapping[str, TableFiles], model_id: str) -> list[str]:
    if "metrics" not in tables:
        return []
    found = set(read_table(tables["metrics"], METRICS, ["model_id"])["model_id"].unique().to_pylist()) - {model_id}
    return [f"metrics are of another model than {model_id!r}: {', '.join(sorted(found))}"] if found else []
